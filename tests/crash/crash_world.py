"""A sandbox, a ledger, an input, and runs that die; and what must hold after each of them."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from crash_input import NO_SUCH_TASK, Records, name_of, singer
from crash_nursery import Ending, Nursery, Order
from crash_steps import STEPS
from sqlalchemy import Row, or_, select, text

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.queries import finished_runs, settled_operations
from reply_tasks.ledger.tables import operations, runs, sequences
from reply_tasks.sandbox import DEFAULT_API_KEY, Endpoint, SandboxServer

#: Exit codes of a run that settled everything; 2: all of it was rejected, which may be right.
FINISHED = {0, 2}
#: Seconds within which every run has ended: none of them has anything to wait for.
PROMPT = 15.0
#: How the tap goes on after a crash: from the last STATE, or from the start, as a full table does.
RESUME, REPLAY = "resume", "replay"


@dataclass(frozen=True, slots=True)
class Seen:
    """One run: how it ended, and the STATEs that it printed."""

    ending: Ending
    run_id: str | None
    states: tuple[int, ...]


@dataclass
class World:
    """One input on one ledger, from the first crash to the end."""

    server: SandboxServer
    nursery: Nursery
    folder: Path
    ledger_url: str
    records: Records
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = open_engine(self.ledger_url)
        self.state = 0
        self.kills = 0
        #: Whether a run waits for what the dead one before it still has in the air.
        self.rests = True
        #: By how many seconds a run's clock is ahead.
        self.ahead = 0.0
        self._crashed: set[str] = set()
        self._known_runs: set[str] = set()

    @classmethod
    @contextmanager
    def open(
        cls,
        server: SandboxServer,
        nursery: Nursery,
        folder: Path,
        ledger_url: str,
        records: Records,
        **settings: Any,
    ) -> Iterator[Self]:
        """A world on a sandbox that is as new, and a ledger that is closed in the end."""
        server.reset()
        for task_id in sorted({record["id"] for record in records if "id" in record}):
            if task_id < NO_SUCH_TASK:
                server.create_task(task_id)
        world = cls(server, nursery, folder, ledger_url, records, settings)
        try:
            yield world
        finally:
            world.engine.dispose()

    # -- runs ----------------------------------------------------------------------------------

    def run(
        self,
        start: str = RESUME,
        *,
        step: str | None = None,
        nth: int = 1,
        seconds: float | None = None,
    ) -> Seen:
        """Run the target once, to its end or its death, and hold it to what it printed."""
        first = self.state if start == RESUME else 0
        (self.folder / "states").write_text("")  # one that dies at once doesn't come to do so
        (self.folder / "input").write_text(self.text(first))
        (self.folder / "config.json").write_text(
            json.dumps(
                {
                    "api_url": self.server.url,
                    "api_dialect": "preview",
                    "api_key": DEFAULT_API_KEY,
                    "ledger_url": self.ledger_url,
                    "requests_per_minute": None,
                    "requests_per_hour": None,
                    "settle_seconds": 0,
                    "keep_repeats": True,
                    "max_retries": 50,
                    **self.settings,
                }
            )
        )
        ending = self.nursery.run(
            Order(
                arguments=["--config", str(self.folder / "config.json")],
                stdin=str(self.folder / "input"),
                stdout=str(self.folder / "states"),
                stderr=str(self.folder / "log"),
                step=step,
                nth=nth,
                seconds=PROMPT if seconds is None else seconds,
                ahead=self.ahead,
            )
        )
        assert ending.seconds < PROMPT, self.log()
        if self.rests:
            self._let_the_dead_rest()
        return self._judge(ending, first)

    def text(self, first: int) -> str:
        """The input from a record on."""
        return singer(self.records, first=first)

    def to_the_end(self) -> None:
        """Run until nothing is left, then once more from the start, and check everything."""
        assert self.run().ending.exit_code in FINISHED, self.log()
        self.state = 0
        before = len(self.server.calls)
        last = self.run(REPLAY)
        assert last.ending.exit_code in FINISHED, self.log()
        replayed = self.server.calls[before:]
        assert [call for call in replayed if call.endpoint is Endpoint.EXECUTE] == []
        self._every_record_has_one_outcome_in(last)
        self._every_execution_was_sent_once()
        self._updates_are_as_remembered()
        self._every_run_is_closed()
        self._sequences_are_whole()

    def log(self) -> str:
        """The end of what the targets logged."""
        return (self.folder / "log").read_text()[-4000:]

    # -- what must hold ------------------------------------------------------------------------

    def _judge(self, ending: Ending, first: int) -> Seen:
        """Compare each STATE that was printed with the ledger as the run left it."""
        lines = (self.folder / "states").read_text().splitlines(keepends=True)
        states = tuple(json.loads(line)["read"] for line in lines if line.endswith("\n"))
        with self.engine.connect() as connection:
            started = set(connection.scalars(select(runs.c.run_id)))
            rows = connection.execute(
                select(operations.c.external_id, operations.c.run_id).where(
                    or_(operations.c.outcome.is_not(None), operations.c.approved_at.is_not(None))
                )
            ).all()
        new = started - self._known_runs
        self._known_runs = started
        assert len(new) <= 1
        run_id = next(iter(new), None)
        assert list(states) == sorted(states)
        if states:
            self.state = states[-1]
            self._is_covered(first, rows, [row for row in rows if row.run_id == run_id])
        self.kills += ending.killed
        if ending.killed:
            self._died(run_id)
        return Seen(ending, run_id, states)

    def _is_covered(self, first: int, rows: Sequence[Any], own: Sequence[Any]) -> None:
        """What a STATE covers is settled, and what this run has read is settled by it."""
        assert {name_of(index) for index in range(self.state)} <= {row.external_id for row in rows}
        by_this_run = {row.external_id for row in own}
        assert {name_of(index) for index in range(first, self.state)} <= by_this_run

    def _died(self, run_id: str | None) -> None:
        with self.engine.connect() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).one_or_none()
        if row is not None and row.ended_at is None:
            self._crashed.add(row.run_id)

    def _let_the_dead_rest(self) -> None:
        """Wait for what a dead run's connections still carry, to the sandbox and to the ledger."""
        deadline = time.monotonic() + 10
        while self.server._connections or self._other_sessions():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _other_sessions(self) -> int:
        if self.engine.dialect.name == "sqlite":
            return 0
        with self.engine.connect() as connection:
            others: int = connection.execute(text(_OTHER_SESSIONS)).scalar_one()
            return others

    def _every_record_has_one_outcome_in(self, last: Seen) -> None:
        rows = self._rows(operations.c.run_id == last.run_id)
        assert Counter(row.external_id for row in rows) == Counter(
            name_of(index) for index in range(len(self.records))
        )
        assert self._rows(operations.c.outcome.is_(None)) == []
        assert self._rows(operations.c.outcome == Outcome.UNCERTAIN) == []
        outcomes = {row.external_id: row for row in rows}
        for index, record in enumerate(self.records):
            row = outcomes[name_of(index)]
            if "nonsense" in record.values():
                assert row.reason == Reason.INVALID_RECORD
            elif record["id"] >= NO_SUCH_TASK:
                assert row.reason == Reason.TASK_NOT_FOUND or row.outcome == Outcome.SUPERSEDED

    def _every_execution_was_sent_once(self) -> None:
        wanted = {
            record["id"]
            for record in self.records
            if record["operation"] == Operation.EXECUTE and "nonsense" not in record.values()
        }
        sent = Counter(sent.task_id for sent in self.server.outbox)
        assert sent == Counter(wanted)
        calls = [call for call in self.server.calls_of(Endpoint.EXECUTE) if call.task_id in wanted]
        blind = [call for call in calls if not call.effect and call.fault is None]
        assert blind == []
        applied = self._rows(
            operations.c.operation == Operation.EXECUTE, operations.c.outcome == Outcome.APPLIED
        )
        assert Counter(row.task_id for row in applied) == Counter(wanted)
        bodies = {record["externalId"]: record for record in self.records}
        first_of = {sent.task_id: sent.body for sent in self.server.outbox}
        for row in applied:
            assert bodies[row.external_id]["content"]["body"] == first_of[row.task_id]

    def _updates_are_as_remembered(self) -> None:
        """A task that is not executed ends with its last record, as the sandbox has it."""
        executed = {sent.task_id for sent in self.server.outbox}
        last = {
            record["id"]: record["template"]["body"]
            for record in self.records
            if record["operation"] == Operation.UPDATE and "nonsense" not in record.values()
        }
        for task_id, body in last.items():
            if task_id < NO_SUCH_TASK and task_id not in executed:
                assert self.server.task(task_id).template.body == body

    def _every_run_is_closed(self) -> None:
        with self.engine.connect() as connection:
            rows = list(finished_runs(connection, after=0))
            open_runs = connection.execute(select(runs).where(runs.c.ended_at.is_(None))).all()
        assert open_runs == []
        assert {row["run_id"] for row in rows if row["crashed"]} == self._crashed
        settled = self._rows(operations.c.outcome.is_not(None))
        for run in rows:
            own = Counter(row.outcome for row in settled if row.run_id == run["run_id"])
            assert {outcome: run[outcome] for outcome in Outcome} == {
                outcome: own[outcome] for outcome in Outcome
            }
            assert (run["exit_code"] is None) == run["crashed"]

    def _sequences_are_whole(self) -> None:
        with self.engine.connect() as connection:
            given = [row["sequence"] for row in settled_operations(connection, after=0)]
            last = connection.scalar(
                select(sequences.c.value).where(sequences.c.name == "operations")
            )
        assert given == list(range(1, len(given) + 1))
        assert last == len(given)

    def _rows(self, *conditions: Any) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(operations).where(*conditions)).all())


_OTHER_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def torture(world: World, chance: random.Random, kills: int) -> None:
    """Let runs die ``kills`` times, at steps and moments drawn by chance, then run to the end."""
    length = 0.12
    for _ in range(kills):
        start = chance.choice((RESUME, RESUME, REPLAY))
        if chance.random() < 0.5:
            seen = world.run(start, seconds=chance.uniform(0.02, length))
        else:
            step = chance.choice(list(STEPS))
            seen = world.run(start, step=step, nth=chance.choice((1, 1, 2, 3, 5, 8)))
        if not seen.ending.killed:
            world.state = 0
    world.to_the_end()
