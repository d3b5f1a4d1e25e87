"""What can go wrong with a ledger, in words for a person."""


class LedgerError(Exception):
    """The ledger can't be opened or written. The message says what to do; it holds no secret."""


class MissingLedgerError(LedgerError):
    """There is no ledger at the place that was named."""


class OlderLedgerError(LedgerError):
    """An older version wrote the ledger, and it was not to be upgraded."""


class LedgerAwayError(LedgerError):
    """The database is away or busy: what was to be written may be written when it is back."""
