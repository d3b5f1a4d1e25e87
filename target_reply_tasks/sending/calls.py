"""The calls of one record, from its claim to its outcome. Runs in a sender's thread."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.api.repeating import Request
from target_reply_tasks.sending.addressing import Addressing
from target_reply_tasks.sending.effects import Others
from target_reply_tasks.sending.intent import see_to_intent
from target_reply_tasks.sending.listing import Listed


class Calls(Addressing):
    """Makes the calls of one record."""

    def update(self, body: Mapping[str, Any]) -> Decision:
        """Replace the task, repeating until the answer is certain."""
        decision = self._ask(
            Call.UPDATE,
            lambda: self._client.update_task(
                self.work.task_id,
                dict(body),
                act_as_user_id=self._acting,
                after_last_byte=self._tell_that_it_left,
            ),
        )
        if decision.action is Action.APPLIED:
            self._lost_updates.pop()  # the last one is not lost
        return decision

    def read(self, task_id: int | None = None) -> Decision:
        """Read the task, or another one, repeating until the answer is certain."""
        wanted = self.work.task_id if task_id is None else task_id
        return self._ask(
            Call.READ,
            lambda: self._client.get_task(wanted, act_as_user_id=self._acting),
            task_id=wanted,
        )

    def filter(self, wanted: Mapping[str, Any], *, top: int) -> Listed:
        """The first page of the tasks that are wanted, repeating until there is a list."""
        return self.ask_for_list(
            "the tasks like it",
            lambda: self._client.filter_tasks(dict(wanted), top, 0, act_as_user_id=self._acting),
        )

    def others(self, task_ids: list[int]) -> Others:
        """What the ledger knows of tasks that others than this record have made, or may have."""
        return self._effects.others(self.work, task_ids)

    def create(self) -> Decision:
        """Make the task; repeated only when it is certain that nothing was sent."""
        return self._ask(
            Call.CREATE,
            lambda: self._client.create_task(
                self.wire_body,
                act_as_user_id=self._acting,
                before_first_byte=partial(see_to_intent, self._effects, self.work),
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def complete(self) -> Decision:
        """Finish the task; repeated only when it is certain that nothing was sent."""
        return self._ask(
            Call.COMPLETE,
            lambda: self._client.complete_task(
                self.work.task_id,
                self.wire_body,
                act_as_user_id=self._acting,
                before_first_byte=partial(see_to_intent, self._effects, self.work),
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def delete(self) -> Decision:
        """Delete the task; repeated only when it is certain that nothing was sent."""
        return self._ask(
            Call.DELETE,
            lambda: self._client.delete_task(
                self.work.task_id,
                act_as_user_id=self._acting,
                before_first_byte=partial(see_to_intent, self._effects, self.work),
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def assign(self, user_id: int) -> Decision:
        """Hand the task to a user, repeating until the answer is certain."""
        return self._ask(
            Call.ASSIGN,
            lambda: self._client.assign_task(
                self.work.task_id,
                user_id,
                act_as_user_id=self._acting,
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def execute(self) -> Decision:
        """Execute the task; repeated only when it is certain that nothing was sent.

        Raises:
            StopRun: Our lease ended, so that another host may have taken this claim.
        """
        return self._ask(
            Call.EXECUTE,
            lambda: self._client.execute_task(
                self.work.task_id,
                self.wire_body,
                act_as_user_id=self._acting,
                before_first_byte=partial(see_to_intent, self._effects, self.work),
                after_last_byte=self._tell_that_it_left,
            ),
        )

    def _ask(
        self, call: Call, send: Callable[[], Answer], *, task_id: int | None = None
    ) -> Decision:
        """Call until the answer decides something.

        Raises:
            Interrupted: The run stopped while this waited.
            CannotGoOnError: Reply is assumed to be down, or refuses the key.
        """
        about = self.work.task_id if task_id is None else task_id
        what = f"the {call} of task {about}" if about > 0 else "the creation of a task"
        return self.ask_for(Request(call, what, send, about if about > 0 else None))
