"""Holding: what a person says of an execution that waits, and what becomes of it without them.

An approval binds to the digest of exactly what would be sent. It is used once: what was approved
leaves ``held`` with its claim, and whatever it becomes, it does not come back.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.kept import digest_of
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.claims import last_sequence
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.held import IS_HELD, Held, held_too_long
from reply_tasks.ledger.settling import next_sequences
from reply_tasks.ledger.tables import operations


def note_preview(
    connection: Connection,
    held: Held,
    *,
    task_detail: Mapping[str, Any],
    attempts: Iterable[Mapping[str, Any]],
) -> bool:
    """Keep what a preview read.

    Returns:
        False if the execution no longer waits.
    """
    last_sequence(connection)
    calls = [*(attempt.as_json() for attempt in held.claim.attempts), *attempts]
    return change_held(
        connection,
        held.operation_id,
        operations.c.approved_at.is_(None),
        task_detail=dict(task_detail),
        attempts=calls,
        api_calls=len(calls),
    )


def approve(
    connection: Connection, held: Held, *, record: Mapping[str, Any], by: str, at: datetime
) -> bool:
    """A person's yes to exactly this.

    Args:
        connection: In a write transaction.
        held: What the person was shown.
        record: What is sent: the record, with a previewed text frozen into it if it brought none.
        by: Who says so.
        at: When, UTC.

    Returns:
        False if the execution no longer waits, or its text has changed since it was shown.
    """
    last_sequence(connection)
    current = connection.scalar(
        select(operations.c.record).where(operations.c.operation_id == held.operation_id, IS_HELD)
    )
    if current is None or digest_of(current) != digest_of(held.claim.entry.record):
        return False
    return change_held(
        connection,
        held.operation_id,
        operations.c.approved_at.is_(None),
        record=dict(record),
        approved_by=by,
        approved_at=at,
        approved_digest=digest_of(record),
    )


def decline(connection: Connection, held: Held, *, why: str, by: str, at: datetime) -> bool:
    """A person's no, which does not expire.

    Returns:
        False if the execution no longer waits.
    """
    return _end(
        connection,
        held.operation_id,
        outcome=Outcome.REJECTED,
        reason=Reason.NOT_APPROVED,
        detail=f"Declined by {by}: {why}" if why else f"Declined by {by}.",
        settled_at=at,
        approved_by=by,
        approved_at=at,
        approved_digest=digest_of(held.claim.entry.record),
    )


def supersede_held(connection: Connection, operation_id: str, *, by: str) -> bool:
    """A later execution record of the same task replaces one that waits."""
    return _end(
        connection,
        operation_id,
        outcome=Outcome.SUPERSEDED,
        detail=f"Operation {by} replaces it before anybody approved it.",
        settled_at=datetime.now(UTC),
        record=null(),
    )


def expire_held(connection: Connection, *, after: timedelta) -> int:
    """Reject what nobody approved in time, by the database's clock.

    Returns:
        How many were rejected.
    """
    last_sequence(connection)  # nobody can approve between the query and the rejection
    now = clock(connection)
    ids = held_too_long(connection, after=after)
    hours = after.total_seconds() / 3600
    for operation_id in ids:
        _end(
            connection,
            operation_id,
            outcome=Outcome.REJECTED,
            reason=Reason.APPROVAL_EXPIRED,
            detail=f"Nobody approved it within {hours:g} hours (hold_hours). If it is read again, "
            "it waits again.",
            settled_at=now,
        )
    return len(ids)


def _end(connection: Connection, operation_id: str, **values: Any) -> bool:  # noqa: ANN401
    (number,) = next_sequences(connection, "operations", 1)
    return change_held(connection, operation_id, sequence=number, **values)


def change_held(
    connection: Connection,
    operation_id: str,
    *conditions: ColumnElement[bool],
    **values: Any,  # noqa: ANN401 - the columns' own types
) -> bool:
    """Set these columns of an execution that waits.

    Returns:
        False if it does not wait, or does not meet the conditions.
    """
    statement = update(operations).where(
        operations.c.operation_id == operation_id, IS_HELD, *conditions
    )
    return connection.execute(statement.values(**values)).rowcount == 1
