"""Repeating: call, decide, wait, call again, until the answer is certain.

The one loop of target, tap and resolver. What it does to the world is the caller's, handed in.
"""

import random as chance
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from reply_tasks.api.answers import Answer
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.batches import decide_batch
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision, StopCause, decide

#: Seconds to wait after a 429 that does not say how long.
UNSTATED_RETRY_AFTER = 10.0


class CannotGoOnError(Exception):
    """No further call will help: Reply refuses the caller, or is assumed to be down.

    The message is one line for a person, without secrets.
    """


class AssumedDownError(CannotGoOnError):
    """Reply was asked as often as patience allows, and never gave an answer that decides."""


class CallerRefusedError(CannotGoOnError):
    """Reply refuses the caller; the decision says whether the user or the key."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.detail)
        self.decision = decision


class Caller(Protocol):
    """Who calls: what a repeat may do to the world. Each method may raise to end the loop."""

    def take_slot(self) -> object:
        """Wait for a slot of the quota: a call leaves now."""

    def hear(self, answer: Answer) -> object:
        """Take note of an answer, whatever it is, and of what it says of the quota."""

    def pause(self, seconds: float) -> object:
        """Reply answered 429: see that no call leaves for so long."""

    def wait(self, seconds: float, why: str) -> object:
        """Pass some time before a repeat."""

    def unauthorized(self) -> bool:
        """Reply does not take the key; whether to ask once more, in another form."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call that is safe to repeat is repeated.

    Attributes:
        max_retries: Attempts after the first.
        backoff: How long to wait between them, and for how long to go on.
        random: A number from 0 to 1.
    """

    max_retries: int
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = chance.random


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Reply.

    Attributes:
        call: Its kind, which says what is safe to repeat.
        what: Its name in a sentence, e.g. ``the update of task 7``.
        send: Makes the call, once.
        task_id: The task that it is about; None for a call that is not about one task.
        task_ids: The tasks of a call for many.
    """

    call: Call
    what: str
    send: Callable[[], Answer]
    task_id: int | None = None
    task_ids: tuple[int, ...] = ()

    def decide(self, answer: Answer) -> Decision:
        """What follows from an answer."""
        if self.task_ids:
            return decide_batch(self.call, answer, self.task_ids)
        return decide(self.call, answer, task_id=self.task_id)


def call_until_certain(
    request: Request, caller: Caller, patience: Patience
) -> tuple[Decision, Answer]:
    """Call until an answer decides something; the decision, and the answer that made it.

    A decision to stop or to repeat never comes back from here, and an execution that may have been
    sent is never repeated: its decision is ``LOST``.

    Raises:
        CannotGoOnError: Reply refuses the caller.
        AssumedDownError: Reply was asked as often as patience allows.
    """
    failures, failing = 0, 0.0
    while True:
        caller.take_slot()
        answer = request.send()
        caller.hear(answer)
        decision = request.decide(answer)
        refused = decision.stop is StopCause.UNAUTHORIZED and not decision.of_user
        if refused and caller.unauthorized():
            continue
        if decision.stop is not None:
            raise CallerRefusedError(decision)
        if decision.action is Action.WAIT:
            caller.pause(UNSTATED_RETRY_AFTER if decision.wait is None else decision.wait)
        elif decision.action is Action.REPEAT:
            failures += 1
            failing += answer.elapsed
            if patience.backoff.gives_up(failures, failing, patience.max_retries):
                raise AssumedDownError(
                    f"Reply could not be asked for {request.what}, tried {failures} times: "
                    f"{decision.detail.rstrip('.')}. Run again when it answers."
                )
            delay = patience.backoff.delay(failures, patience.random)
            delay = max(delay, decision.wait or 0.0)
            failing += delay
            caller.wait(delay, decision.detail)
        else:
            return decision, answer
