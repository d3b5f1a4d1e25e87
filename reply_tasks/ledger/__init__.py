"""The durable ledger: what was asked, what was claimed, how each record ended.

What opens a ledger imports SQLAlchemy, and is imported when it is first asked for: ``--about`` and
the values of a record need none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from reply_tasks.ledger.errors import LedgerAwayError, LedgerError
from reply_tasks.ledger.ids import new_id
from reply_tasks.ledger.values import (
    AsRead,
    Attempt,
    Claim,
    Entry,
    Execution,
    KnownTask,
    RejectedUpdate,
    RunTotals,
    Settlement,
    Shaken,
)

if TYPE_CHECKING:
    from reply_tasks.ledger.database import open_engine
    from reply_tasks.ledger.identity import ForeignLedgerError
    from reply_tasks.ledger.ledger import Ledger

_OPENING = {"ForeignLedgerError": "identity", "Ledger": "ledger", "open_engine": "database"}


def __getattr__(name: str) -> object:
    """What opens a ledger, from the module that it is in."""
    if name not in _OPENING:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_OPENING[name]}"), name)


__all__ = [
    "AsRead",
    "Attempt",
    "Claim",
    "Entry",
    "Execution",
    "ForeignLedgerError",
    "KnownTask",
    "Ledger",
    "LedgerAwayError",
    "LedgerError",
    "RejectedUpdate",
    "RunTotals",
    "Settlement",
    "Shaken",
    "new_id",
    "open_engine",
]
