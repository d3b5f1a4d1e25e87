"""What changed in the ledger's tables since the first version, in order, each by name.

A fresh ledger is made from ``tables.py`` as it stands; an older one runs what it has not run yet.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, text


def _initial(connection: Connection) -> None:
    """The first version: made whole, so there is nothing to change."""
    del connection


def _source_stream(connection: Connection) -> None:
    """The stream in which a rejected record was read, where a stream map gave it another one."""
    connection.execute(text("ALTER TABLE operations ADD COLUMN source_stream TEXT"))


MIGRATIONS: Mapping[str, Callable[[Connection], None]] = {
    "0001_initial": _initial,
    "0005_source_stream": _source_stream,
}
