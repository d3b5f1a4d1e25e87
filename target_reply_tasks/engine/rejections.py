"""Rejections in the log: the first few, then how many more, and the command that shows them."""

from collections.abc import Callable
from http import HTTPStatus

from reply_tasks.ledger import Settlement
from target_reply_tasks.naming import name_of

#: How many have a line of their own.
FIRST = 10


class RejectionLines:
    """Logs each of the first rejections; what a record holds stays in the ledger.

    Args:
        log: Takes one line for a person.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._write = log
        self._rejected = 0
        self._repeated = 0

    def log(self, settlement: Settlement) -> None:
        """A record is rejected: log it, if it is one of the first."""
        self._rejected += 1
        self._repeated += settlement.repeats
        if self._rejected <= FIRST:
            before = ", as before" if settlement.repeats else ""
            why = f"{settlement.reason}{_where(settlement)}{before}"
            self._write(f"Rejected: {name_of(settlement.entry)}: {why}.")

    def end(self) -> None:
        """The run ends: tell how many more there are, and where to look."""
        if not self._rejected:
            return
        parts = []
        if self._rejected > FIRST:
            parts.append(f"{self._rejected - FIRST} more records were rejected")
        if self._rejected > self._repeated:
            parts.append("`reply-tasks rejected --run last` shows each with what is wrong")
        if self._repeated:
            parts.append(f"{self._repeated} only repeat earlier ones: `reply-tasks rejected`")
        self._write(f"{'; '.join(parts)}.")


def _where(settlement: Settlement) -> str:
    """The first member that is wrong, and how; for Reply's refusal, the status. Never a value."""
    match settlement.problem:
        case {"errors": [{"pointer": pointer, "rule": rule, "type": kind}, *_]}:
            return f" at {pointer or '/'} ({rule}: {kind})"
    status = settlement.http_status
    return "" if status is None or status < HTTPStatus.BAD_REQUEST else f" (HTTP {status})"
