"""Runs, crashes, replays, lost answers, other clients, resolving and the tap in any order.

After each step a simple model says what must hold: no execution is sent twice, no record is
without its one outcome, no STATE is ahead of the ledger, and the tap has emitted what is settled.
"""

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from crash_nursery import Nursery, Order
from crash_steps import STEPS
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from target_runs import BODY, KEY, USERS, Message, Stage, lines, record, signals_kept, state

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, Task, Template, When
from tap_reply_tasks.tap import TapReplyTasks

TASKS = tuple(range(1, 8))
FINISHED = {0, 2}


@dataclass(frozen=True)
class Ask:
    """One record: an update to a body, an execution under a key, or nonsense."""

    kind: str
    task_id: int
    value: str

    @property
    def key(self) -> str:
        """Its external id, by which its row is found."""
        return f"{self.kind} {self.task_id} {self.value}"

    def message(self, *, whole: bool) -> Message:
        """The record; an update as a whole body, or as the one member that it changes."""
        named = {"id": self.task_id, "externalId": self.key}
        if self.kind == "execute":
            return record("task_executions", named)
        template = {"body": self.value, "subject": "S"}
        if self.kind == "bad":
            return record("task_updates", {**named, "startAt": self.value, "template": template})
        if whole:
            return record("task_updates", {**BODY, **named, "taskType": 7, "template": template})
        return record("task_updates", {**named, "template": {"body": self.value}})


asks = st.builds(
    Ask,
    st.sampled_from(["update", "execute"]),
    st.sampled_from(TASKS),
    st.sampled_from("AB"),
) | st.just(Ask("bad", 1, "soon"))
inputs = st.lists(asks, min_size=1, max_size=6)
modes = st.sampled_from(["replace", "replace", "merge"])
tasks = st.sampled_from(TASKS)
executions = st.lists(
    st.builds(Ask, st.just("execute"), tasks, st.just("A")), min_size=1, max_size=4
)
#: Where a death leaves it open whether an execution happened.
IN_AN_EXECUTION = ("after the claim", "after an execution's send", "after the answer")


class Deed(StrEnum):
    """What another client does to a task."""

    EDIT = auto()
    CANCEL = auto()
    FINISH = auto()
    REOPEN = auto()


class Model(RuleBasedStateMachine):
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
        self.tap_state: dict[str, Any] = {}
        self.emitted: dict[str, dict[str, Any]] = {}
        self.last_emitted = 0
        self.details: list[int] = []

    # -- runs ----------------------------------------------------------------------------------

    @rule(asked=inputs, mode=modes, concurrency=st.sampled_from([1, 4]))
    def run_to_the_end(self, asked: list[Ask], mode: str, concurrency: int) -> None:
        """A run without trouble."""
        self.input, self.safe = asked, 0
        self._run(mode, concurrency=concurrency)

    @precondition(lambda self: self.input)
    @rule(from_the_start=st.booleans(), mode=modes)
    def replay(self, *, from_the_start: bool, mode: str) -> None:
        """The source sends its last input again: from its last STATE, or all of it."""
        if from_the_start:
            self.safe = 0
        self._run(mode)

    @rule(
        asked=inputs | executions,
        kind=st.sampled_from([FaultKind.DROP, FaultKind.SERVER_ERROR, FaultKind.GARBAGE]),
        when=st.sampled_from(When),
        times=st.integers(1, 2),
        hold=st.booleans(),
    )
    def lose_answers(
        self, *, asked: list[Ask], kind: FaultKind, when: When, times: int, hold: bool
    ) -> None:
        """A run on which the answers to some executions are lost."""
        self.input, self.safe = asked, 0
        self.server.fault(kind, endpoint=Endpoint.EXECUTE, when=when, times=times)
        if hold:  # it holds what dead runs left, too
            self.may_hold |= {ask.task_id for ask in asked if ask.kind == "execute"}
            self.may_hold |= self._executions_claimed()
        self._run("replace", on_lost_answer="hold" if hold else "verify")

    @rule(asked=inputs, mode=modes, times=st.integers(1, 3))
    def let_an_update_take_effect_late(self, *, asked: list[Ask], mode: str, times: int) -> None:
        """Answers to updates are lost before the effect, which comes after all, after the run."""
        self.input, self.safe = asked, 0
        seen = len(self.server.calls)
        self.server.fault(FaultKind.DROP, endpoint=Endpoint.UPDATE, when=When.BEFORE, times=times)
        self._run(mode)
        for call in self.server.calls[seen:]:
            if call.fault is None or call.task_id is None or call.task_id in self.edited:
                continue
            if self.server.task(call.task_id).status is TaskStatus.NEW:
                template: Any = call.body
                text = template["template"]
                self.server.edit_task(
                    call.task_id, template=Template(text["body"], text.get("subject"))
                )

    @rule(asked=inputs, mode=modes, step=st.sampled_from(sorted(STEPS)), nth=st.integers(1, 2))
    def crash(self, asked: list[Ask], mode: str, step: str, nth: int) -> None:
        """A run that dies by SIGKILL at a step of its life, if it comes there."""
        self._crash(asked, mode, step, nth)

    @rule(asked=executions, step=st.sampled_from(IN_AN_EXECUTION))
    def crash_in_an_execution(self, asked: list[Ask], step: str) -> None:
        """A run that dies while it is open whether an email has left."""
        self._crash(asked, "replace", step, 1)

    def _crash(self, asked: list[Ask], mode: str, step: str, nth: int) -> None:
        self.input, self.safe = asked, 0
        folder = self.stage.folder
        config, given = self.stage._files(
            self._text(mode), {"update_mode": mode, "keep_repeats": True}
        )
        before = datetime.now(UTC)
        self.nursery.run(
            Order(
                arguments=["--config", str(config)],
                stdin=str(given),
                stdout=str(folder / "states"),
                stderr=str(folder / "log"),
                step=step,
                nth=nth,
            )
        )
        self._let_the_dead_rest()
        written = (folder / "states").read_text().splitlines(keepends=True)
        states = [json.loads(line) for line in written if line.endswith("\n")]
        self._no_state_is_ahead(states, before)
        self.edited -= self._tasks_updated(before)
        if states:
            self.safe = states[-1]

    # -- others --------------------------------------------------------------------------------

    @rule(task_id=tasks, deed=st.sampled_from(Deed))
    def another_client(self, task_id: int, deed: Deed) -> None:
        """A colleague works on a task in Reply."""
        task = self.server.task(task_id)
        match deed:
            case Deed.EDIT:
                self.server.edit_task(task_id, template=Template("E", "S"))
                self.edited.add(task_id)
            case Deed.REOPEN if task_id not in self._sent():
                self.server.edit_task(task_id, status=TaskStatus.NEW, finished_at=None)
            case Deed.CANCEL if task.status is TaskStatus.NEW:
                self.server.edit_task(task_id, status=TaskStatus.CANCELLED)
            case Deed.FINISH if task.status is TaskStatus.NEW:
                an_hour_ago = datetime.now(UTC) - timedelta(hours=1)  # certainly not our doing
                self.server.edit_task(task_id, status=TaskStatus.FINISHED, finished_at=an_hour_ago)

    # No rule below has a precondition on what the world is like: a death is never the same twice,
    # and hypothesis must find the same rules open when it draws the same ones again.

    @rule(knows=st.booleans())
    def the_operator_resolves(self, *, knows: bool) -> None:
        """By reading back; or an operator who has looked into Reply says what has gone."""
        if knows:
            self._tell_the_truth()
            return
        self.may_hold |= self._executions_claimed()
        before = datetime.now(UTC)
        self._resolve()
        self.edited -= self._tasks_updated(before)

    def _executions_claimed(self) -> set[int]:
        return {row["task_id"] for row in self.stage.claims() if row["operation"] == "execute"}

    def _tell_the_truth(self) -> None:
        for row in self._uncertain():
            word = "sent" if row["task_id"] in self._sent() else "not-sent"
            self._resolve("--as", word, row["operation_id"])
        assert not self._uncertain()
        self.may_hold.clear()

    @rule()
    def tap(self) -> None:
        """The warehouse catches up."""
        config, kept = self.stage.folder / "tap.json", self.stage.folder / "tap_state.json"
        config.write_text(json.dumps({"ledger_url": self.stage.settings["ledger_url"]}))
        kept.write_text(json.dumps(self.tap_state))
        with signals_kept():
            done = CliRunner().invoke(
                TapReplyTasks.get_singer_command(),
                ["--config", str(config), "--state", str(kept)],
            )
        assert done.exit_code == 0, done.output
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message["type"] == "STATE":
                self.tap_state = message["value"]
            elif message["type"] == "RECORD":
                self._emitted(message["stream"], message["record"])
        rows = self.stage.operations()
        assert {key: row["sequence"] for key, row in self.emitted.items()} == {
            row["operation_id"]: row["sequence"] for row in rows
        }
        assert {key: row["outcome"] for key, row in self.emitted.items()} == {
            row["operation_id"]: row["outcome"] for row in rows
        }
        applied = [r["sequence"] for r in rows if r["outcome"] == "applied" and r["task_detail"]]
        assert self.details == applied

    def _emitted(self, stream: str, row: dict[str, Any]) -> None:
        if stream == "task_operations":
            assert row["sequence"] > self.last_emitted
            self.last_emitted = row["sequence"]
            self.emitted[row["operationId"]] = row
        elif stream == "task_details":
            self.details.append(row["sequence"])

    # -- what must hold ------------------------------------------------------------------------

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
        }

    def _run(self, mode: str, **more: Any) -> None:
        """Run to the end, and hold the run to its promises."""
        fresh = {t for t in TASKS if self.server.task(t).status is TaskStatus.NEW}
        held = {row["task_id"] for row in self._uncertain()}
        calls = len(self.server.calls)
        before = datetime.now(UTC)
        asked = self.input[self.safe :]
        edited, sent = set(self.edited), len(self.server.outbox)
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
        for message in self.server.outbox[sent:]:
            if message.task_id not in edited:
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
        elif ask.task_id in self._sent():
            assert fate in {"applied", "unchanged", "already_executed"}
        elif fate == "update_rejected":
            assert self._an_update_failed(ask.task_id, by=row["received_at"])
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

    def teardown(self) -> None:
        """Whatever happened: one more run, the operator's word and the tap leave nothing open."""
        try:
            self._let_the_dead_rest()
            if self.input:
                self.replay(from_the_start=True, mode="replace")
                self._tell_the_truth()
                self.replay(from_the_start=True, mode="replace")
                self.tap()
            assert not self._uncertain()
            self.nothing_is_sent_twice()
        finally:
            self.stage.close()
            shutil.rmtree(self.stage.folder)


def _hold(home: Path, *, examples: int, steps: int, phases: Sequence[Phase]) -> None:
    with (
        Nursery() as nursery,
        SandboxServer(
            tasks=[Task(task_id) for task_id in TASKS],
            keys={KEY: USERS},
            requests_per_minute=None,
            requests_per_hour=None,
        ) as server,
    ):
        world: Any = type("World", (Model,), {"nursery": nursery, "server": server, "home": home})
        run_state_machine_as_test(
            world,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                phases=phases,
                deadline=None,
                database=None,
                derandomize="REPLY_TASKS_MODEL_ANEW" not in os.environ,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_every_order_of_events_keeps_the_promises(quick_folder: Path) -> None:
    """A few hundred steps; REPLY_TASKS_MODEL_ANEW=1 draws others than last time."""
    _hold(quick_folder, examples=12, steps=15, phases=[Phase.generate])


@pytest.mark.e2e
def test_every_long_order_of_events_keeps_the_promises(quick_folder: Path) -> None:
    """Thousands of steps; a failure is brought to its shortest form."""
    _hold(quick_folder, examples=40, steps=40, phases=[Phase.generate, Phase.shrink])
