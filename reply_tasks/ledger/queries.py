"""What is read from the ledger: what it knows of a task, and its rows in ``sequence`` order."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, literal, select
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.claims import read_claim
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.prepared import IDS, Query, batches
from reply_tasks.ledger.tables import operations, runs, task_links, tasks
from reply_tasks.ledger.values import Claim, Execution, KnownTask, RejectedUpdate, Shaken

ROWS_A_PAGE = 1000

_NOTHING_KNOWN = KnownTask()


def known_tasks(
    connection: Connection, task_ids: Collection[int], *, with_detail: bool = False
) -> dict[int, KnownTask]:
    """What the ledger knows of these tasks; an unknown task maps to an empty ``KnownTask``.

    Args:
        connection: Any connection.
        task_ids: The tasks.
        with_detail: Whether to read the last TaskDetail of each, which is large.
    """
    known = dict.fromkeys(task_ids, _NOTHING_KNOWN)
    statement = _TASKS_WITH_DETAIL if with_detail else _TASKS
    for row in statement.rows_of(connection, task_ids):
        task_id, body_hash, operation_id, outcome, executed_hash, external_id, *more = row
        shaken_at, shaken_hash, rejected_by, rejected_at, assigned, *more = more
        deleted_by, deletion_outcome, deletion_hash, deletion_external_id, *detail = more
        execution = shaken = rejected = deletion = None
        if rejected_by is not None:
            rejected = RejectedUpdate(rejected_by, rejected_at)
        if operation_id is not None:
            outcome = Outcome(outcome)
            execution = Execution(operation_id, outcome, executed_hash, external_id)
        if deleted_by is not None:
            deletion = Execution(
                deleted_by, Outcome(deletion_outcome), deletion_hash, deletion_external_id
            )
        if shaken_at is not None:
            ago = (clock(connection) - shaken_at).total_seconds()
            harmless = shaken_hash is not None and shaken_hash == body_hash
            shaken = Shaken(max(0.0, ago), harmless)
        known[task_id] = KnownTask(
            body_hash,
            execution,
            detail[0] if detail else None,
            shaken,
            rejected,
            assigned,
            deletion,
        )
    return known


def tasks_claimed(connection: Connection, *, but_by: str | None = None) -> frozenset[int]:
    """The tasks that have an unsettled operation.

    Args:
        connection: Any connection.
        but_by: The holder whose own claims do not count.
    """
    claimed = (
        _CLAIMED.rows(connection)
        if but_by is None
        else _CLAIMED_BY_OTHERS.rows(connection, holder=but_by)
    )
    return frozenset(task_id for (task_id,) in claimed)


def tasks_of_others(
    connection: Connection, task_ids: list[int], *, external_id: str | None
) -> frozenset[int]:
    """Those of these tasks that an operation has created, or that another external id stands for.

    Args:
        connection: Any connection.
        task_ids: The tasks.
        external_id: The one whose own link does not count.
    """
    found: set[int] = set()
    for ids in batches(task_ids):
        found.update(connection.scalars(_CREATED, {"ids": ids}))
        found.update(connection.scalars(_LINKED, {"ids": ids, "own": external_id}))
    return frozenset(found)


def creations_in_doubt(connection: Connection, *, but: str) -> list[Mapping[str, Any]]:
    """The records of creations of which it is not known, or not yet, which task they made.

    Args:
        connection: Any connection.
        but: The operation that asks.
    """
    return [
        record
        for statement in _IN_DOUBT
        for record in connection.scalars(statement, {"but": but})
        if record is not None
    ]


_CREATED = select(operations.c.task_id).where(
    operations.c.task_id.in_(IDS), operations.c.operation == literal("create")
)
_LINKED = select(task_links.c.task_id).where(
    task_links.c.task_id.in_(IDS), task_links.c.external_id.is_distinct_from(bindparam("own"))
)
#: One for each index that finds the few rows.
_IN_DOUBT = [
    select(operations.c.record).where(
        open_so,
        operations.c.operation == literal("create"),
        operations.c.claimed_at.is_not(None),  # what was never claimed was never sent
        operations.c.operation_id != bindparam("but"),
    )
    for open_so in (operations.c.outcome.is_(None), operations.c.outcome == literal("uncertain"))
]
_UNSETTLED = select(operations.c.task_id).where(operations.c.outcome.is_(None))
_CLAIMED = Query(_UNSETTLED)
_CLAIMED_BY_OTHERS = Query(
    _UNSETTLED.where(operations.c.claimed_by.is_distinct_from(bindparam("holder")))
)
_KNOWN = select(
    tasks.c.task_id,
    tasks.c.body_hash,
    tasks.c.execution_operation_id,
    tasks.c.execution_outcome,
    tasks.c.execution_hash,
    tasks.c.execution_external_id,
    tasks.c.shaken_at,
    tasks.c.shaken_hash,
    tasks.c.update_rejected_by,
    tasks.c.update_rejected_at,
    tasks.c.assignment_hash,
    tasks.c.deletion_operation_id,
    tasks.c.deletion_outcome,
    tasks.c.deletion_hash,
    tasks.c.deletion_external_id,
).where(tasks.c.task_id.in_(IDS))
_TASKS = Query(_KNOWN)
_TASKS_WITH_DETAIL = Query(
    _KNOWN.add_columns(operations.c.task_detail).select_from(
        tasks.outerjoin(operations, operations.c.operation_id == tasks.c.detail_operation_id)
    )
)


def settled_operations(
    connection: Connection, *, after: int, upto: int | None = None, applied_only: bool = False
) -> Iterator[Mapping[str, Any]]:
    """Rows of settled operations whose ``sequence`` is in a range, in its order.

    Args:
        connection: Any connection; it is read in pages, so a long read holds no lock.
        after: The last sequence already seen; 0 for all.
        upto: The last sequence to read; None for all.
        applied_only: Only applied operations with a TaskDetail, with it.
    """
    if applied_only:
        columns = select(operations)
        condition: ColumnElement[bool] = and_(
            operations.c.outcome == Outcome.APPLIED, operations.c.task_detail.is_not(None)
        )
    else:
        columns = select(
            *(column for column in operations.c if column.name not in {"task_detail", "record"})
        )
        condition = operations.c.outcome.is_not(None)
    yield from _pages(connection, columns.where(condition), operations.c.sequence, after, upto)


def finished_runs(
    connection: Connection, *, after: int, upto: int | None = None
) -> Iterator[Mapping[str, Any]]:
    """Rows of finished runs whose ``sequence`` is in such a range, in its order."""
    statement = select(runs).where(runs.c.ended_at.is_not(None))
    yield from _pages(connection, statement, runs.c.sequence, after, upto)


def links(
    connection: Connection, *, after: int, upto: int | None = None
) -> Iterator[Mapping[str, Any]]:
    """Rows of links, each as it stands, whose ``sequence`` is in such a range, in its order."""
    yield from _pages(connection, select(task_links), task_links.c.sequence, after, upto)


def _pages(
    connection: Connection,
    statement: Select[Any],
    sequence: ColumnElement[int],
    after: int,
    upto: int | None,
) -> Iterator[Mapping[str, Any]]:
    if upto is not None:
        statement = statement.where(sequence <= upto)
    paged = statement.where(sequence > bindparam("after")).order_by(sequence).limit(ROWS_A_PAGE)
    while True:
        page = connection.execute(paged, {"after": after}).mappings().all()
        connection.rollback()
        for row in page:
            yield dict(row)
        if len(page) < ROWS_A_PAGE:
            return
        after = page[-1]["sequence"]


def uncertain_claims(connection: Connection) -> list[Claim]:
    """Operations that may have been sent and whose effect was not established, oldest first."""
    return _uncertain(connection, operations.c.claimed_at.is_not(None))


def claims_in_wait(connection: Connection) -> list[Claim]:
    """Operations that were never sent, since an uncertain one of the same task came first."""
    return _uncertain(connection, operations.c.claimed_at.is_(None))


#: The value stands in the text, so that the database can choose the index of such rows.
_IS_UNCERTAIN = operations.c.outcome == literal(str(Outcome.UNCERTAIN), literal_execute=True)


def _uncertain(connection: Connection, which: ColumnElement[bool]) -> list[Claim]:
    rows = connection.execute(
        select(operations).where(_IS_UNCERTAIN, which).order_by(operations.c.sequence)
    )
    return [read_claim(row) for row in rows]


def operations_named(connection: Connection, prefix: str, *, most: int) -> list[Mapping[str, Any]]:
    """The operations whose ids start with these hex digits, at most so many: id, task, outcome."""
    rows = connection.execute(
        select(
            operations.c.operation_id,
            operations.c.operation,
            operations.c.task_id,
            operations.c.outcome,
            operations.c.claimed_at,
        )
        # A range, which an index answers whatever the database's collation: hex digits end at f.
        .where(operations.c.operation_id >= prefix, operations.c.operation_id < f"{prefix}g")
        .order_by(operations.c.operation_id)
        .limit(most)
    )
    return [dict(row) for row in rows.mappings()]
