"""The durable ledger: what was asked, what was claimed, how each record ended ."""

from reply_tasks.ledger.database import LedgerAwayError, LedgerError, open_engine
from reply_tasks.ledger.identity import ForeignLedgerError
from reply_tasks.ledger.ledger import Ledger, new_id
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
