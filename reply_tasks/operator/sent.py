"""What was sent to whom, newest first, and how much else Reply confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.rows import OperationRow, read_operation


@dataclass(frozen=True, slots=True)
class SettledFilter:
    """Which settled executions.

    Attributes:
        run_id: Only those of this run.
        since: Only those settled then or later.
        before: Only those with a lower ``sequence``: for reading in pages.
    """

    run_id: str | None = None
    since: datetime | None = None
    before: int | None = None


EVERYTHING = SettledFilter()


def sent_executions(
    connection: Connection, which: SettledFilter = EVERYTHING, *, most: int
) -> tuple[OperationRow, ...]:
    """The executions that Reply confirmed, newest first, at most so many."""
    statement = _chosen(select(operations), which).order_by(operations.c.sequence.desc())
    return tuple(read_operation(row) for row in connection.execute(statement.limit(most)))


def count_sent(connection: Connection, which: SettledFilter = EVERYTHING) -> int:
    """How many executions Reply confirmed."""
    return connection.scalar(_chosen(select(func.count()), which)) or 0


def applied_by_operation(
    connection: Connection, which: SettledFilter = EVERYTHING
) -> Mapping[Operation, int]:
    """How many operations of each kind Reply confirmed; a kind of which there is none is absent."""
    counts = select(operations.c.operation, func.count()).group_by(operations.c.operation)
    found = {row[0]: row[1] for row in connection.execute(_applied(counts, which))}
    return {each: found[each] for each in Operation if each in found}


def _chosen(statement: Select[Any], which: SettledFilter) -> Select[Any]:
    return _applied(statement, which).where(operations.c.operation == Operation.EXECUTE)


def _applied(statement: Select[Any], which: SettledFilter) -> Select[Any]:
    statement = statement.where(operations.c.outcome == Outcome.APPLIED)
    if which.run_id is not None:
        statement = statement.where(operations.c.run_id == which.run_id)
    if which.since is not None:
        statement = statement.where(operations.c.settled_at >= which.since)
    if which.before is not None:
        statement = statement.where(operations.c.sequence < which.before)
    return statement
