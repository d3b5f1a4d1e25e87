"""What the tests write into a ledger, and read out of it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from entries import NOON, entry
from sqlalchemy import Connection, Engine, Row, select, update

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Entry, Ledger, Settlement, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.liveness import Holder, this_host, this_process
from reply_tasks.ledger.runs import register_holder, start_run
from reply_tasks.ledger.settling import settle
from reply_tasks.ledger.tables import holders, operations, runs


def settlement(
    of: Entry, outcome: Outcome = Outcome.APPLIED, *, claimed: bool = True, **members: Any
) -> Settlement:
    """How an operation ended."""
    if outcome is Outcome.REJECTED:
        members.setdefault("reason", Reason.API_REJECTED)
    return Settlement(
        entry=of,
        outcome=outcome,
        settled_at=NOON + timedelta(seconds=1),
        claimed_at=NOON if claimed else None,
        **members,
    )


def unclaimed(*task_ids: int | None) -> list[Settlement]:
    """Rejections, which need no claim."""
    return [settlement(entry(id_), Outcome.REJECTED, claimed=False) for id_ in task_ids]


def claim_all(
    ledger: Ledger, *entries: Entry, holder: Holder | None = None, at: datetime = NOON
) -> frozenset[str]:
    """Claim in a transaction of its own."""
    by = holder or ledger.holder
    with ledger.write() as connection:
        return claim(connection, entries, holder=by, run_id=by.holder_id, at=at)


def settle_all(ledger: Ledger, *settlements: Settlement, holder: Holder | None = None) -> None:
    """Settle in a transaction of its own."""
    by = holder or ledger.holder
    with ledger.write() as connection:
        settle(connection, settlements, holder=by, run_id=by.holder_id)


def some_holder(host: str | None = None, pid: int | None = None, start: str = "never") -> Holder:
    """A holder; on this host and without a process unless told otherwise."""
    mine = this_process(new_id())
    return Holder(mine.holder_id, host or this_host(), pid or mine.pid, start)


def known_holder(ledger: Ledger, holder: Holder, *, lease: float = 60.0, run: bool = True) -> None:
    """Make a holder known, with a lease that ends in so many seconds, and open its run."""
    with ledger.write() as connection:
        register_holder(connection, holder)
        if run:
            start_run(connection, holder.holder_id)
        set_lease(connection, holder, lease)


def set_lease(connection: Connection, holder: Holder, seconds: float) -> None:
    """Let a holder's lease end in so many seconds."""
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    connection.execute(
        update(holders).where(holders.c.holder_id == holder.holder_id).values(lease_until=ends)
    )


def row_of(engine: Engine, of: Entry) -> Row[Any]:
    """An operation's row."""
    with engine.connect() as connection:
        wanted = operations.c.operation_id == of.operation_id
        return connection.execute(select(operations).where(wanted)).one()


def run_row(engine: Engine, run_id: str) -> Row[Any]:
    """A run's row."""
    with engine.connect() as connection:
        return connection.execute(select(runs).where(runs.c.run_id == run_id)).one()
