"""How a run ended, and the exit code that says so."""

from dataclasses import dataclass, field

from reply_tasks.ledger import RunTotals

#: Seconds that what is in flight may take to settle when the run stops; then its claims are left to
#: the next run.
STOP_BOUND = 20.0


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
