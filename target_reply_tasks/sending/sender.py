"""The sender: takes one claimed record at a time to its outcome, or gives it back."""

from collections.abc import Callable

from reply_tasks.api.repeating import AssumedDownError, CannotGoOnError
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.errors import StopRun
from target_reply_tasks.sending.calls import Calls, Interrupted
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.work import Unsettled, Work

Step = Callable[[Calls], Settlement]


class Sender:
    """Applies one record at a time: the steps of an update, a merge or an execution."""

    def __init__(
        self, effects: Effects, settings: TargetSettings, *, update: Step, execute: Step
    ) -> None:
        self._effects = effects
        self._settings = settings
        self._steps = {Operation.UPDATE: update, Operation.EXECUTE: execute}

    def apply(self, work: Work) -> Settlement | Unsettled:
        """Take a claimed record to its outcome, or give it back when the run stops."""
        try:
            return self._steps[work.operation](Calls(self._effects, self._settings, work))
        except Interrupted:
            return Unsettled(work)
        except AssumedDownError as stop:
            return Unsettled(work, f"{stop} The record stays unsettled until you run again.")
        except (CannotGoOnError, StopRun) as stop:
            return Unsettled(work, str(stop))
