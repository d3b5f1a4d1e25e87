"""The runs: the last ones, how each ended, and what came of records over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.tables import runs


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    ALL_REJECTED = "rejected"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


_BY_EXIT_CODE: Mapping[int, RunState] = {
    0: RunState.FINISHED,
    1: RunState.STOPPED,
    2: RunState.ALL_REJECTED,
    130: RunState.INTERRUPTED,
    143: RunState.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run.

    Attributes:
        ended_at: None while it runs, or while nobody has found it dead.
        exit_code: None while it runs, and of a run that was killed.
        outcomes: How many records met which outcome; complete once it has ended.
        repeated: How many of them only repeated what the ledger had answered.
        quota_wait_seconds: How long it waited for the quota.
    """

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    crashed: bool
    outcomes: Mapping[Outcome, int]
    repeated: int
    api_calls: int
    quota_wait_seconds: float

    @property
    def state(self) -> RunState:
        """How it stands."""
        if self.crashed:
            return RunState.CRASHED
        if self.ended_at is None or self.exit_code is None:
            return RunState.RUNNING
        return _BY_EXIT_CODE.get(self.exit_code, RunState.STOPPED)

    @property
    def records(self) -> int:
        """How many records it settled."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Period:
    """What the runs that ended in one stretch of time came to.

    Attributes:
        begins: When the stretch begins, UTC; the next one's begin is its end.
        outcomes: How many records met which outcome.
        api_calls: How many calls were made.
    """

    begins: datetime
    outcomes: Mapping[Outcome, int]
    api_calls: int


def last_runs(connection: Connection, most: int = 10) -> tuple[RunSummary, ...]:
    """The runs that have not ended, then those that ended last; newest first in each."""
    unfinished = select(runs).where(runs.c.ended_at.is_(None)).order_by(runs.c.started_at.desc())
    ended = select(runs).where(runs.c.sequence.is_not(None)).order_by(runs.c.sequence.desc())
    rows = [*connection.execute(unfinished), *connection.execute(ended.limit(most))]
    return tuple(_summary(row) for row in rows[:most])


def last_ended_run(connection: Connection) -> RunSummary | None:
    """The run that ended last; None before the first."""
    statement = select(runs).where(runs.c.sequence.is_not(None)).order_by(runs.c.sequence.desc())
    row = connection.execute(statement.limit(1)).first()
    return None if row is None else _summary(row)


def runs_named(connection: Connection, beginning: str, most: int = 2) -> tuple[RunSummary, ...]:
    """The runs whose ids begin so, oldest first, at most so many."""
    statement = select(runs).where(runs.c.run_id.startswith(beginning, autoescape=True))
    rows = connection.execute(statement.order_by(runs.c.run_id).limit(most))
    return tuple(_summary(row) for row in rows)


def runs_since(connection: Connection, since: datetime, most: int) -> tuple[RunSummary, ...]:
    """The runs that ended then or later, newest first, at most so many."""
    statement = select(runs).where(runs.c.ended_at >= since).order_by(runs.c.ended_at.desc())
    return tuple(_summary(row) for row in connection.execute(statement.limit(most)))


def outcomes_over_time(
    connection: Connection, *, since: datetime, until: datetime, step: timedelta
) -> tuple[Period, ...]:
    """What came of the records of the runs that ended in each stretch, empty ones included.

    Counted by runs, not by rows of operations, since a repeat leaves no row.

    Args:
        connection: Any connection.
        since: Where the first stretch begins.
        until: What lies after it is not counted.
        step: How long a stretch is.
    """
    statement = select(runs).where(runs.c.ended_at >= since, runs.c.ended_at < until)
    counts: dict[int, dict[Outcome, int]] = {}
    calls: dict[int, int] = {}
    for row in connection.execute(statement):
        run = _summary(row)
        if run.ended_at is None:
            continue
        place = (run.ended_at - since) // step
        into = counts.setdefault(place, dict.fromkeys(Outcome, 0))
        for outcome, count in run.outcomes.items():
            into[outcome] += count
        calls[place] = calls.get(place, 0) + run.api_calls
    stretches = -((since - until) // step)
    return tuple(
        Period(
            begins=(since + place * step).astimezone(UTC),
            outcomes=counts.get(place, dict.fromkeys(Outcome, 0)),
            api_calls=calls.get(place, 0),
        )
        for place in range(stretches)
    )


def _summary(row: Row[Any]) -> RunSummary:
    return RunSummary(
        run_id=row.run_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        exit_code=row.exit_code,
        crashed=row.crashed,
        outcomes={each: row._mapping[str(each)] for each in Outcome},  # noqa: SLF001 - public
        repeated=row.repeated,
        api_calls=row.api_calls,
        quota_wait_seconds=row.quota_wait_seconds,
    )
