"""The sender: takes one claimed record at a time to its outcome, or gives it back."""

from collections.abc import Callable, Mapping

from reply_tasks.api.repeating import AssumedDownError, CannotGoOnError
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.errors import StopRun
from target_reply_tasks.sending.asking import Interrupted
from target_reply_tasks.sending.assign import assign
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.complete import complete
from target_reply_tasks.sending.create import create
from target_reply_tasks.sending.delete import delete
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.execute import execute
from target_reply_tasks.work import Unsettled, Work

Step = Callable[[Calls], Settlement]


class Sender:
    """Applies one record at a time: the steps of its operation."""

    def __init__(self, effects: Effects, settings: TargetSettings, *, update: Step) -> None:
        self._effects = effects
        self._settings = settings
        self._steps: Mapping[Operation, Step] = {
            Operation.UPDATE: update,
            Operation.EXECUTE: execute,
            Operation.CREATE: create,
            Operation.COMPLETE: complete,
            Operation.ASSIGN: assign,
            Operation.DELETE: delete,
        }

    def apply(self, work: Work) -> Settlement | Unsettled:
        """Take a claimed record to its outcome, or give it back when the run stops."""
        try:
            calls = Calls(self._effects, self._settings, work)
            if work.recovered and calls.recall():  # what may have been sent is asked about first
                return self._steps[work.operation](calls)
            return calls.look_up() or self._steps[work.operation](calls)
        except Interrupted:
            return Unsettled(work)
        except AssumedDownError as stop:
            return Unsettled(work, f"{stop} The record stays unsettled until you run again.")
        except (CannotGoOnError, StopRun) as stop:
            return Unsettled(work, str(stop))
