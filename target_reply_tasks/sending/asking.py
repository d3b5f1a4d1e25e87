"""Asking: what one record's calls do to the world, as the loop of repeats wants it.

Each call takes a slot of the quota and is written down. When to call again is decided by
``reply_tasks.api.repeating``.
"""

from dataclasses import replace

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import IRREVERSIBLE_CALLS, Call
from reply_tasks.api.decisions import Action, Decision, may_have_acted
from reply_tasks.api.dialect import PREVIEW_FORM
from reply_tasks.api.repeating import (
    CallerRefusedError,
    Patience,
    Request,
    call_until_certain,
)
from reply_tasks.contract.outcomes import Reason
from reply_tasks.ledger import Attempt
from reply_tasks.settings import TargetSettings
from target_reply_tasks.errors import StopRun
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Work


class Interrupted(Exception):  # noqa: N818 - it is not an error
    """The run is stopping: this record is given back as it is."""


class Asking:
    """Asks Reply for one record, and repeats what is safe to repeat."""

    def __init__(self, effects: Effects, settings: TargetSettings, work: Work) -> None:
        self.work = work
        self.settings = settings
        self._effects = effects
        self._client = effects.context.client
        self._reply_clock = effects.context.reply_clock
        self._patience = Patience(settings.max_retries, effects.context.backoff, effects.random)
        self._reached = effects.context.reached
        self._acting = work.record.act_as_user_id
        self._call = Call.READ
        self._left_at = effects.now()
        self._form = PREVIEW_FORM
        self._doubt = work.unsure
        #: When an update may have acted whose answer was lost, on the monotonic clock.
        self._lost_updates = [work.received] if work.recovered else []

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Interrupted: The run is stopping.
        """
        if self._effects.stopping.wait(seconds):
            raise Interrupted

    def monotonic(self) -> float:
        """Seconds, by the clock that nobody sets."""
        return self._effects.monotonic()

    def take_slot(self) -> None:
        """Use up a slot of the quota.

        Raises:
            Interrupted: The run is stopping, and there is none.
        """
        self._form = self._client.know_form(self._effects.stopping)
        if not self._effects.take_slot(self.work):
            raise Interrupted
        self.leave(self._call)
        if self._call is not Call.READ:
            self._reached(Step.SENDING)

    def leave(self, call: Call) -> None:
        """A call of this record leaves now, which has its slot: what may it change?"""
        self._call, self._left_at = call, self._effects.now()
        self._doubt = self.work.unsure
        if call is not Call.READ:
            self.work.unsure = True

    def hear(self, answer: Answer) -> None:
        """Write the call down, and what its answer leaves open."""
        self._reached(Step.READ if self._call is Call.READ else Step.ANSWERED)
        moment = self._effects.monotonic()
        self.note(answer, moment)
        self._reply_clock.hear(answer, moment, closely=self._call is not Call.UPDATE)
        self._effects.observe(self.work, answer)

    def note(self, answer: Answer, moment: float, *, tasks: int = 1, counted: bool = True) -> None:
        """Write down the call that has left, and what its answer leaves open of this record.

        Args:
            answer: What came back.
            moment: When, on the monotonic clock.
            tasks: How many tasks the call was for.
            counted: Whether it is one of this record's calls.
        """
        self.work.attempts.append(
            Attempt(
                at=self._left_at,
                call=self._call,
                status=answer.status,
                error=answer.error or None,
                seconds=round(answer.elapsed, 4),
                tasks=tasks,
                counted=counted,
            )
        )
        if self._call is not Call.READ:
            acted = may_have_acted(self._call, answer)
            self.work.unsure = self._doubt or acted
            if acted and self._call is Call.UPDATE:
                self._lost_updates.append(moment)

    def pause(self, seconds: float) -> None:
        """No calls of this record's user for so long."""
        self._effects.pause(self.work, seconds)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a repeat."""
        del why
        self.sleep(seconds)

    def unauthorized(self) -> bool:
        """Whether Reply wants requests written in another form."""
        return self._client.doubt_form(self._form, self._effects.stopping)

    def ask_for(self, request: Request) -> Decision:
        """Make a request until its answer decides something.

        Raises:
            Interrupted: The run stopped while this waited.
            CannotGoOnError: Reply is assumed to be down, or refuses the key.
        """
        self._call = request.call
        if self.work.user in self._effects.refused_users:
            return self._user_refused()
        try:
            decision, _ = call_until_certain(request, self, self._patience)
            if decision.unproven and not self._client.has_listed:
                self._prove(decision)
        except CallerRefusedError as error:
            if not (error.decision.of_user and self._acts_as_another):
                raise
            self._effects.refused_users[self.work.user] = error.decision
            return self._user_refused()
        return decision

    def _tell_that_it_left(self) -> None:
        self._reached(Step.SENT)
        if self._call in IRREVERSIBLE_CALLS:
            self._reached(Step.EXECUTION_SENT)

    @property
    def _acts_as_another(self) -> bool:
        """Whether the record names a user of its own, other than the run's."""
        return self._acting is not None and self._acting != self.settings.user_id

    def _user_refused(self) -> Decision:
        refusal = self._effects.refused_users[self.work.user]
        return replace(refusal, action=Action.REJECTED, reason=Reason.USER_REFUSED, stop=None)

    def _prove(self, refusal: Decision) -> None:
        """See whether api_url leads to Reply: a gateway refuses as well, and knows no task.

        Raises:
            StopRun: It does not; this refusal says nothing of the record.
        """
        self._call = Call.READ
        request = Request(
            Call.READ,
            "its list of tasks",
            lambda: self._client.list_tasks(1, 0, act_as_user_id=self._acting),
        )
        call_until_certain(request, self, self._patience)
        if not self._client.has_listed:
            raise StopRun(
                f"{refusal.detail.rstrip('.')}: this came without a code of Reply's, and the list "
                "of tasks can't be read either. Check api_url and what stands before Reply; no "
                "record was rejected for it."
            )
