"""What waits: claims without an outcome, executions held for a person, and what is uncertain."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.queries import known_tasks
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.rows import OperationRow, Recipient, read_operation, recipient_in


def _is(outcome: Outcome) -> ColumnElement[bool]:
    """In the statement's own text, so that the database can choose the index of such rows."""
    return operations.c.outcome == literal(str(outcome), literal_execute=True)


#: A row that only repeats what is held, where such rows are kept, has no record of its own.
_IS_HELD = and_(_is(Outcome.HELD), operations.c.record.is_not(None))
_IS_UNCERTAIN = _is(Outcome.UNCERTAIN)
_IS_CLAIMED = operations.c.outcome.is_(None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many operations wait, and since when the one that has waited longest.

    Attributes:
        count: How many.
        since: When the oldest of them was claimed or settled; None where there is none.
    """

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class AllWaiting:
    """Everything that has no final outcome.

    Attributes:
        claimed: Claimed by a run, and not settled.
        held: For a person's approval.
        uncertain: Operations whose effect could not be established.
    """

    claimed: Waiting
    held: Waiting
    uncertain: Waiting


def all_waiting(connection: Connection) -> AllWaiting:
    """What waits, in numbers."""
    return AllWaiting(
        claimed=_count(connection, _IS_CLAIMED, operations.c.claimed_at),
        held=_count(connection, _IS_HELD, operations.c.settled_at),
        uncertain=_count(connection, _IS_UNCERTAIN, operations.c.settled_at),
    )


def claimed_operations(connection: Connection) -> tuple[OperationRow, ...]:
    """Operations that are claimed and not settled, oldest first."""
    return _rows(connection, _IS_CLAIMED, operations.c.claimed_at)


def held_operations(connection: Connection) -> tuple[OperationRow, ...]:
    """Executions that wait for a person's approval, in the order in which they were held."""
    return _rows(connection, _IS_HELD, operations.c.sequence)


def uncertain_operations(connection: Connection) -> tuple[OperationRow, ...]:
    """Operations whose effect is not known, in the order in which they were settled."""
    return _rows(connection, _IS_UNCERTAIN, operations.c.sequence)


def recipients(connection: Connection, rows: tuple[OperationRow, ...]) -> dict[int, Recipient]:
    """Whom the tasks of these operations are for, by the last answer that named each task."""
    task_ids = {row.task_id for row in rows if row.task_id is not None}
    known = known_tasks(connection, task_ids, with_detail=True)
    return {task_id: recipient_in(task.detail) for task_id, task in known.items()}


def _count(
    connection: Connection, which: ColumnElement[bool], when: ColumnElement[datetime]
) -> Waiting:
    count, since = connection.execute(
        select(func.count(), func.min(when)).select_from(operations).where(which)
    ).one()
    return Waiting(count, since)


def _rows(
    connection: Connection, which: ColumnElement[bool], order: ColumnElement[object]
) -> tuple[OperationRow, ...]:
    statement = select(operations).where(which).order_by(order, operations.c.operation_id)
    return tuple(read_operation(row) for row in connection.execute(statement))
