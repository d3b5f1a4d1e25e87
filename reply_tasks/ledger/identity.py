"""Whose ledger it is: its id, the API that it belongs to, and how a reader knows it again.

A ledger that was rehearsed on the sandbox says nothing about Reply itself, so each belongs to one
API origin. A bookmark is worth something only in the ledger that it was taken from, and only while
that ledger has not been set back to an older copy of itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, func, insert, select, update

from reply_tasks.ledger.database import LedgerError, shown
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.tables import COUNTERS, identity, openings, sequences

#: How many openings are kept; an older bookmark is known by what is left.
OPENINGS_KEPT = 10_000

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignLedgerError(LedgerError):
    """The ledger belongs to another API than the one that is to be called."""


def api_origin(api_url: str) -> str:
    """Scheme, host and port of a base URL; the default port is left out."""
    url = urlsplit(api_url)
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if url.port in {None, _DEFAULT_PORTS.get(url.scheme)}:
        return f"{url.scheme}://{host}"
    return f"{url.scheme}://{host}:{url.port}"


def refuse_foreign(connection: Connection, api_url: str) -> None:
    """Check that the ledger does not belong to another API; one that belongs to none passes.

    Raises:
        ForeignLedgerError: It does.
    """
    ours, known = api_origin(api_url), connection.scalar(select(identity.c.api_origin))
    if known not in {None, ours}:
        raise ForeignLedgerError(
            f"The ledger at {shown(connection.engine.url)} belongs to {known}, but api_url is at "
            f"{ours}: what was done there says nothing about what was done here. Give {ours} a "
            "ledger of its own (ledger_url), or correct api_url."
        )


def claim_origin(connection: Connection, api_url: str) -> None:
    """Let a ledger that belongs to no API yet belong to this one; in a write transaction.

    Raises:
        ForeignLedgerError: It belongs to another one.
    """
    connection.execute(
        update(identity)
        .where(identity.c.api_origin.is_(None))
        .values(api_origin=api_origin(api_url))
    )
    refuse_foreign(connection, api_url)


def note_opening(connection: Connection, holder: Holder) -> None:
    """Note that a process opened the ledger to write, and how far its numbers had come.

    The counters stay locked until the commit: whoever does not see this opening has not seen a
    number that came after it.
    """
    numbers = {
        name: connection.scalar(
            select(sequences.c.value).where(sequences.c.name == name).with_for_update()
        )
        for name in COUNTERS
    }
    number = 1 + (connection.scalar(select(func.max(openings.c.number))) or 0)
    connection.execute(
        insert(openings).values(number=number, holder_id=holder.holder_id, **numbers)
    )
    connection.execute(delete(openings).where(openings.c.number <= number - OPENINGS_KEPT))


@dataclass(frozen=True, slots=True)
class Edition:
    """A ledger as it was at one moment, by what tells it from others and from older copies.

    Attributes:
        ledger_id: Given when the ledger was made.
        opening: Number of the last opening; 0 when there was none.
        opened_by: Who that was.
    """

    ledger_id: str
    opening: int
    opened_by: str | None

    def as_json(self) -> dict[str, Any]:
        """The edition as a bookmark holds it."""
        return {"id": self.ledger_id, "opening": self.opening, "opened_by": self.opened_by}

    @classmethod
    def from_json(cls, data: object) -> Self | None:
        """The edition that ``as_json`` wrote; None for anything else."""
        match data:
            case {"id": str(ledger_id), "opening": int(opening), "opened_by": str() | None as by}:
                return cls(ledger_id, opening, by)
        return None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a ledger's numbers have come, at one moment.

    Attributes:
        edition: Which ledger.
        numbers: The last number that each counter has given, by its name.
    """

    edition: Edition
    numbers: Mapping[str, int]


def position(connection: Connection) -> Position:
    """Where the ledger stands now, read at one moment."""
    last = select(openings).order_by(openings.c.number.desc()).limit(1).subquery()
    rows = connection.execute(
        select(
            sequences.c.name,
            sequences.c.value,
            select(identity.c.ledger_id).scalar_subquery(),
            select(last.c.number).scalar_subquery(),
            select(last.c.holder_id).scalar_subquery(),
        )
    ).all()
    _, _, ledger_id, opening, opened_by = rows[0]
    return Position(
        Edition(ledger_id, opening or 0, opened_by), {name: value for name, value, *_ in rows}
    )


def is_continued(connection: Connection, seen: Edition, counter: str, bookmark: int) -> bool:
    """Whether this is the ledger that was read up to ``bookmark``, with all that was read then.

    Args:
        connection: Any connection.
        seen: The ledger as it was when it was read.
        counter: One of ``COUNTERS``.
        bookmark: The last number of that counter that was read.
    """
    if connection.scalar(select(identity.c.ledger_id)) != seen.ledger_id:
        return False
    if seen.opening:
        by = connection.scalar(
            select(openings.c.holder_id).where(openings.c.number == seen.opening)
        )
        oldest = connection.scalar(select(func.min(openings.c.number)))
        forgotten = oldest is not None and seen.opening < oldest
        if by != seen.opened_by and not forgotten:
            return False
    began_before = select(func.count()).where(
        openings.c.number > seen.opening, openings.c[counter] < bookmark
    )
    return not connection.scalar(began_before)
