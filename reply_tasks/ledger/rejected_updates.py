"""The marks of rejected updates: Reply has an older text than its task was meant to get.

An execution without a text of its own would send that one. A mark stands until a later update of
the task is applied.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, String, bindparam, func, null, select, update

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.prepared import IDS, Bulk, Query
from reply_tasks.ledger.tables import tasks
from reply_tasks.ledger.values import Settlement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def mark_updates(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Mark the tasks whose update was rejected, and take the mark from those that got one since.

    Settlements that leave no row count too. What tells the ledger a task's body takes the mark away
    with the same statement: ``remembering.remember``, which comes after this.
    """
    marks: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for settlement in settlements:
        entry = settlement.entry
        if entry.task_id is None or entry.operation is not Operation.UPDATE:
            continue
        rejected = settlement.outcome is Outcome.REJECTED
        if not rejected and not _may_end_a_mark(settlement):
            continue
        row = {"id": entry.task_id, "at": entry.received_at}
        if rejected:
            kept = None if settlement.repeats else entry.operation_id
            marks.append({**row, "operation": entry.operation_id, "first": kept})
        else:
            ends.append(row)
    if marks:
        _MARK.run(connection, marks)
    marked = _marked(connection, {row["id"] for row in ends})
    if marked:
        _UNMARK.run(connection, [row for row in ends if row["id"] in marked])


def _may_end_a_mark(settlement: Settlement) -> bool:
    return (
        settlement.outcome is Outcome.UNCHANGED
        and settlement.task_detail is None
        and settlement.marked
    )


def _marked(connection: Connection, task_ids: Collection[int]) -> frozenset[int]:
    """Which of these tasks have a mark: few if any."""
    return frozenset(task_id for (task_id,) in _MARKED.rows_of(connection, task_ids))


def _mark(dialect: str) -> "postgresql.Insert | sqlite.Insert":
    statement = insert_into(tasks, dialect).values(
        task_id=bindparam("id"),
        update_rejected_by=bindparam("operation"),
        update_rejected_at=bindparam("at"),
    )
    earlier = tasks.c.update_rejected_at.is_(None) | (
        tasks.c.update_rejected_at <= statement.excluded.update_rejected_at
    )
    # A repeat has no row of its own: the mark goes on naming the one that it repeats.
    named = func.coalesce(
        bindparam("first", type_=String),
        tasks.c.update_rejected_by,
        bindparam("operation", type_=String),
    )
    return statement.on_conflict_do_update(
        index_elements=[tasks.c.task_id],
        set_={
            "update_rejected_by": named,
            "update_rejected_at": statement.excluded.update_rejected_at,
        },
        where=earlier,
    )


_MARKED = Query(
    select(tasks.c.task_id).where(tasks.c.task_id.in_(IDS), tasks.c.update_rejected_at.is_not(None))
)
_MARK = Bulk(_mark)
_UNMARK = Bulk(
    lambda _: (
        update(tasks)
        .where(tasks.c.task_id == bindparam("id"), tasks.c.update_rejected_at <= bindparam("at"))
        .values(update_rejected_by=null(), update_rejected_at=null())
    )
)
