"""The calls of a batch: one for many records, with one slot, written down with each of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.api.repeating import Request
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Reason
from reply_tasks.settings import TargetSettings
from target_reply_tasks.sending.asking import Asking
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.intent import see_to_intent


class BatchCalls(Asking):
    """Asks Reply for several records at once.

    Its first record stands for all of them: its slot is taken, and the call counts as one of its.

    Attributes:
        each: The calls of every record by itself.
    """

    def __init__(self, effects: Effects, settings: TargetSettings, each: Sequence[Calls]) -> None:
        super().__init__(effects, settings, each[0].work)
        self.each = tuple(each)

    def of(self, each: Sequence[Calls]) -> "BatchCalls":
        """The same of some of the records."""
        return BatchCalls(self._effects, self.settings, each)

    def complete(self) -> Decision:
        """Finish the tasks; repeated only when it is certain that nothing was sent."""
        return self._ask_for_all(
            Call.COMPLETE,
            lambda: self._client.complete_tasks(
                self._task_ids,
                act_as_user_id=self._acting,
                before_first_byte=self._see_to_intents,
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def delete(self) -> Decision:
        """Delete the tasks; repeated only when it is certain that nothing was sent."""
        return self._ask_for_all(
            Call.DELETE,
            lambda: self._client.delete_tasks(
                self._task_ids,
                act_as_user_id=self._acting,
                before_first_byte=self._see_to_intents,
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def assign(self, user_id: int) -> Decision:
        """Hand the tasks to a user, repeating until the answer is certain."""
        return self._ask_for_all(
            Call.ASSIGN,
            lambda: self._client.assign_tasks(
                self._task_ids,
                user_id,
                act_as_user_id=self._acting,
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def last_details(self) -> Mapping[int, TaskDetail | None]:
        """The tasks as Reply last returned them, by the ledger."""
        return self._effects.last_details(self._task_ids)

    @staticmethod
    def refused_as_one(decision: Decision) -> bool:
        """Whether Reply refused the call for a cause that may lie in one of its records alone."""
        return decision.action is Action.REJECTED and decision.reason is not Reason.USER_REFUSED

    @property
    def _task_ids(self) -> tuple[int, ...]:
        return tuple(calls.work.task_id for calls in self.each)

    def _ask_for_all(self, call: Call, send: Callable[[], Answer]) -> Decision:
        ids = self._task_ids
        decision = self.ask_for(Request(call, f"the {call} of {len(ids)} tasks", send, None, ids))
        if decision.unproven and self.refused_as_one(decision):
            self._effects.unbatched.add(self.work.operation)
        return decision

    # -- what the loop of repeats does to the world --------------------------------------------

    def leave(self, call: Call) -> None:
        """A call for all records leaves now."""
        if call is Call.READ:
            super().leave(call)
            return
        for calls in self.each:
            calls.leave(call)

    def note(self, answer: Answer, moment: float, *, tasks: int = 1, counted: bool = True) -> None:
        """Write the call down with every record."""
        if self._call is Call.READ:
            super().note(answer, moment, tasks=tasks, counted=counted)
            return
        for calls in self.each:
            first = calls is self.each[0]
            calls.note(answer, moment, tasks=len(self.each), counted=first)

    @property
    def _see_to_intents(self) -> Callable[[], object]:
        return partial(see_to_intent, self._effects, *(calls.work for calls in self.each))
