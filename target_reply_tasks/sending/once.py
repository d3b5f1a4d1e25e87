"""What can't be undone is sent once; after a lost answer, the world is asked before anything else.

The steps that an execution, a completion, a deletion and a creation share. What the world is asked,
and what its answer means, is each one's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat

from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import Found
from reply_tasks.settings import OnLostAnswer
from target_reply_tasks.sending.asking import Interrupted
from target_reply_tasks.sending.calls import Calls

#: Seconds between the read-backs of one lost answer; the last of them is repeated.
READ_BACK_AFTER = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the world says of a call whose answer was lost.

    Attributes:
        found: What was established.
        detail: The same in a sentence.
        task: The task that it is about, where it could be read.
        may_change: Whether another look, within the time that the call has, may tell more.
    """

    found: Found
    detail: str
    task: TaskDetail | None = None
    may_change: bool = False

    @property
    def decides(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.found is not Found.STILL_NEW and not self.may_change


@dataclass(frozen=True, slots=True)
class Irreversible:
    """One kind of call that can't be undone.

    Attributes:
        call: Its kind.
        send: Makes the call, repeated only while it is certain that nothing was sent.
        look: Asks the world once whether it happened.
        done: What the record asked for, in a word that follows "whether it was".
    """

    call: Call
    send: Callable[[Calls], Decision]
    look: Callable[[Calls], Evidence]
    done: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """It is not known whether the call took effect.

    Attributes:
        since: When its connection was known to be gone, on the monotonic clock; for a dead run's
            claim, when it was taken over.
        refusal: What Reply said to a second send: it may speak of what the first one did.
    """

    since: float
    refusal: Decision | None = None


def send_once(calls: Calls, kind: Irreversible) -> Settlement:
    """Send the call of a claimed record at most once, and settle it."""
    doubt = Doubt(calls.work.received) if calls.work.recovered else None
    while True:
        if doubt is None:
            sent = _send(calls, kind)
            if isinstance(sent, Settlement):
                return sent
            doubt = sent
        settlement = find_out(calls, kind, doubt)
        if settlement is not None:
            return settlement
        doubt = None  # nothing happened: the answer was lost before the effect, so it may go again


def _send(calls: Calls, kind: Irreversible) -> Settlement | Doubt:
    """Send it; settled where the answer is certain."""
    in_doubt = calls.work.unsure
    return weigh(calls, kind.send(calls), in_doubt=in_doubt)


def weigh(calls: Calls, decision: Decision, *, in_doubt: bool) -> Settlement | Doubt:
    """What an answer means for a record; settled where it is certain.

    Args:
        calls: Those of the record.
        decision: What follows from the answer.
        in_doubt: Whether an earlier call of the record may have taken effect.
    """
    match decision.action:
        case Action.APPLIED:
            return calls.settled(Outcome.APPLIED, task=decision.task)
        case Action.EXECUTION_FAILED:
            return _failed(calls, decision.task, decision.detail)
        case Action.REJECTED if not in_doubt:
            return calls.refused(decision)
        case Action.REJECTED:
            return Doubt(calls.monotonic(), decision)
        case _:
            return Doubt(calls.monotonic())


def find_out(  # noqa: PLR0911 - one return for each finding
    calls: Calls, kind: Irreversible, doubt: Doubt
) -> Settlement | None:
    """Ask the world, and settle by what is found; None: it may be sent once more."""
    evidence = _evidence(calls, kind, doubt)
    said = evidence.detail
    match evidence.found:
        case Found.EXECUTED:
            return calls.settled(
                Outcome.APPLIED,
                detail=f"Read back after a lost answer: {said}",
                task=evidence.task,
            )
        case Found.FAILED:
            return _failed(calls, evidence.task, f"Read back after a lost answer: {said}")
        case Found.NOT_OURS:
            return calls.settled(
                Outcome.REJECTED,
                reason=Reason.TASK_NOT_NEW,
                detail="The answer was lost, and it was not this call that closed the task: "
                f"{said}",
            )
        case Found.STILL_NEW if _contradicts(doubt.refusal):
            return _uncertain(calls, kind, f"Reply refused it as not New, but {said}")
        case Found.STILL_NEW if doubt.refusal is not None:
            return calls.refused(doubt.refusal)
        case Found.STILL_NEW if _may_send_again(calls, kind):
            return None
        case _:
            return _uncertain(calls, kind, said)


def _contradicts(refusal: Decision | None) -> bool:
    """Whether a refusal says that a task which reads as New is not New."""
    return refusal is not None and refusal.reason is Reason.TASK_NOT_NEW


def _may_send_again(calls: Calls, kind: Irreversible) -> bool:
    if calls.settings.on_lost_answer is OnLostAnswer.HOLD:
        return False
    sends = sum(attempt.call == kind.call for attempt in calls.work.attempts)
    return max(sends, 1) <= calls.settings.max_retries


def _evidence(calls: Calls, kind: Irreversible, doubt: Doubt) -> Evidence:
    """Ask until something is found, or ``settle_seconds`` have passed.

    After a refusal one look is enough, unless it speaks of a task that is not New: the first send
    had its time already.
    """
    certain = doubt.refusal is not None and not _contradicts(doubt.refusal)
    ends = doubt.since + calls.settings.settle_seconds
    pauses = chain(READ_BACK_AFTER, repeat(READ_BACK_AFTER[-1]))
    while True:
        last = certain or calls.monotonic() >= ends
        evidence = kind.look(calls)
        if evidence.decides or last:
            return evidence
        try:
            calls.sleep(max(0.0, min(next(pauses), ends - calls.monotonic())))
        except Interrupted:
            evidence = kind.look(calls)  # the run stops: one last look
            if not evidence.decides:
                raise
            return evidence


def _failed(calls: Calls, task: TaskDetail | None, detail: str) -> Settlement:
    return calls.settled(Outcome.REJECTED, reason=Reason.EXECUTION_FAILED, detail=detail, task=task)


def _uncertain(calls: Calls, kind: Irreversible, detail: str) -> Settlement:
    return calls.settled(
        Outcome.UNCERTAIN,
        detail=f"The answer was lost, and whether it was {kind.done} is not established: {detail} "
        "`reply-tasks resolve` settles it.",
    )
