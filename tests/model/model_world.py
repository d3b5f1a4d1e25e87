"""The model's world: one sandbox, one ledger, and what must hold after each step."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from click.testing import CliRunner
from crash_nursery import Nursery
from hypothesis.stateful import RuleBasedStateMachine, invariant
from messages import Message, lines, state
from model_input import TASKS, Ask
from target_runs import KEY, Stage

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox import Endpoint, SandboxServer

FINISHED = {0, 2}


class World(RuleBasedStateMachine):
    """The world: a sandbox, one ledger, and what the model knows of them."""

    server: ClassVar[SandboxServer]
    nursery: ClassVar[Nursery]
    home: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.server.reset()
        folder = Path(tempfile.mkdtemp(dir=self.home))
        self.stage = Stage(self.server, folder, {"keep_repeats": True})
        #: What the tap of the source would send again, and from where: the last crashed input.
        self.input: Sequence[Ask] = ()
        self.safe = 0
        #: Tasks that another client has edited since an update was last applied.
        self.edited: set[int] = set()
        #: Tasks of which an execution may be left uncertain.
        self.may_hold: set[int] = set()
        #: What a person has approved: the task and its frozen text, by operation.
        self.approved: dict[str, tuple[int, str]] = {}
        #: Keys of executions that a person declined.
        self.declined: set[str] = set()
        #: Whether rows may be gone.
        self.pruned = False
        self.tap_state: dict[str, Any] = {}
        self.emitted: dict[str, dict[str, Any]] = {}
        self.last_emitted = 0
        self.details: list[int] = []

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        """Nobody asks for an execution that has happened: not even Reply's refusal is needed."""
        done: set[int | None] = set()
        for call in self.server.calls_of(Endpoint.EXECUTE):
            assert call.task_id not in done
            if call.effect:
                done.add(call.task_id)
        assert Counter(sent.task_id for sent in self.server.outbox) == Counter(done)

    @invariant()
    def the_ledger_claims_no_execution_twice(self) -> None:
        """At most one execution of a task is applied or failed; numbers are never used twice."""
        rows = self.stage.operations()
        applied = [
            row["task_id"]
            for row in rows
            if row["operation"] == "execute" and row["outcome"] == "applied"
        ]
        assert len(applied) == len(set(applied))
        sequences = [row["sequence"] for row in rows]
        assert len(sequences) == len(set(sequences))
        reasons = {row["reason"] for row in rows} - {None}
        assert reasons <= {
            "invalid_record",
            "task_not_new",
            "already_executed",
            "execution_failed",
            "update_rejected",
            "not_approved",
        }

    @invariant()
    def what_was_approved_went_out_as_it_was_shown(self) -> None:
        """A yes lets out just the text that was shown, and comes to one end."""
        texts = {sent.task_id: sent.body for sent in self.server.outbox}
        for row in self.stage.operations():
            if row["operation_id"] in self.approved and row["outcome"] == "applied":
                task_id, body = self.approved[row["operation_id"]]
                assert texts[task_id] == body

    def _run(self, mode: str, **more: Any) -> None:
        """Run to the end, and hold the run to its promises."""
        fresh = {t for t in TASKS if self.server.task(t).status is TaskStatus.NEW}
        held = {row["task_id"] for row in self._uncertain()}
        calls = len(self.server.calls)
        before = datetime.now(UTC)
        asked = self.input[self.safe :]
        edited, sent = set(self.edited), len(self.server.outbox)
        may_leave = {task_id for task_id, _ in self.approved.values()} | self._executions_claimed()
        ended = self.stage.run(*self._messages(mode), update_mode=mode, keep_repeats=True, **more)
        self.server.faults.clear()
        assert ended.exit_code in FINISHED, ended.log
        assert ended.states == list(range(self.safe + 1, len(self.input) + 1))
        called = {c.task_id for c in self.server.calls[calls:] if c.endpoint is Endpoint.EXECUTE}
        assert not called & held, "what is uncertain is never sent again on its own"
        assert not self.stage.claims(), "a run settles what dead ones left, and what it read"
        rows = self._rows_since(before)
        assert Counter(row["external_id"] for row in rows) == Counter(ask.key for ask in asked)
        self.edited -= self._tasks_updated(before)
        assert not [row for row in self._held() if row["approved_at"]], "a yes is used at once"
        approved = self._sent_with_a_yes()
        for message in self.server.outbox[sent:]:
            if more.get("executions_without_approval") == 0:
                assert message.task_id in may_leave, "nothing goes out without a yes"
            if message.task_id not in edited | approved:
                self._the_last_text_was_sent(message.task_id, message.body)
        by_key = {row["external_id"]: row for row in rows}
        for task_id in TASKS:
            self._last_body_is_there(task_id, asked, by_key)
        for ask in asked:
            if ask.kind == "bad":
                assert by_key[ask.key]["reason"] == "invalid_record"
            elif ask.kind == "execute":
                self._execution_is_right(ask, by_key[ask.key], was_new=ask.task_id in fresh)
        self.safe = len(self.input)

    def _the_last_text_was_sent(self, task_id: int, body: str) -> None:
        """What an execution sends is what the ledger says of the task, late effects or not."""
        texts = [
            row["task_detail"]["template"]["body"]
            for row in self.stage.operations()
            if row["task_id"] == task_id and row["operation"] == "update" and row["task_detail"]
        ]
        assert not texts or texts[-1] == body

    def _last_body_is_there(
        self, task_id: int, asked: Sequence[Ask], by_key: dict[str, dict[str, Any]]
    ) -> None:
        updates = [ask for ask in asked if ask.kind == "update" and ask.task_id == task_id]
        if not updates:
            return
        row = by_key[updates[-1].key]  # the last row of several with the same key
        if row["outcome"] == "rejected":
            assert row["reason"] == "task_not_new"
            assert self.server.task(task_id).status is not TaskStatus.NEW
        else:
            assert row["outcome"] in {"applied", "unchanged"}
            if task_id not in self.edited:
                assert self.server.task(task_id).template.body == updates[-1].value

    def _execution_is_right(self, ask: Ask, row: dict[str, Any], *, was_new: bool) -> None:
        fate = row["reason"] or row["outcome"]
        if row["outcome"] == "uncertain":
            assert ask.task_id in self.may_hold
        elif fate == "held":
            assert ask.task_id in {held["task_id"] for held in self._held()}
        elif fate == "superseded":
            assert "before anybody approved it" in row["detail"]
        elif fate == "update_rejected":
            assert self.pruned or self._an_update_failed(ask.task_id, by=row["received_at"])
        elif fate == "not_approved":
            assert ask.key in self.declined
        elif ask.task_id in self._sent():
            assert fate in {"applied", "unchanged", "already_executed"}
        else:
            assert fate == "task_not_new"
            assert not was_new

    def _an_update_failed(self, task_id: int, *, by: datetime) -> bool:
        """Whether an update of the task was rejected that was read by then."""
        return any(
            (row["task_id"], row["operation"], row["outcome"]) == (task_id, "update", "rejected")
            and row["received_at"] <= by
            for row in self.stage.operations()
        )

    def _no_state_is_ahead(self, states: list[int], before: datetime) -> None:
        covered = Counter(ask.key for ask in self.input[: states[-1]] if states) if states else {}
        settled = Counter(row["external_id"] for row in self._rows_since(before))
        assert states == sorted(states)
        assert all(settled[key] >= count for key, count in dict(covered).items())

    def _rows_since(self, before: datetime) -> list[dict[str, Any]]:
        """What was read since then and is settled, in the order settled."""
        return [row for row in self.stage.operations() if row["received_at"] >= before]

    def _tasks_updated(self, before: datetime) -> set[int]:
        """Tasks to which an update was applied since then, its own call confirmed."""
        return {
            row["task_id"]
            for row in self.stage.operations()
            if row["operation"] == "update"
            and row["outcome"] == "applied"
            and row["settled_at"] >= before
        }

    def _sent(self) -> set[int]:
        return {sent.task_id for sent in self.server.outbox}

    def _uncertain(self) -> list[dict[str, Any]]:
        """Uncertain executions, without those that only wait for one."""
        rows = self.stage.operations()
        return [row for row in rows if row["outcome"] == "uncertain" and row["claimed_at"]]

    def _held(self) -> list[dict[str, Any]]:
        """Executions that wait for a person, without those that only repeat one."""
        rows = self.stage.operations()
        return [row for row in rows if row["outcome"] == "held" and row["record"]]

    def _sent_with_a_yes(self) -> set[int]:
        """Tasks whose execution was one that a person approved."""
        return {
            row["task_id"]
            for row in self.stage.operations()
            if row["outcome"] == "applied" and row["operation_id"] in self.approved
        }

    def _resolve(self, *arguments: str) -> None:
        given = ["--ledger-url", self.stage.settings["ledger_url"], "--api-key", KEY]
        done = CliRunner().invoke(
            main, ["resolve", *arguments, *given, "--api-url", self.server.url]
        )
        if "There is no ledger" in done.output:
            return
        assert done.exit_code in FINISHED, done.output
        assert (done.exit_code == 2) == ("-> uncertain" in done.output)

    def _text(self, mode: str) -> str:
        return lines(*self._messages(mode))

    def _messages(self, mode: str) -> Iterator[Message]:
        for place, ask in enumerate(self.input[self.safe :], self.safe + 1):
            yield ask.message(whole=mode == "replace")
            yield state(place)

    def _let_the_dead_rest(self) -> None:
        """Wait for what a dead run's connections still carry."""
        deadline = time.monotonic() + 10
        while self.server._connections:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _executions_claimed(self) -> set[int]:
        return {row["task_id"] for row in self.stage.claims() if row["operation"] == "execute"}

    def _tell_the_truth(self) -> None:
        for row in self._uncertain():
            word = "sent" if row["task_id"] in self._sent() else "not-sent"
            self._resolve("--as", word, row["operation_id"])
        assert not self._uncertain()
        self.may_hold.clear()
