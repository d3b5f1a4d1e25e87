"""What a run works with, handed in, and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.ledger import Ledger, RunTotals
from target_reply_tasks.allowance import Allowance


class InputClosedError(Exception):
    """The run is stopping: read no more."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What the engine works with.

    Attributes:
        ledger: Opened and held.
        client: Makes the calls.
        allowance: The quota of each user.
        backoff: How long to wait before a repeat.
        write_state: Writes one STATE to standard output.
        close_input: Called when nothing more shall be read: it must wake a reader that blocks.
        log: Takes one line for a person.
    """

    ledger: Ledger
    client: ReplyClient
    allowance: Allowance
    backoff: Backoff
    write_state: Callable[[Any], None]
    close_input: Callable[[], None]
    log: Callable[[str], None]


@dataclass(slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        exit_code: Of the process.
        totals: What was settled, and at what cost.
        stopped: Why it stopped, in one line; None when it finished or was signalled.
        read: How many records were read.
        rejected: How many of those were rejected.
        unsettled: How many of those stay unsettled, for the next run.
        error: A bug of ours, for its traceback.
    """

    exit_code: int = 0
    totals: RunTotals = field(default_factory=RunTotals)
    stopped: str | None = None
    read: int = 0
    rejected: int = 0
    unsettled: int = 0
    error: BaseException | None = None

    def give_verdict(self, *, max_rejected_percent: int) -> None:
        """Set the exit code of a run that no signal and no cause has ended before its end."""
        if self.exit_code:
            return
        if self.stopped is not None:
            self.exit_code = 1
        elif self.read and self.rejected * 100 >= max_rejected_percent * self.read:
            self.exit_code = 2
