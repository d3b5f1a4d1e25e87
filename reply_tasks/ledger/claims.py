"""Claims: an operation's intent, committed before its first byte leaves.

A claim is a row of ``operations`` without an outcome. The database lets one task have one claim, so
that two runs on one ledger take turns. Every function works in the caller's transaction.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.task_keys import key_of_creation
from reply_tasks.ledger.boot_clock import since_boot
from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.prepared import Bulk, Query
from reply_tasks.ledger.tables import operations, sequences
from reply_tasks.ledger.values import Attempt, Claim, Entry


def last_sequence(connection: Connection) -> int:
    """The last number given to a settled operation: it tells whether another process settled one.

    Nobody else can settle until the caller's commit, so that what is judged now still holds when
    it is claimed. Every writer begins with it, which is one order of locks: no deadlock.
    """
    ((last,),) = _LAST_SEQUENCE.rows(connection, counter="operations")
    return int(last)


_LAST_SEQUENCE = Query(
    select(sequences.c.value).where(sequences.c.name == bindparam("counter")).with_for_update()
)


def claim(  # noqa: PLR0913 - the columns of a claim
    connection: Connection,
    entries: Sequence[Entry],
    *,
    holder: Holder,
    run_id: str,
    at: datetime,
    reply_ahead: float | None = None,
) -> frozenset[str]:
    """Claim each entry's task; the operation ids of those that were free.

    Args:
        connection: In a write transaction.
        entries: What is claimed.
        holder: Who claims.
        run_id: The run that will settle them.
        at: Now, by this process's clock.
        reply_ahead: Seconds by which Reply's clock is ahead of it, if known.
    """
    shared = claimed_by(holder, run_id=run_id, at=at, reply_ahead=reply_ahead)
    rows = sorted(
        (_claim_row(entry, shared) for entry in entries),
        key=itemgetter("task_id"),  # one order for all writers: no deadlock
    )
    if not rows:
        return frozenset()
    ids = [entry.operation_id for entry in entries]
    if _CLAIM_FREE.run(connection, rows) == len(rows):
        return frozenset(ids)
    return still_held(connection, ids, holder=holder)


def claimed_by(
    holder: Holder, *, run_id: str, at: datetime, reply_ahead: float | None
) -> dict[str, Any]:
    """The columns that say who holds a claim, and since when on each clock that may be asked.

    Args:
        holder: Who claims.
        run_id: The run that will settle it.
        at: Now, by this process's clock.
        reply_ahead: Seconds by which Reply's clock is ahead of it, if known.
    """
    return {
        "run_id": run_id,
        "claimed_by": holder.holder_id,
        "claimed_at": at,
        "reply_ahead": reply_ahead,
        "claimed_moment": since_boot(),
    }


#: The same columns of an operation that nobody holds, but for its run.
UNCLAIMED = dict.fromkeys(("claimed_by", "claimed_at", "reply_ahead", "claimed_moment"))


def _claim_row(entry: Entry, shared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **entry_row(entry),
        **shared,
        "task_id": entry.task_id,  # of a task that is being created, its key: one claim a task
        "record": entry.record,
        "body_hash": entry.body_hash,
    }


ENTRY_COLUMNS = (
    "operation_id",
    "stream",
    "operation",
    "task_id",
    "external_id",
    "act_as_user_id",
    "received_at",
)
_CLAIM_COLUMNS = (
    *ENTRY_COLUMNS,
    *("run_id", "claimed_by", "claimed_at", "reply_ahead", "claimed_moment", "record", "body_hash"),
)
_CLAIM_FREE = Bulk(
    lambda dialect: (
        insert_into(operations, dialect)
        .values({name: bindparam(name) for name in _CLAIM_COLUMNS})
        .on_conflict_do_nothing()
    )
)


def entry_row(entry: Entry) -> dict[str, Any]:
    """The columns that claim and settlement share."""
    return {
        "operation_id": entry.operation_id,
        "stream": entry.stream,
        "operation": entry.operation,
        "task_id": None if (entry.task_id or 0) < 0 else entry.task_id,
        "external_id": entry.external_id,
        "act_as_user_id": entry.act_as_user_id,
        "received_at": entry.received_at,
    }


def note_attempts(
    connection: Connection, operation_id: str, attempts: Iterable[Attempt], *, holder: Holder
) -> bool:
    """Write down a claim's calls before one more is sent.

    Returns:
        False if the claim is no longer ours.
    """
    result = connection.execute(
        update(operations)
        .where(
            operations.c.operation_id == operation_id,
            operations.c.claimed_by == holder.holder_id,
            operations.c.outcome.is_(None),
        )
        .values(attempts=[attempt.as_json() for attempt in attempts])
    )
    return result.rowcount == 1


def still_held(
    connection: Connection, operation_ids: Collection[str], *, holder: Holder
) -> frozenset[str]:
    """Those of these claims that are still ours."""
    return frozenset(
        connection.scalars(
            select(operations.c.operation_id).where(
                operations.c.operation_id.in_(operation_ids),
                operations.c.claimed_by == holder.holder_id,
                operations.c.outcome.is_(None),
            )
        )
    )


def release(connection: Connection, operation_ids: Collection[str], *, holder: Holder) -> None:
    """Give back claims whose operations were never sent, as if they had not been made."""
    if operation_ids:
        connection.execute(
            delete(operations).where(
                operations.c.operation_id == bindparam("id"),
                operations.c.claimed_by == holder.holder_id,
                operations.c.outcome.is_(None),
            ),
            [{"id": operation_id} for operation_id in operation_ids],
        )


def read_entry(row: Row[Any]) -> Entry:
    """The entry that a row of ``operations`` started from."""
    return Entry(
        operation_id=row.operation_id,
        stream=row.stream,
        operation=None if row.operation is None else Operation(row.operation),
        task_id=_task_or_key(row),
        external_id=row.external_id,
        act_as_user_id=row.act_as_user_id,
        body_hash=row.body_hash,
        record=row.record or {},
        received_at=row.received_at,
    )


def _task_or_key(row: Row[Any]) -> int | None:
    """The task; of a creation without one its key, which only a claim's row holds."""
    if row.task_id is None and row.operation == Operation.CREATE and row.body_hash is not None:
        return key_of_creation(row.external_id, row.body_hash, row.act_as_user_id)
    known: int | None = row.task_id
    return known


def read_claim(row: Row[Any]) -> Claim:
    """The claim in a row of ``operations``."""
    return Claim(
        entry=read_entry(row),
        claimed_at=row.claimed_at or row.received_at,
        claimed_by=row.claimed_by,
        attempts=tuple(Attempt.from_json(attempt) for attempt in row.attempts or ()),
        reply_ahead=row.reply_ahead,
    )
