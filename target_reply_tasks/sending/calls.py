"""Sending: the calls of one record, from its claim to its outcome. Runs in a sender's thread.

Each call takes a slot of the quota and is written down. What an answer means is decided by
``reply_tasks.api.decisions``; here stands only what is done about it.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Action, Call, Decision, decide
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Attempt, Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.errors import StopRun
from target_reply_tasks.work import Unsettled, Work

#: Seconds to wait after a 429 that does not say how long.
UNSTATED_RETRY_AFTER = 10.0


class Interrupted(Exception):  # noqa: N818 - it is not an error
    """The run is stopping: this record is given back as it is."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a sender may do to the context, handed in.

    Attributes:
        client: Makes the calls.
        slot: Uses up the record's slot of the quota, or waits for one if it has none that is still
            good; False when the run is stopping and none is free.
        pause: Reply answered 429: no calls of that record's user for so many seconds.
        observe: An answer came: it may say what is left of the quota.
        note: Writes a claim's calls down, durably, before one more is sent; False when the claim
            is not ours any more.
        held: Whether this process's lease is safely ours.
        stopping: Set when the run stops: no more waiting.
        backoff: How long to wait before a repeat.
        random: A number from 0 to 1.
        monotonic: Seconds.
        now: UTC.
    """

    client: ReplyClient
    slot: Callable[[Work], bool]
    pause: Callable[[Work, float], None]
    observe: Callable[[Work, Answer], None]
    note: Callable[[Work, tuple[Attempt, ...]], bool]
    held: Callable[[], bool]
    stopping: Event
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Calls:
    """Makes calls for records, and repeats what is safe to repeat."""

    def __init__(self, effects: Effects, settings: TargetSettings) -> None:
        self.effects = effects
        self.settings = settings

    def update(self, work: Work, body: dict[str, object]) -> Decision:
        """Replace the task, repeating until the answer is certain."""
        return self._certain(
            work,
            Call.UPDATE,
            lambda: self.effects.client.update_task(
                work.task_id, body, act_as_user_id=work.record.act_as_user_id
            ),
        )

    def read(self, work: Work) -> Decision:
        """Read the task, repeating until the answer is certain."""
        return self._certain(
            work,
            Call.READ,
            lambda: self.effects.client.get_task(
                work.task_id, act_as_user_id=work.record.act_as_user_id
            ),
        )

    def execute(self, work: Work) -> Decision:
        """Execute the task; repeated only when it is certain that nothing was sent.

        Raises:
            StopRun: Our lease ended, so that another host may have taken this claim.
        """
        return self._certain(
            work,
            Call.EXECUTE,
            lambda: self.effects.client.execute_task(
                work.task_id, work.record.body, act_as_user_id=work.record.act_as_user_id
            ),
        )

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            Interrupted: The run is stopping.
        """
        if self.effects.stopping.wait(seconds):
            raise Interrupted

    def _certain(self, work: Work, call: Call, send: Callable[[], Answer]) -> Decision:
        """Call until the answer decides something, or Reply is held to be down.

        Raises:
            Interrupted: The run stopped while this waited.
            StopRun: Reply is down, or refuses the key.
        """
        failures, failing = 0, 0.0
        while True:
            answer = self._call(work, call, send)
            decision = decide(call, answer, task_id=work.task_id)
            match decision.action:
                case Action.WAIT:
                    seconds = UNSTATED_RETRY_AFTER if decision.wait is None else decision.wait
                    self.effects.pause(work, seconds)
                case Action.REPEAT:
                    failures += 1
                    failing += answer.elapsed
                    if self.effects.backoff.gives_up(failures, failing, self.settings.max_retries):
                        raise StopRun(
                            f"Reply could not be reached for the {call} of task {work.task_id}, "
                            f"tried {failures} times: {decision.detail.rstrip('.')}. Its record "
                            "stays unsettled: run again when Reply answers."
                        )
                    delay = self.effects.backoff.delay(failures, self.effects.random)
                    delay = max(delay, decision.wait or 0.0)
                    failing += delay
                    self.sleep(delay)
                case Action.STOP:
                    raise StopRun(decision.detail)
                case _:
                    return decision

    def _call(self, work: Work, call: Call, send: Callable[[], Answer]) -> Answer:
        """Make one call, with a slot of the quota, and write it down."""
        if not self.effects.slot(work):
            raise Interrupted
        if call is Call.EXECUTE:
            self._before_executing(work)
        doubt = work.unsure
        if call is not Call.READ:
            work.unsure = True
        at = self.effects.now()
        answer = send()
        work.attempts.append(
            Attempt(
                at=at,
                call=call,
                status=answer.status,
                error=answer.error or None,
                seconds=round(answer.elapsed, 4),
            )
        )
        if call is not Call.READ:
            work.unsure = doubt or _changed_perhaps(answer)
        self.effects.observe(work, answer)
        return answer

    def _before_executing(self, work: Work) -> None:
        """The last look before an irreversible call: its intent is committed, and is still ours."""
        if not self.effects.held():
            raise StopRun(
                "This run could not renew its lease on the ledger, so that its claims may be taken "
                "over by another: nothing more is sent. Check the ledger's database and run again."
            )
        sends = [attempt for attempt in work.attempts if attempt.call == Call.EXECUTE]
        if sends or work.recovered:
            intent = Attempt(at=self.effects.now(), call=Call.EXECUTE)
            if not self.effects.note(work, (*work.attempts, intent)):
                raise StopRun(
                    f"The claim on task {work.task_id} was taken over by another run, which held "
                    "this one for dead: nothing more is sent."
                )


def _changed_perhaps(answer: Answer) -> bool:
    """Whether a write with this answer may have changed something that is not known."""
    if answer.kind is AnswerKind.NOT_CONNECTED:
        return False
    if answer.kind is AnswerKind.LOST or answer.status is None:
        return True
    return answer.succeeded or answer.status >= 500  # noqa: PLR2004


class Sender:
    """Applies one record at a time: the steps of an update, a merge or an execution."""

    def __init__(self, calls: Calls, *, update: "Step", execute: "Step") -> None:
        self._calls = calls
        self._steps = {Operation.UPDATE: update, Operation.EXECUTE: execute}

    def apply(self, work: Work) -> Settlement | Unsettled:
        """Take a claimed record to its outcome, or give it back when the run stops."""
        try:
            return self._steps[work.operation](self._calls, work)
        except Interrupted:
            return Unsettled(work)
        except StopRun as stop:
            return Unsettled(work, str(stop))


Step = Callable[[Calls, Work], Settlement]
