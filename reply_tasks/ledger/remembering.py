"""Remembering: what settled operations say of their tasks, for the runs to come."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, case, null, select, update

from reply_tasks.contract.kept import kept_body
from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation, Outcome, Reason
from reply_tasks.contract.records import body_hash
from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.prepared import Bulk
from reply_tasks.ledger.tables import UtcDateTime, tasks
from reply_tasks.ledger.values import Settlement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def remember(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Bring ``tasks`` up to date: what was last applied, and what can't be done again."""
    rows_of: dict[Bulk, dict[int, dict[str, Any]]] = {}
    for settlement in settlements:
        task_id = settlement.entry.task_id
        if task_id is None:
            continue
        for statement, row in _said_of_tasks(settlement, task_id):
            rows_of.setdefault(statement, {})[row["task_id"]] = row
        if settlement.shaken is not None:
            _remember_shaken(connection, task_id, settlement)
        elif settlement.confirmed:
            _forget_shaken(connection, task_id)
    for statement, rows in rows_of.items():
        statement.run(connection, list(rows.values()))


def _said_of_tasks(settlement: Settlement, task_id: int) -> Iterator[tuple[Bulk, dict[str, Any]]]:
    """What a settlement says of its task, and of one that it created: rows, each with a Bulk."""
    entry = settlement.entry
    if _tells_the_body(settlement):
        yield _REMEMBER_BODIES, _body_of(settlement, task_id)
    elif entry.operation is Operation.ASSIGN and settlement.outcome is Outcome.APPLIED:
        row = {"task_id": task_id, "assignment_hash": entry.body_hash}
        if settlement.task_detail is None:
            yield _REMEMBER_UNSHOWN_ASSIGNMENTS, row
        else:
            yield _REMEMBER_ASSIGNMENTS, {**row, "detail_operation_id": entry.operation_id}
    elif _stands_in_the_way(settlement):
        deleted = entry.operation is Operation.DELETE
        name = "deletion" if deleted else "execution"
        row = {
            "task_id": task_id,
            f"{name}_operation_id": entry.operation_id,
            f"{name}_outcome": settlement.outcome,
            f"{name}_hash": entry.body_hash,
            f"{name}_external_id": entry.external_id,
        }
        if deleted:
            yield _REMEMBER_DELETIONS, row
        elif entry.operation is Operation.COMPLETE and settlement.task_detail is None:
            yield _REMEMBER_UNSHOWN_CLOSINGS, row
        else:
            yield _REMEMBER_EXECUTIONS, {**row, "detail_operation_id": entry.operation_id}
    if settlement.created is not None:
        yield _REMEMBER_BODIES, _body_of(settlement, settlement.created)


def _body_of(settlement: Settlement, task_id: int) -> dict[str, Any]:
    """The body that a task has now; of a created one as if an update had brought it."""
    hashed = settlement.body_hash or settlement.entry.body_hash
    if settlement.created is not None:
        hashed = body_hash(Operation.UPDATE, kept_body(settlement.entry.record))
    return {
        "task_id": task_id,
        "body_hash": hashed,
        "detail_operation_id": settlement.entry.operation_id,
        "at": settlement.entry.received_at,
    }


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


def _stands_in_the_way(settlement: Settlement) -> bool:
    """Something that can't be undone happened, or may have: no other one may follow it."""
    return settlement.entry.operation in IRREVERSIBLE and (
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
_REMEMBER_ASSIGNMENTS = Bulk(partial(_upsert, ("assignment_hash", "detail_operation_id"), {}))
#: What went out in a call for many tasks shows none of them: what was seen before is kept.
_REMEMBER_UNSHOWN_ASSIGNMENTS = Bulk(partial(_upsert, ("assignment_hash",), {}))
_REMEMBER_DELETIONS = Bulk(
    partial(
        _upsert,
        ("deletion_operation_id", "deletion_outcome", "deletion_hash", "deletion_external_id"),
        {},
    )
)
_EXECUTION = (
    "execution_operation_id",
    "execution_outcome",
    "execution_hash",
    "execution_external_id",
)
_REMEMBER_EXECUTIONS = Bulk(partial(_upsert, ("detail_operation_id", *_EXECUTION), {}))
_REMEMBER_UNSHOWN_CLOSINGS = Bulk(partial(_upsert, _EXECUTION, {}))
