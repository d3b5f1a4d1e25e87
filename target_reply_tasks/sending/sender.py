"""The sender: takes claimed records to their outcomes, one call at a time, or gives them back."""

from collections.abc import Callable, Iterator, Mapping

from reply_tasks.api.repeating import AssumedDownError, CannotGoOnError
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.batch import Batch
from target_reply_tasks.errors import StopRun
from target_reply_tasks.sending.asking import Interrupted
from target_reply_tasks.sending.assign import assign, assign_together
from target_reply_tasks.sending.batch_calls import BatchCalls
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.complete import complete, complete_together
from target_reply_tasks.sending.create import create
from target_reply_tasks.sending.delete import delete, delete_together
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.execute import execute
from target_reply_tasks.work import Unsettled, Work

Step = Callable[[Calls], Settlement]
Together = Callable[[BatchCalls], Iterator[tuple[Calls, Settlement]]]

_TOGETHER: Mapping[Operation, Together] = {
    Operation.COMPLETE: complete_together,
    Operation.ASSIGN: assign_together,
    Operation.DELETE: delete_together,
}


class Sender:
    """Applies records: the steps of their operation."""

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

    def apply(self, batch: Batch) -> Iterator[tuple[Work, Settlement | Unsettled]]:
        """Take claimed records to their outcomes, or give them back: each of them, as it ends."""
        left = dict.fromkeys(batch.works)
        stop: str | None = None
        try:
            for calls, settlement in self._settled(batch):
                del left[calls.work]
                yield calls.work, settlement
        except Interrupted:
            pass
        except AssumedDownError as error:
            stop = f"{error} The record stays unsettled until you run again."
        except (CannotGoOnError, StopRun) as error:
            stop = str(error)
        for work in left:
            yield work, Unsettled(work, stop)

    def _settled(self, batch: Batch) -> Iterator[tuple[Calls, Settlement]]:
        ready = []
        for work in batch.works:
            calls = Calls(self._effects, self._settings, work)
            recalled = work.recovered and calls.recall()
            # What may have been sent is asked about first.
            settlement = None if recalled else calls.look_up()
            if settlement is None:
                ready.append(calls)
            else:
                yield calls, settlement
        if len(ready) == 1:
            calls = ready[0]
            yield calls, self._steps[calls.work.operation](calls)
        elif ready:
            together = _TOGETHER[ready[0].work.operation]
            yield from together(BatchCalls(self._effects, self._settings, ready))
