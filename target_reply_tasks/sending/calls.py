"""The calls of one record, from its claim to its outcome. Runs in a sender's thread."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import IRREVERSIBLE_CALLS, Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.api.repeating import CallerRefusedError, Request
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.members import LOOKED_UP
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.sending.asking import Asking
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.intent import see_to_intent
from target_reply_tasks.sending.look_ups import (
    KINDS,
    NOT_FOUND,
    FoundId,
    Key,
    LookUpKind,
    ids_by_address,
)
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Work

#: Members of a record's body that Reply is never told.
_OURS = frozenset({*LOOKED_UP, "deleteSequenceTask"})


class Calls(Asking):
    """Makes the calls of one record."""

    def __init__(self, effects: Effects, settings: TargetSettings, work: Work) -> None:
        super().__init__(effects, settings, work)
        self._looked_up: dict[str, int] = {}

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

    def filter(self, wanted: Mapping[str, Any], *, top: int) -> Mapping[str, Any]:
        """The first page of the tasks that are wanted, repeating until there is an answer."""
        answers: list[Answer] = []

        def send() -> Answer:
            answers.append(
                self._client.filter_tasks(dict(wanted), top, 0, act_as_user_id=self._acting)
            )
            return answers[-1]

        self.ask_for(Request(Call.READ, "the tasks like it", send))
        return answers[-1].data if isinstance(answers[-1].data, Mapping) else {}

    def created_by_others(self, task_ids: list[int]) -> frozenset[int]:
        """Those of these tasks that an operation of the ledger has made."""
        return self._effects.created(task_ids)

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

    def look_up(self) -> Settlement | None:
        """Find the ids of the addresses that the record brings; its rejection where there is none.

        Raises:
            Interrupted: The run stopped while this waited.
            CannotGoOnError: Reply is assumed to be down, or refuses the key.
        """
        for member, stands_for in LOOKED_UP.items():
            address = self.work.record.body.get(member)
            if address is None or stands_for in self._looked_up:
                continue
            kind = KINDS[member]
            try:
                found = self._effects.look_ups.find(
                    (kind, address), partial(self._ask_for_address, kind, address)
                )
            except CallerRefusedError as error:
                return self.settled(
                    Outcome.REJECTED,
                    reason=NOT_FOUND[kind],
                    detail=f"{member} could not be looked up: {error}",
                )
            if found.value is None:
                return self._not_found(member, found)
            self._looked_up[stands_for] = found.value
        return None

    def _not_found(self, member: str, found: FoundId) -> Settlement:
        kind = KINDS[member]
        several = found.found > 1
        return self.settled(
            Outcome.REJECTED,
            reason=Reason.AMBIGUOUS if several else NOT_FOUND[kind],
            detail=f"{found.found} {kind}s of Reply have the record's {member}: give the id."
            if several
            else f"No {kind} of Reply has the record's {member}.",
        )

    def _ask_for_address(self, kind: LookUpKind, address: str) -> Mapping[Key, FoundId]:
        answers: list[Answer] = []

        def send() -> Answer:
            match kind:
                case LookUpKind.CONTACT:
                    answer = self._client.find_contacts(address, act_as_user_id=self._acting)
                case LookUpKind.USER:
                    answer = self._client.list_users(act_as_user_id=self._acting)
                case LookUpKind.MAILBOX:
                    answer = self._client.find_mailboxes(address, act_as_user_id=self._acting)
            answers.append(answer)
            return answer

        self.ask_for(Request(Call.READ, f"the {kind} of an address", send))
        data = answers[-1].data
        items = data.get("items") if isinstance(data, Mapping) else data
        names = ("userEmail", "userId") if kind is LookUpKind.USER else ("email", "id")
        listed = items if isinstance(items, list) else []
        return ids_by_address(kind, listed, address=names[0], value=names[1])

    @property
    def wire_body(self) -> dict[str, Any]:
        """The body of the call: with the ids of what was looked up, without what is ours."""
        body = self.work.record.body
        plain = {name: value for name, value in body.items() if name not in _OURS}
        return {**plain, **self._looked_up}

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

    @property
    def claimed_at(self) -> datetime:
        """When the record was claimed, by Reply's clock as far as that is known.

        Our own claim is placed by the monotonic clock; that of a dead run by what Reply's clock
        said to it, or else says to us.
        """
        work, effects = self.work, self._effects
        claimed_at = work.claimed_at or work.entry.received_at
        if work.claimed_moment is not None:
            return self._reply_clock.at(work.claimed_moment) or claimed_at
        ahead = work.reply_ahead
        if ahead is None:
            ahead = self._reply_clock.ahead_of(effects.now(), effects.monotonic()) or 0.0
        return claimed_at + timedelta(seconds=ahead)

    @property
    def last_detail(self) -> TaskDetail | None:
        """The task as Reply last returned it, by the ledger."""
        return self._effects.last_detail(self.work)

    @property
    def late_effects_are_over(self) -> bool:
        """Whether everything that shook the task has had its time."""
        shaken = self.work.shaken
        return shaken is not None and shaken.ago >= self.settings.settle_seconds

    def settled(  # noqa: PLR0913 - the columns of a settlement
        self,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        detail: str | None = None,
        problem: Mapping[str, Any] | None = None,
        task: TaskDetail | None = None,
        body_hash: str | None = None,
    ) -> Settlement:
        """The record's settlement, as of now."""
        shaken = None
        if self.work.operation is Operation.UPDATE and self._lost_updates:
            shaken = max(0.0, self.monotonic() - self._lost_updates[-1])
        seen = outcome in {Outcome.APPLIED, Outcome.UNCHANGED}
        return self.work.settled(
            outcome,
            self._effects.now(),
            reason=reason,
            detail=detail,
            problem=problem,
            task_detail=None if task is None else task.raw,
            body_hash=body_hash,
            shaken=shaken,
            confirmed=seen and self.late_effects_are_over,
            created=self._created(outcome, task),
        )

    def _created(self, outcome: Outcome, task: TaskDetail | None) -> int | None:
        made = self.work.operation is Operation.CREATE and outcome is Outcome.APPLIED
        return task.id if made and task is not None else None

    def refused(self, decision: Decision) -> Settlement:
        """Reply refused it: settled with what Reply said."""
        return self.settled(
            Outcome.REJECTED,
            reason=decision.reason or Reason.API_REJECTED,
            detail=decision.detail,
            problem=decision.problem,
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

    def _tell_that_it_left(self) -> None:
        self._reached(Step.SENT)
        if self._call in IRREVERSIBLE_CALLS:
            self._reached(Step.EXECUTION_SENT)
