"""The steps of an execution: send it once; after a lost answer, find out before anything else."""

from dataclasses import dataclass
from itertools import chain, repeat

from reply_tasks.api.decisions import Action, Call, Decision
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import Found, judge_read_back, state_of
from reply_tasks.settings import OnLostAnswer
from target_reply_tasks.sending.calls import Calls, Interrupted

#: Seconds between the read-backs of one lost answer; the last of them is repeated.
READ_BACK_AFTER = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """It is not known whether an execution happened.

    Attributes:
        since: When its connection was known to be gone, on the monotonic clock; for a dead run's
            claim, when it was taken over.
        refusal: What Reply said to a second send: it may speak of what the first one did.
    """

    since: float
    refusal: Decision | None = None


def execute(calls: Calls) -> Settlement:
    """Execute the task of a claimed record at most once, and settle it."""
    work = calls.work
    doubt = _Doubt(work.received) if work.recovered else None
    if doubt is None and work.shaken is not None:
        settlement = _read_before(calls)
        if settlement is not None:
            return settlement
    while True:
        if doubt is None:
            sent = _send(calls)
            if isinstance(sent, Settlement):
                return sent
            doubt = sent
        settlement = _find_out(calls, doubt)
        if settlement is not None:
            return settlement
        doubt = None  # still New: the answer was lost before the effect, so it may go once more


def _read_before(calls: Calls) -> Settlement | None:
    """Read a task on which an earlier call may have taken effect late.

    Where an earlier text has come back, the last one is put in its place.

    Returns:
        None if the task may be executed.
    """
    work, read = calls.work, calls.read()
    task = read.task
    if task is None:
        return calls.refused(read)
    if task.status is not TaskStatus.NEW:
        return calls.settled(
            Outcome.REJECTED,
            reason=Reason.TASK_NOT_NEW,
            detail="Read before it was sent, since the answer to an earlier call of this task was "
            f"lost: the task is {state_of(task)}.",
        )
    if work.record.body.get("content") is not None or work.shaken is None or work.shaken.harmless:
        return None
    last = calls.last_detail
    if last is None or last.update_body() == task.update_body():
        return None
    repaired = calls.update(last.update_body())
    return calls.refused(repaired) if repaired.action is Action.REJECTED else None


def _send(calls: Calls) -> Settlement | _Doubt:
    """Send it; settled where the answer is certain."""
    in_doubt = calls.work.unsure
    decision = calls.execute()
    match decision.action:
        case Action.APPLIED:
            return calls.settled(Outcome.APPLIED, task=decision.task)
        case Action.EXECUTION_FAILED:
            return _failed(calls, decision.task, decision.detail)
        case Action.REJECTED if not in_doubt:
            return calls.refused(decision)
        case Action.REJECTED:
            return _Doubt(calls.monotonic(), decision)
        case _:
            return _Doubt(calls.monotonic())


def _find_out(  # noqa: PLR0911 - one return for each finding
    calls: Calls, doubt: _Doubt
) -> Settlement | None:
    """Read the task back, and settle by what is found.

    Returns:
        None if it may be sent once more.
    """
    found, task, told = _read_back(calls, doubt)
    match found:
        case Found.EXECUTED:
            return calls.settled(
                Outcome.APPLIED, detail=f"Read back after a lost answer: {told}", task=task
            )
        case Found.FAILED:
            return _failed(calls, task, f"Read back after a lost answer: {told}")
        case Found.NOT_OURS:
            return calls.settled(
                Outcome.REJECTED,
                reason=Reason.TASK_NOT_NEW,
                detail="The answer was lost, and it was not this call that closed the task: "
                f"{told}",
            )
        case Found.STILL_NEW if _contradicts(doubt.refusal):
            return _uncertain(calls, f"Reply refused it as not New, but {told}")
        case Found.STILL_NEW if doubt.refusal is not None:
            return calls.refused(doubt.refusal)
        case Found.STILL_NEW if _may_send_again(calls):
            return None
        case _:
            return _uncertain(calls, told)


def _contradicts(refusal: Decision | None) -> bool:
    """Whether a refusal says that a task which reads as New is not New."""
    return refusal is not None and refusal.reason is Reason.TASK_NOT_NEW


def _may_send_again(calls: Calls) -> bool:
    if calls.settings.on_lost_answer is OnLostAnswer.HOLD:
        return False
    sends = sum(attempt.call == Call.EXECUTE for attempt in calls.work.attempts)
    return max(sends, 1) <= calls.settings.max_retries


def _read_back(calls: Calls, doubt: _Doubt) -> tuple[Found, TaskDetail | None, str]:
    """Read the task until it is no longer New, or ``settle_seconds`` have passed.

    After a refusal one look is enough, unless it speaks of a task that is not New: the first send
    had its time already.
    """
    certain = doubt.refusal is not None and not _contradicts(doubt.refusal)
    ends = doubt.since + calls.settings.settle_seconds
    pauses = chain(READ_BACK_AFTER, repeat(READ_BACK_AFTER[-1]))
    while True:
        last = certain or calls.monotonic() >= ends
        found, task, told = _read_once(calls)
        if found is not Found.STILL_NEW or last:
            return found, task, told
        try:
            calls.sleep(max(0.0, min(next(pauses), ends - calls.monotonic())))
        except Interrupted:
            found, task, told = _read_once(calls)  # the run stops: one last look
            if found is Found.STILL_NEW:
                raise
            return found, task, told


def _read_once(calls: Calls) -> tuple[Found, TaskDetail | None, str]:
    task = (read := calls.read()).task
    if task is None:
        return Found.UNCLEAR, None, f"the task can't be read back: {read.detail}"
    found = judge_read_back(task, claimed_at=calls.claimed_at)
    told = "still New" if found is Found.STILL_NEW else state_of(task)
    return found, task, f"the task is {told}."


def _failed(calls: Calls, task: TaskDetail | None, detail: str) -> Settlement:
    return calls.settled(Outcome.REJECTED, reason=Reason.EXECUTION_FAILED, detail=detail, task=task)


def _uncertain(calls: Calls, detail: str) -> Settlement:
    return calls.settled(
        Outcome.UNCERTAIN,
        detail=f"The answer was lost, and whether it was executed is not established: {detail} "
        "`reply-tasks resolve` settles it.",
    )
