"""Runs of the target against a sandbox: many at a time in threads, or as real processes."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from fault_rows import METHODS, Row, Strike
from messages import Message, execution, lines, merge, update
from target_runs import KEY, USERS, Stage

from reply_tasks.api.backoff import Backoff
from reply_tasks.sandbox import FaultKind, SandboxServer, When
from target_reply_tasks.target import TargetReplyTasks

T = TypeVar("T")
R = TypeVar("R")

#: Without waits of its own, so that no test sleeps through a backoff.
IMPATIENT = Backoff(base=0.0, cap=0.0)
QUICK: dict[str, Any] = {"request_timeout": 1, "settle_seconds": 0, "max_retries": 2}


class Observed(TargetReplyTasks):
    """The target, which hands its STATEs to a test instead of standard output."""

    backoff: ClassVar[Backoff] = IMPATIENT
    on_state: Callable[[Any], None]

    def write_line(self, text: str) -> None:
        """Hand it over."""
        self.on_state(json.loads(text))


@dataclass(frozen=True)
class Seen:
    """How a run ended.

    Attributes:
        exit_code: Its verdict.
        states: What it wrote to standard output.
        early: The STATEs that left before everything they cover was settled in the ledger.
        stopped: Why it stopped, in one line.
    """

    exit_code: int
    states: list[Any]
    early: list[Any]
    stopped: str | None


def sandbox(**options: Any) -> SandboxServer:
    """A sandbox without limits."""
    return SandboxServer(
        keys={KEY: USERS}, requests_per_minute=None, requests_per_hour=None, **options
    )


def observe(
    stage: Stage, *messages: Message | str, backoff: Backoff = IMPATIENT, **settings: Any
) -> Seen:
    """Run the target in this thread.

    A STATE is ``{"records": n}``; the nth record's ``externalId`` is n.
    """
    states: list[Any] = []
    early: list[Any] = []

    def on_state(value: Any) -> None:
        if settled_up_to(stage, value["records"]) < value["records"]:
            early.append(value)
        states.append(value)

    class Target(Observed):
        pass

    Target.backoff = backoff
    target = Target(config={**stage.settings, **QUICK, **settings})
    target.on_state = on_state
    target.listen(StringIO(lines(*messages)))
    return Seen(target.result.exit_code, states, early, target.result.stopped)


def settled_up_to(stage: Stage, number: int) -> int:
    """How many of the first ``number`` records are settled in the ledger, as others see it."""
    with sqlite3.connect(stage.folder / "ledger.db", timeout=30) as connection:
        (count,) = connection.execute(
            "SELECT count(DISTINCT external_id) FROM operations "
            "WHERE outcome IS NOT NULL AND CAST(external_id AS INTEGER) BETWEEN 1 AND ?",
            (number,),
        ).fetchone()
    connection.close()
    return int(count)


def side_by_side(work: Callable[[T], R], items: Sequence[T], *, threads: int = 12) -> list[R]:
    """Do the same for every item, several at a time: most of it is waiting."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def record_of(group: str, task_id: int, number: int) -> Message:
    """The nth record, as its group of the matrix sends it."""
    if group == "update":
        return update(task_id, externalId=number)
    if group == "merge":
        return merge(task_id, externalId=number, dueTo="2027-03-05T17:00:00Z")
    return execution(task_id, externalId=number)


def arm(
    server: SandboxServer, strikes: Iterable[Strike], task_id: int, kind: FaultKind, when: When
) -> None:
    """Put a row's faults in force for one task."""
    for strike in strikes:
        server.fault(
            strike.kind or kind,
            endpoint=strike.endpoint,
            task_id=task_id,
            nth=strike.nth,
            when=strike.when or when,
        )


def calls_of(server: SandboxServer, task_id: int) -> str:
    """Every call of a task that reached the sandbox, in order, e.g. ``POST GET``."""
    return " ".join(
        METHODS[call.endpoint]
        for call in server.calls
        if call.task_id == task_id and call.endpoint is not None
    )


def effects_on(server: SandboxServer, task_id: int, *, executes: bool) -> int:
    """How often a task's message was sent, or its update applied."""
    if executes:
        return sum(sent.task_id == task_id for sent in server.outbox)
    return sum(call.effect for call in server.calls if call.task_id == task_id)


@dataclass(frozen=True)
class Fate:
    """What became of one record."""

    calls: str
    effects: int
    outcome: str | None
    reason: str | None = None
    read_back: bool = False
    attempts: int = 0


def expected_fate(row: Row) -> Fate:
    """What a row of the matrix says."""
    return Fate(
        row.calls,
        row.effects,
        row.outcome,
        None,
        row.read_back,
        len(row.calls.split()),
    )


def fates(stage: Stage, *, executes: bool) -> dict[int, Fate]:
    """What became of each task's record, by task."""
    return {
        row["task_id"]: Fate(
            calls_of(stage.sandbox, row["task_id"]),
            effects_on(stage.sandbox, row["task_id"], executes=executes),
            row["outcome"],
            row["reason"],
            "Read back after a lost answer" in (row["detail"] or ""),
            row["api_calls"],
        )
        for row in stage.operations()
    }


def new_stage(server: SandboxServer, folder: Path) -> Stage:
    """A stage whose ledger is in a new folder."""
    folder.mkdir()
    return Stage(server, folder)
