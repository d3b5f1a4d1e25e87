"""Orphans: the claims and runs of processes that are dead, which the next run takes over."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from reply_tasks.ledger.boot_clock import since_boot
from reply_tasks.ledger.claims import last_sequence, read_claim
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.tables import holders, operations, runs
from reply_tasks.ledger.values import Claim

#: What says whether a holder is alive.
_HOLDER = (
    holders.c.holder_id,
    holders.c.host,
    holders.c.pid,
    holders.c.process_start,
    holders.c.lease_until,
)


def take_over_orphans(connection: Connection, *, holder: Holder, run_id: str | None) -> list[Claim]:
    """Make the claims of dead holders ours, oldest first.

    Two runs that find the same orphan agree on one owner: the second finds it claimed by the first.

    Args:
        connection: In a write transaction.
        holder: The new owner.
        run_id: The run that will settle them; None leaves them with the run that made them.
    """
    claims = orphans(connection, seen_from=holder.host)
    for claim in claims:
        changes: dict[str, Any] = {"claimed_by": holder.holder_id}
        if claim.age is None:
            changes["claimed_moment"] = None
        if run_id is not None:
            changes["run_id"] = run_id
        connection.execute(
            update(operations)
            .where(
                operations.c.operation_id == claim.entry.operation_id,
                operations.c.outcome.is_(None),
            )
            .values(**changes)
        )
    return claims


def orphans(connection: Connection, *, seen_from: str) -> list[Claim]:
    """The claims of dead holders, oldest first; locked, where the transaction writes."""
    last_sequence(connection)
    rows = connection.execute(
        select(operations, *_HOLDER)
        .outerjoin_from(operations, holders, holders.c.holder_id == operations.c.claimed_by)
        .where(operations.c.outcome.is_(None))
        .order_by(operations.c.claimed_at, operations.c.operation_id)
        .with_for_update(of=operations)
    ).all()
    now = clock(connection)
    return [
        replace(read_claim(row), age=_age(row, seen_from=seen_from))
        for row in rows
        if not _is_alive(row, seen_from=seen_from, now=now)
    ]


def _age(row: Any, *, seen_from: str) -> float | None:  # noqa: ANN401
    """How old a claim is, where it was made on this boot of this machine."""
    if row.claimed_moment is None or row.host != seen_from:
        return None
    return max(0.0, since_boot() - float(row.claimed_moment))


def _is_alive(row: Any, *, seen_from: str, now: datetime) -> bool:  # noqa: ANN401
    """Whether the process of this row lives."""
    return row.holder_id is not None and Holder(
        row.holder_id, row.host, row.pid, row.process_start
    ).lives(lease_until=row.lease_until, seen_from=seen_from, now=now)


def dead_runs(connection: Connection, *, seen_from: str) -> list[str]:
    """Ids of the runs that have not ended and whose process is gone."""
    rows = connection.execute(
        select(runs.c.run_id, *_HOLDER)
        .outerjoin_from(runs, holders, holders.c.holder_id == runs.c.run_id)
        .where(runs.c.ended_at.is_(None))
    ).all()
    now = clock(connection)
    return [row.run_id for row in rows if not _is_alive(row, seen_from=seen_from, now=now)]
