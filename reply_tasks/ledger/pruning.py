"""Pruning: what is old leaves the ledger, and all that the promises rest on stays.

Small transactions, so that running targets and taps hardly notice. What stays whatever its age:
``tasks``, links, what is claimed, held or uncertain, a person's no, and of each task the last
applied, the executing, the deleting and the creating operation.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    and_,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.database import clock, writing
from reply_tasks.ledger.tables import operations, prunings, runs, tasks, verdicts

#: Rows of one transaction, and of a stretch that is looked through at once: more than two hosts'
#: clocks can put out of order.
BATCH, STRETCH = 500, 5_000
#: What a run's end prunes: not oftener, and not longer, in seconds.
A_DAY, A_MINUTE = timedelta(hours=20), 60.0


@dataclass(slots=True)
class Pruned:
    """What a prune removed, or would.

    Attributes:
        operations: Rows of operations removed.
        texts: Rows of operations whose texts were emptied.
        runs: Rows of runs removed.
    """

    operations: int = 0
    texts: int = 0
    runs: int = 0


_WAITS = operations.c.outcome.in_([Outcome.HELD, Outcome.UNCERTAIN])
_DECLINED = operations.c.reason.is_not_distinct_from(Reason.NOT_APPROVED)
_STANDS_FOR_ITS_TASK = exists().where(
    tasks.c.task_id == operations.c.task_id,
    or_(
        tasks.c.detail_operation_id == operations.c.operation_id,
        tasks.c.execution_operation_id == operations.c.operation_id,
        tasks.c.deletion_operation_id == operations.c.operation_id,
    ),
)
#: By it a creation whose answer was lost is told apart from the tasks of other creations.
_MADE_ITS_TASK = and_(
    operations.c.operation == Operation.CREATE, operations.c.outcome == Outcome.APPLIED
)
_HAS_TEXTS = or_(
    operations.c.record.is_not(None),
    operations.c.task_detail.is_not(None),
    operations.c.problem.is_not(None),
)


def prune(
    engine: Engine,
    *,
    before: datetime,
    texts_only: bool = False,
    dry_run: bool = False,
    go_on: Callable[[Pruned], bool] = lambda _: True,
) -> Pruned:
    """Remove what was settled before an instant.

    Args:
        engine: The ledger's engine.
        before: UTC.
        texts_only: Keep the rows and empty ``record``, ``task_detail`` and ``problem``.
        dry_run: Only count.
        go_on: Told after each transaction; False ends the prune early.
    """
    pruned = Pruned()
    which = _old_operations(before, texts_only=texts_only)
    old_runs = and_(runs.c.ended_at.is_not(None), runs.c.ended_at < before)
    if dry_run:
        with engine.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(runs).where(old_runs))
        found = sum(map(len, _batches(engine, which, before)))
        return Pruned(texts=found) if texts_only else Pruned(operations=found, runs=count or 0)
    for batch in _batches(engine, which, before):
        done = _empty(engine, batch) if texts_only else _remove(engine, batch, which)
        pruned.texts += done if texts_only else 0
        pruned.operations += 0 if texts_only else done
        if not go_on(pruned):
            return pruned
    if not texts_only:
        with writing(engine, durable=False) as connection:
            pruned.runs = connection.execute(delete(runs).where(old_runs)).rowcount
            connection.execute(delete(verdicts).where(verdicts.c.at < before))
        _give_space_back(engine)
    return pruned


def prune_daily(engine: Engine, *, older_than: timedelta) -> Pruned | None:
    """Prune at a run's end, for a minute at most.

    Returns:
        None if it was done within the last day.
    """
    with engine.connect() as connection:
        now, last = clock(connection), last_pruned(connection)
    if last is not None and now - last < A_DAY:
        return None
    ends = time.monotonic() + A_MINUTE
    return prune(engine, before=now - older_than, go_on=lambda _: time.monotonic() < ends)


def rows_missed(connection: Connection, *, after: int) -> int:
    """At most so many operations were numbered after ``after`` and are pruned."""
    missed = connection.scalar(
        select(func.sum(prunings.c.operations)).where(prunings.c.last_sequence > after)
    )
    return int(missed or 0)


def last_pruned(connection: Connection) -> datetime | None:
    """When something was last pruned, UTC."""
    at: datetime | None = connection.scalar(select(func.max(prunings.c.pruned_at)))
    return at


def _old_operations(before: datetime, *, texts_only: bool) -> ColumnElement[bool]:
    settled = and_(operations.c.outcome.is_not(None), ~_WAITS, operations.c.settled_at < before)
    if texts_only:
        return and_(settled, _HAS_TEXTS)
    return and_(settled, ~_DECLINED, ~_STANDS_FOR_ITS_TASK, ~_MADE_ITS_TASK)


def _batches(
    engine: Engine, which: ColumnElement[bool], before: datetime
) -> Iterator[list[tuple[str, int]]]:
    """Ids and numbers of what is old, in the order of numbers, so many at a time.

    Numbers are given as operations are settled, so what is old comes first: the walk ends with the
    first stretch in which nothing is, however long a ledger goes on from there.
    """
    after = 0
    while True:
        stretch = (
            select(operations.c.sequence, operations.c.settled_at)
            .where(operations.c.sequence > after)
            .order_by(operations.c.sequence)
            .limit(STRETCH)
            .subquery()
        )
        ends = select(func.max(stretch.c.sequence), func.min(stretch.c.settled_at))
        with engine.connect() as connection:
            last, oldest = connection.execute(ends).one()
            if last is None or oldest >= before:
                return
            old: list[Any] = list(
                connection.execute(
                    select(operations.c.operation_id, operations.c.sequence)
                    .where(operations.c.sequence > after, operations.c.sequence <= last, which)
                    .order_by(operations.c.sequence)
                )
            )
        for first in range(0, len(old), BATCH):
            yield [(row.operation_id, row.sequence) for row in old[first : first + BATCH]]
        after = last


def _remove(engine: Engine, batch: list[tuple[str, int]], which: ColumnElement[bool]) -> int:
    ids = [operation_id for operation_id, _ in batch]
    with writing(engine, durable=False) as connection:
        removed = connection.execute(
            delete(operations).where(operations.c.operation_id.in_(ids), which)
        ).rowcount
        connection.execute(
            insert(prunings).values(
                first_sequence=batch[0][1],
                last_sequence=batch[-1][1],
                operations=removed,
                pruned_at=datetime.now(UTC),
            )
        )
    return removed


def _empty(engine: Engine, batch: list[tuple[str, int]]) -> int:
    ids = [operation_id for operation_id, _ in batch]
    with writing(engine, durable=False) as connection:
        return connection.execute(
            update(operations)
            .where(operations.c.operation_id.in_(ids), operations.c.outcome.is_not(None), ~_WAITS)
            .values(record=null(), task_detail=null(), problem=null())
        ).rowcount


def _give_space_back(engine: Engine) -> None:
    """Give SQLite's free pages back to the disk; PostgreSQL sees to it by itself.

    A file of an earlier version can't: it is rewritten once, if nobody else has it open now.
    """
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        file: Any = raw.driver_connection
        if file.execute("PRAGMA auto_vacuum").fetchone()[0] == 0:
            file.execute("PRAGMA auto_vacuum=INCREMENTAL")
            file.execute("VACUUM")
        file.executescript("PRAGMA incremental_vacuum")  # execute would free a single page
        file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.OperationalError:
        return  # in use: the next prune gives it back
    finally:
        raw.close()
