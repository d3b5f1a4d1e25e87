"""Runs: their rows, their holders' leases, and the closing of those that were found dead."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.liveness import LEASE, Holder
from reply_tasks.ledger.orphans import dead_runs
from reply_tasks.ledger.prepared import Bulk
from reply_tasks.ledger.settling import next_sequences
from reply_tasks.ledger.tables import holders, operations, runs
from reply_tasks.ledger.values import RunTotals


def register_holder(connection: Connection, holder: Holder) -> None:
    """Make a process known, so that others can tell whether it lives."""
    connection.execute(
        insert(holders).values(
            holder_id=holder.holder_id,
            host=holder.host,
            pid=holder.pid,
            process_start=holder.process_start,
            lease_until=clock(connection) + LEASE,
        )
    )


def renew_lease(connection: Connection, holder: Holder) -> bool:
    """Renew a holder's lease.

    Returns:
        False if the holder is not known any more.
    """
    result = connection.execute(
        update(holders)
        .where(holders.c.holder_id == holder.holder_id)
        .values(lease_until=clock(connection) + LEASE)
    )
    return result.rowcount == 1


def note_turn(connection: Connection, holder: Holder, turn: int) -> None:
    """Note which turn of a process this is; done last, since others may lock its row."""
    _NOTE_TURN.run(connection, [{"holder": holder.holder_id, "number": turn}])


_NOTE_TURN = Bulk(
    lambda _: (
        update(holders)
        .where(holders.c.holder_id == bindparam("holder"))
        .values(turn=bindparam("number"))
    )
)


def last_turn(connection: Connection, holder: Holder) -> int | None:
    """The last turn of a process that was committed; None if the process is not known any more."""
    turn: int | None = connection.scalar(
        select(holders.c.turn).where(holders.c.holder_id == holder.holder_id)
    )
    return turn


def forget_holder(connection: Connection, holder: Holder) -> None:
    """A process ends: what it still claims may be taken over at once."""
    connection.execute(delete(holders).where(holders.c.holder_id == holder.holder_id))


def start_run(connection: Connection, run_id: str) -> None:
    """Open a run's row."""
    connection.execute(insert(runs).values(run_id=run_id, started_at=datetime.now(UTC)))


def end_run(connection: Connection, run_id: str, *, exit_code: int, totals: RunTotals) -> None:
    """Close a run's row with its exit code and counts."""
    connection.execute(
        update(runs)
        .where(runs.c.run_id == run_id)
        .values(
            sequence=next_sequences(connection, "runs", 1)[0],
            ended_at=datetime.now(UTC),
            exit_code=exit_code,
            repeated=totals.repeated,
            api_calls=totals.api_calls,
            quota_wait_seconds=round(totals.quota_wait_seconds, 3),
            **{str(outcome): count for outcome, count in totals.outcomes.items()},
        )
    )


def close_dead_runs(connection: Connection, *, seen_from: str) -> list[str]:
    """Close every run whose process is gone, with ``crashed`` true; their ids.

    The counts are those of what it settled; call it after its claims were taken over.
    """
    dead = dead_runs(connection, seen_from=seen_from)
    for run_id in dead:
        counted = connection.execute(
            select(operations.c.outcome, func.count(), func.sum(operations.c.api_calls))
            .where(operations.c.run_id == run_id, operations.c.outcome.is_not(None))
            .group_by(operations.c.outcome)
        ).all()
        counts: dict[str, Any] = {str(Outcome(row[0])): row[1] for row in counted}
        connection.execute(
            update(runs)
            .where(runs.c.run_id == run_id)
            .values(
                sequence=next_sequences(connection, "runs", 1)[0],
                ended_at=datetime.now(UTC),
                crashed=True,
                api_calls=sum(row[2] or 0 for row in counted),
                **counts,
            )
        )
        connection.execute(delete(holders).where(holders.c.holder_id == run_id))
    return dead
