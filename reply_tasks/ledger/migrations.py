"""What changed in the ledger's tables since the first version, in order, each by name.

A fresh ledger is made from ``tables.py`` as it stands; an older one runs what it has not run yet.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection


def _initial(connection: Connection) -> None:
    """The first version: made whole, so there is nothing to change."""
    del connection


MIGRATIONS: Mapping[str, Callable[[Connection], None]] = {"0001_initial": _initial}
