"""Remembering: what settled operations say of their tasks, for the runs to come."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, case, null, select, update

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.bulk import Bulk
from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.tables import UtcDateTime, tasks
from reply_tasks.ledger.values import Settlement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def remember(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Bring ``tasks`` up to date: what was last applied, and what was executed."""
    bodies: dict[int, dict[str, Any]] = {}
    executions: dict[int, dict[str, Any]] = {}
    for settlement in settlements:
        task_id = settlement.entry.task_id
        if task_id is None:
            continue
        if _tells_the_body(settlement):
            bodies[task_id] = {
                "task_id": task_id,
                "body_hash": settlement.body_hash or settlement.entry.body_hash,
                "detail_operation_id": settlement.entry.operation_id,
                "at": settlement.entry.received_at,
            }
        elif _executed(settlement):
            executions[task_id] = {
                "task_id": task_id,
                "detail_operation_id": settlement.entry.operation_id,
                "execution_operation_id": settlement.entry.operation_id,
                "execution_outcome": settlement.outcome,
                "execution_hash": settlement.entry.body_hash,
                "execution_external_id": settlement.entry.external_id,
            }
        if settlement.shaken is not None:
            _remember_shaken(connection, task_id, settlement)
        elif settlement.confirmed:
            _forget_shaken(connection, task_id)
    if bodies:
        _REMEMBER_BODIES.run(connection, list(bodies.values()))
    if executions:
        _REMEMBER_EXECUTIONS.run(connection, list(executions.values()))


def _remember_shaken(connection: Connection, task_id: int, settlement: Settlement) -> None:
    """A call of this operation may still take effect: note since when, and which body it brings.

    Bodies that differ leave no hash, nor does an execution: then no state of the task is safe.
    """
    is_update = settlement.entry.operation is Operation.UPDATE
    hashed = (settlement.body_hash or settlement.entry.body_hash) if is_update else None
    row = connection.execute(
        select(tasks.c.shaken_at, tasks.c.shaken_hash).where(tasks.c.task_id == task_id)
    ).one_or_none()
    if row is not None and row.shaken_at is not None and row.shaken_hash != hashed:
        hashed = None
    changes = {
        "shaken_at": clock(connection) - timedelta(seconds=settlement.shaken or 0.0),
        "shaken_hash": hashed,
    }
    insertion = insert_into(tasks, connection.dialect.name).values(task_id=task_id, **changes)
    connection.execute(
        insertion.on_conflict_do_update(index_elements=[tasks.c.task_id], set_=changes)
    )


def _forget_shaken(connection: Connection, task_id: int) -> None:
    connection.execute(
        update(tasks).where(tasks.c.task_id == task_id).values(shaken_at=None, shaken_hash=None)
    )


def _tells_the_body(settlement: Settlement) -> bool:
    """An update that was applied, or a merge whose read showed that the task already matches it."""
    return settlement.entry.operation is Operation.UPDATE and (
        settlement.outcome is Outcome.APPLIED
        or (settlement.outcome is Outcome.UNCHANGED and settlement.task_detail is not None)
    )


def _executed(settlement: Settlement) -> bool:
    """An execution that happened, or may have: no other one may follow it."""
    return settlement.entry.operation is Operation.EXECUTE and (
        (settlement.outcome is Outcome.APPLIED)
        or (settlement.outcome is Outcome.UNCERTAIN and settlement.claimed)
        or (
            settlement.reason is Reason.EXECUTION_FAILED
            and settlement.task_detail is not None
            and settlement.claimed
        )
    )


def _upsert(
    columns: tuple[str, ...], changed_too: Mapping[str, Any], dialect: str
) -> "sqlite.Insert | postgresql.Insert":
    values: dict[str, Any] = {name: bindparam(name) for name in ("task_id", *columns)}
    statement = insert_into(tasks, dialect).values(values)
    changes = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(
        index_elements=[tasks.c.task_id], set_={**changes, **changed_too}
    )


_REJECTED_SINCE = tasks.c.update_rejected_at > bindparam("at", type_=UtcDateTime())
#: The mark of an update that was rejected before this one was read goes.
_UNMARKED = {
    column.name: case((_REJECTED_SINCE, column), else_=null())
    for column in (tasks.c.update_rejected_by, tasks.c.update_rejected_at)
}
_REMEMBER_BODIES = Bulk(partial(_upsert, ("body_hash", "detail_operation_id"), _UNMARKED))
_REMEMBER_EXECUTIONS = Bulk(
    partial(
        _upsert,
        (
            "detail_operation_id",
            "execution_operation_id",
            "execution_outcome",
            "execution_hash",
            "execution_external_id",
        ),
        {},
    )
)
