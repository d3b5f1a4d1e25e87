"""Look-ups that are kept: what an address was found to stand for, for a day."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, select

from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.tables import lookups

#: For how long an address is not looked up again.
KEPT_FOR = timedelta(days=1)


def known_lookup(connection: Connection, kind: str, address: str) -> tuple[int | None, int] | None:
    """The id of an address, and how many there were; None where that must be asked."""
    row = connection.execute(
        select(lookups.c.value, lookups.c.found, lookups.c.looked_up_at).where(
            lookups.c.kind == kind, lookups.c.address == address
        )
    ).one_or_none()
    if row is None or row.looked_up_at < clock(connection) - KEPT_FOR:
        return None
    return row.value, row.found


def keep_lookups(
    connection: Connection, found: Mapping[tuple[str, str], tuple[int | None, int]]
) -> None:
    """Keep what was found, in place of what was kept before."""
    if not found:
        return
    now = clock(connection)
    statement = insert_into(lookups, connection.dialect.name)
    changes = {name: statement.excluded[name] for name in ("value", "found", "looked_up_at")}
    statement = statement.on_conflict_do_update(
        index_elements=[lookups.c.kind, lookups.c.address], set_=changes
    )
    connection.execute(
        statement,
        [
            {"kind": kind, "address": address, "value": value, "found": many, "looked_up_at": now}
            for (kind, address), (value, many) in found.items()
        ],
    )
