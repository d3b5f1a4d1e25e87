"""Look-ups that are kept: what an address was found to stand for, for a day."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select

from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.tables import lookups

#: For how long an address is not looked up again.
KEPT_FOR = timedelta(days=1)


class LookUpKind(StrEnum):
    """What is looked up."""

    CONTACT = "contact"
    USER = "user"
    MAILBOX = "mailbox"


#: What each member of a record looks up.
KINDS = {
    "contactEmail": LookUpKind.CONTACT,
    "assignedUserEmail": LookUpKind.USER,
    "emailAccount": LookUpKind.MAILBOX,
}


class LookUpKey(NamedTuple):
    """What is looked up, and for whom.

    Attributes:
        kind: Contact, user or mailbox.
        address: An email address, in lower case.
        caller: The digest of the key and the acting user: each sees contacts of its own.
    """

    kind: str
    address: str
    caller: str


def known_lookup(
    connection: Connection, key: LookUpKey, *, however_old: bool = False
) -> tuple[int | None, int] | None:
    """The id of an address, and how many there were; None where that must be asked."""
    row = connection.execute(
        select(lookups.c.value, lookups.c.found, lookups.c.looked_up_at).where(
            lookups.c.kind == key.kind,
            lookups.c.address == key.address,
            lookups.c.caller == key.caller,
        )
    ).one_or_none()
    if row is None or not (however_old or row.looked_up_at >= clock(connection) - KEPT_FOR):
        return None
    return row.value, row.found


def ids_ever_found(connection: Connection, kind: LookUpKind, address: str) -> frozenset[int]:
    """The ids that an address was found to stand for, by whomever and however long ago."""
    statement = select(lookups.c.value).where(
        lookups.c.kind == kind, lookups.c.address == address, lookups.c.value.is_not(None)
    )
    return frozenset(connection.scalars(statement))


def keep_lookups(connection: Connection, found: Mapping[LookUpKey, tuple[int | None, int]]) -> None:
    """Keep what was found, in place of what was kept before."""
    if not found:
        return
    now = clock(connection)
    statement = insert_into(lookups, connection.dialect.name)
    changes = {name: statement.excluded[name] for name in ("value", "found", "looked_up_at")}
    statement = statement.on_conflict_do_update(
        index_elements=[lookups.c.kind, lookups.c.address, lookups.c.caller], set_=changes
    )
    connection.execute(
        statement,
        [
            {**key._asdict(), "value": value, "found": many, "looked_up_at": now}
            for key, (value, many) in sorted(found.items())  # one order: no deadlock
        ],
    )
