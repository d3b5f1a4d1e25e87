"""The world of whole lives: one sandbox, one ledger, the CRM's keys, and what must hold."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from click.testing import CliRunner
from crash_input import STREAMS
from crash_nursery import Nursery
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant
from messages import BODY, Message, record, schema, state
from sqlalchemy import select
from target_runs import KEY, Stage

from reply_tasks.cli import main
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.tables import task_links
from reply_tasks.sandbox import EffectKind, SandboxServer

FINISHED = {0, 2}
#: Keys by the contact of their tasks: those of one contact are equal rows, but for their key.
CONTACTS = {"a": 2001, "b": 2001, "c": 2002, "d": 2002, "e": 2003}
UNDONE = {"complete": EffectKind.COMPLETED, "delete": EffectKind.DELETED}


@dataclass(frozen=True)
class Ask:
    """One record, by the CRM's key, and maybe by an id that somebody takes for its task's."""

    operation: str
    key: str
    value: str
    nth_task: int | None = None

    def message(self, tasks: Sequence[int]) -> Message:
        """The record; where it brings an id, that of one of the contact's tasks."""
        members: dict[str, Any] = {"externalId": self.key}
        if self.operation in {"create", "update"}:
            template = {"body": self.value, "subject": "S"}
            members |= {**BODY, "taskType": 7, "template": template}
            members["contactId"] = CONTACTS[self.key]
        elif self.operation == "assign":
            members["userId"] = 1 if self.value == "A" else 2
        if self.nth_task is not None and tasks and self.operation != "create":
            members["id"] = tasks[self.nth_task % len(tasks)]
        return record(STREAMS[self.operation], members)


_keys = st.sampled_from(sorted(CONTACTS))
_by_key = st.builds(
    Ask,
    st.sampled_from(["create", "create", "update", "update", "execute", "complete", "assign"]),
    _keys,
    st.sampled_from("AB"),
)
_closing = st.builds(Ask, st.just("delete"), _keys, st.just("A"))
_by_both = st.builds(
    Ask, st.sampled_from(["update", "assign"]), _keys, st.just("B"), st.integers(0, 1)
)
asks = st.lists(_by_key | _by_key | _by_key | _closing | _by_both, min_size=1, max_size=7)


class LifeWorld(RuleBasedStateMachine):
    """A sandbox, one ledger, and what the model knows of them."""

    server: ClassVar[SandboxServer]
    nursery: ClassVar[Nursery]
    home: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.server.reset()
        folder = Path(tempfile.mkdtemp(dir=self.home))
        self.stage = Stage(self.server, folder, {"keep_repeats": True})
        self.input: Sequence[tuple[Ask, Message]] = ()
        self.safe = 0
        #: Keys that a creation, or an update that may create, was ever asked for.
        self.wanted: set[str] = set()

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def no_key_is_created_twice(self) -> None:
        """No contact has more tasks than keys that asked for one, and no two share a task."""
        made = Counter(e.task.contact_id for e in self.server.effects_of(EffectKind.CREATED))
        for contact, count in made.items():
            assert count <= sum(CONTACTS[key] == contact for key in self.wanted)
        applied = [row for row in self._creations() if row["outcome"] == Outcome.APPLIED]
        assert set(Counter(row["external_id"] for row in applied).values()) <= {1}
        assert set(Counter(row["task_id"] for row in applied).values()) <= {1}
        tasks = {e.task.id: e.task for e in self.server.effects_of(EffectKind.CREATED)}
        for row in applied:
            assert tasks[row["task_id"]].contact_id == CONTACTS[row["external_id"]]

    @invariant()
    def nothing_is_done_twice(self) -> None:
        """A task is completed, deleted, sent and linked once."""
        for kind in UNDONE.values():
            assert set(Counter(e.task.id for e in self.server.effects_of(kind)).values()) <= {1}
        assert set(Counter(sent.task_id for sent in self.server.outbox).values()) <= {1}
        sure = [link for link in self._links().values() if not link.ambiguous]
        assert set(Counter(link.task_id for link in sure).values()) <= {1}

    # -- runs ----------------------------------------------------------------------------------

    def _ask(self, asked: Sequence[Ask]) -> None:
        """A new input; its ids are those of the tasks that are there now."""
        made: dict[int | None, list[int]] = {}
        for effect in self.server.effects_of(EffectKind.CREATED):
            made.setdefault(effect.task.contact_id, []).append(effect.task.id)
        self.input = [(ask, ask.message(made.get(CONTACTS[ask.key], []))) for ask in asked]
        self.safe = 0
        self.wanted |= {ask.key for ask in asked if ask.operation in {"create", "update"}}

    def _run(self, **settings: Any) -> None:
        """Run to the end, and hold the run to its promises."""
        before = datetime.now(UTC)
        asked = [ask for ask, _ in self.input[self.safe :]]
        ended = self.stage.run(*self._messages(), **settings)
        self.server.faults.clear()
        assert ended.exit_code in FINISHED, ended.log
        assert ended.states == list(range(self.safe + 1, len(self.input) + 1))
        assert not self.stage.claims()
        rows = [row for row in self.stage.operations() if row["received_at"] >= before]
        assert Counter(row["external_id"] for row in rows) == Counter(ask.key for ask in asked)
        self._the_last_update_stands(asked, rows)
        self.safe = len(self.input)

    def _the_last_update_stands(self, asked: Sequence[Ask], rows: list[dict[str, Any]]) -> None:
        """A key that was only updated by its key ends with the text that was read last."""
        by_both = {CONTACTS[ask.key] for ask in asked if ask.nth_task is not None}
        links = self._links()
        for key in {ask.key for ask in asked}:
            of_key = [ask for ask in asked if ask.key == key]
            fates = {row["outcome"] for row in rows if row["external_id"] == key}
            if CONTACTS[key] in by_both or {ask.operation for ask in of_key} - {"update", "assign"}:
                continue
            updates = [ask for ask in of_key if ask.operation == "update"]
            if updates and fates <= {Outcome.APPLIED, Outcome.UNCHANGED, Outcome.SUPERSEDED}:
                assert self.server.task(links[key].task_id).template.body == updates[-1].value

    def _messages(self) -> Iterator[Message]:
        for stream in STREAMS.values():
            yield schema(stream)
        for place, (_, message) in enumerate(self.input[self.safe :], self.safe + 1):
            yield message
            yield state(place)

    def _after_a_death(self, before: datetime) -> None:
        """No STATE was ahead of the ledger; what the dead had in the air has landed."""
        deadline = time.monotonic() + 10
        while self.server._connections:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        written = (self.stage.folder / "states").read_text().splitlines(keepends=True)
        states = [json.loads(line) for line in written if line.endswith("\n")]
        if states:
            covered = Counter(ask.key for ask, _ in self.input[: states[-1]])
            settled = Counter(
                row["external_id"]
                for row in self.stage.operations()
                if row["received_at"] >= before
            )
            assert all(settled[key] >= count for key, count in covered.items())
            self.safe = states[-1]

    # -- the ledger, and a person --------------------------------------------------------------

    def _links(self) -> dict[str, Any]:
        if not (self.stage.folder / "ledger.db").exists():
            return {}
        self.stage.operations()
        with next(iter(self.stage._engines.values())).connect() as connection:
            return {row.external_id: row for row in connection.execute(select(task_links))}

    def _creations(self) -> list[dict[str, Any]]:
        if not (self.stage.folder / "ledger.db").exists():
            return []
        return [row for row in self.stage.operations() if row["operation"] == "create"]

    def _resolve(self, *words: str) -> None:
        given = ["--ledger-url", self.stage.settings["ledger_url"], "--api-key", KEY]
        done = CliRunner().invoke(main, ["resolve", *words, *given, "--api-url", self.server.url])
        assert done.exit_code in FINISHED or "There is no ledger" in done.output, done.output

    def _tell_the_truth(self) -> None:
        """A person looks into Reply, and says of each uncertain operation what became of it."""
        uncertain = [
            row
            for row in self.stage.operations()
            if row["outcome"] == Outcome.UNCERTAIN and row["claimed_at"]
        ]
        for row in uncertain:
            name = row["operation_id"]
            if row["operation"] == "create":
                of_others = {link.task_id for link in self._links().values()}
                free = [
                    e.task.id
                    for e in self.server.effects_of(EffectKind.CREATED)
                    if e.task.contact_id == CONTACTS[row["external_id"]]
                    and e.task.id not in of_others | self._created()
                ]
                if free:
                    self._resolve("--as", "sent", "--task", str(free[0]), name)
                else:
                    self._resolve("--as", "not-sent", name)
            elif row["operation"] == "execute":
                sent = row["task_id"] in {sent.task_id for sent in self.server.outbox}
                self._resolve("--as", "sent" if sent else "not-sent", name)
            else:
                kind = UNDONE[row["operation"]]
                done = self.server.effects_of(kind, row["task_id"])
                self._resolve("--as", "sent" if done else "not-sent", name)

    def _created(self) -> set[int]:
        return {row["task_id"] for row in self._creations() if row["outcome"] == Outcome.APPLIED}
