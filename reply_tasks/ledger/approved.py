"""Approved: what a person approved is claimed just as it was shown, or goes back to waiting."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, exists, null, select, update

from reply_tasks.contract.kept import digest_of
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.claims import UNCLAIMED, claimed_by, read_claim
from reply_tasks.ledger.held import IS_HELD
from reply_tasks.ledger.holding import change_held
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.settling import next_sequences
from reply_tasks.ledger.tables import operations
from reply_tasks.ledger.values import Claim, Entry


def approved_operations(connection: Connection) -> list[Claim]:
    """What a person approved and no run has claimed yet, in the order approved.

    What is not, to the letter, what the person was shown is left alone.
    """
    rows = connection.execute(
        select(operations)
        .where(IS_HELD, operations.c.approved_at.is_not(None))
        .order_by(operations.c.approved_at, operations.c.sequence)
    )
    return [read_claim(row) for row in rows if digest_of(row.record) == row.approved_digest]


def claim_approved(  # noqa: PLR0913 - the columns of a claim
    connection: Connection,
    entries: Iterable[Entry],
    *,
    holder: Holder,
    run_id: str,
    at: datetime,
    reply_ahead: float | None = None,
) -> frozenset[str]:
    """Claim what was approved; the ids of those whose task is free and whose text is unchanged.

    Args:
        connection: In a write transaction that holds the counter's lock, so that no other writer
            comes between.
        entries: What is claimed.
        holder: Who claims.
        run_id: The run that will settle them.
        at: Now, by this process's clock.
        reply_ahead: Seconds by which Reply's clock is ahead of it, if known.
    """
    granted = set()
    shared = claimed_by(holder, run_id=run_id, at=at, reply_ahead=reply_ahead)
    other = operations.alias()
    for entry in entries:
        free = ~exists().where(other.c.task_id == operations.c.task_id, other.c.outcome.is_(None))
        changed = change_held(
            connection,
            entry.operation_id,
            operations.c.approved_digest == digest_of(entry.record),
            free,
            **shared,
            outcome=None,
            sequence=None,
            task_detail=null(),
            detail=null(),
        )
        if changed:
            granted.add(entry.operation_id)
    return frozenset(granted)


def put_back_approved(
    connection: Connection, operation_ids: Collection[str], *, holder: Holder
) -> None:
    """Give back claims of approved operations that were never sent: they wait again, as before."""
    for operation_id in operation_ids:
        (number,) = next_sequences(connection, "operations", 1)
        connection.execute(
            update(operations)
            .where(
                operations.c.operation_id == operation_id,
                operations.c.claimed_by == holder.holder_id,
                operations.c.outcome.is_(None),
            )
            .values(**UNCLAIMED, outcome=Outcome.HELD, sequence=number)
        )
