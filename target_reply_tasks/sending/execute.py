"""The steps of an execution: send it once; after a lost answer, find out before anything else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

from reply_tasks.api.decisions import Action, Call, Decision
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import Found, judge_read_back
from reply_tasks.settings import OnLostAnswer
from target_reply_tasks.sending.calls import Calls, Interrupted
from target_reply_tasks.work import Work

#: Seconds between the read-backs of one lost answer; the last of them is repeated.
READ_BACK_AFTER = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """It is not known whether an execution happened.

    Attributes:
        lost_at: When its answer was lost; for a dead run's claim, when it may have been sent.
        refusal: What Reply said to a second send: it may speak of what the first one did.
    """

    lost_at: datetime
    refusal: Decision | None = None


def execute(calls: Calls, work: Work) -> Settlement:
    """Execute the task of a claimed record at most once, and settle it."""
    doubt = _Doubt(_last_send(work)) if work.recovered else None
    while True:
        if doubt is None:
            sent = _send(calls, work)
            if isinstance(sent, Settlement):
                return sent
            doubt = sent
        settlement = _find_out(calls, work, doubt)
        if settlement is not None:
            return settlement
        doubt = None  # still New: the answer was lost before the effect, so it may go once more


def _send(calls: Calls, work: Work) -> Settlement | _Doubt:
    """Send it; settled where the answer is certain."""
    in_doubt = work.unsure
    decision = calls.execute(work)
    match decision.action:
        case Action.APPLIED:
            return _executed(calls, work, decision.task)
        case Action.EXECUTION_FAILED:
            return _failed(calls, work, decision.task, decision.detail)
        case Action.REJECTED if not in_doubt:
            return _refused(calls, work, decision)
        case Action.REJECTED:
            return _Doubt(calls.effects.now(), decision)
        case _:
            return _Doubt(calls.effects.now())


def _find_out(calls: Calls, work: Work, doubt: _Doubt) -> Settlement | None:
    """Read the task back, and settle by what is found; None: it may be sent once more."""
    found, task, told = _read_back(calls, work, doubt)
    match found:
        case Found.EXECUTED:
            return _executed(calls, work, task, f"Read back after a lost answer: {told}")
        case Found.FAILED:
            return _failed(calls, work, task, f"Read back after a lost answer: {told}")
        case Found.NOT_OURS:
            return _not_ours(calls, work, told)
        case Found.STILL_NEW if doubt.refusal is not None:
            return _refused(calls, work, doubt.refusal)
        case Found.STILL_NEW if _may_send_again(calls, work):
            return None
        case _:
            return _uncertain(calls, work, told)


def _last_send(work: Work) -> datetime:
    """When a dead run may have sent last."""
    sends = [attempt.at for attempt in work.attempts if attempt.call == Call.EXECUTE]
    return max(sends, default=work.claimed_at or work.entry.received_at)


def _may_send_again(calls: Calls, work: Work) -> bool:
    if calls.settings.on_lost_answer is OnLostAnswer.HOLD:
        return False
    sends = sum(attempt.call == Call.EXECUTE for attempt in work.attempts)
    return max(sends, 1) <= calls.settings.max_retries


def _read_back(calls: Calls, work: Work, doubt: _Doubt) -> tuple[Found, TaskDetail | None, str]:
    """Read the task until it is no longer New, or ``settle_seconds`` have passed.

    After a refusal one look is enough: the first send had its time already.
    """
    ends = doubt.lost_at + timedelta(seconds=calls.settings.settle_seconds)
    pauses = chain(READ_BACK_AFTER, repeat(READ_BACK_AFTER[-1]))
    while True:
        last = doubt.refusal is not None or calls.effects.now() >= ends
        found, task, told = _look(calls, work, doubt)
        if found is not Found.STILL_NEW or last:
            return found, task, told
        left = (ends - calls.effects.now()).total_seconds()
        try:
            calls.sleep(max(0.0, min(next(pauses), left)))
        except Interrupted:
            found, task, told = _look(calls, work, doubt)  # the run stops: one last look
            if found is Found.STILL_NEW:
                raise
            return found, task, told


def _look(calls: Calls, work: Work, doubt: _Doubt) -> tuple[Found, TaskDetail | None, str]:
    decision = calls.read(work)
    if decision.task is None:
        return Found.UNCLEAR, None, f"the task can't be read back: {decision.detail}"
    found = judge_read_back(decision.task, claimed_at=work.claimed_at or doubt.lost_at)
    return found, decision.task, _told(found, decision.task)


def _told(found: Found, task: TaskDetail) -> str:
    state = "unknown" if task.status is None else task.status.wire_name
    if found is Found.STILL_NEW:
        return "the task is still New."
    finished = "" if task.finished_at is None else f" since {task.finished_at:%Y-%m-%d %H:%M:%SZ}"
    return f"the task is {state}{finished}."


def _executed(
    calls: Calls, work: Work, task: TaskDetail | None, detail: str | None = None
) -> Settlement:
    return work.settled(
        Outcome.APPLIED,
        calls.effects.now(),
        detail=detail,
        task_detail=None if task is None else task.raw,
    )


def _failed(calls: Calls, work: Work, task: TaskDetail | None, detail: str) -> Settlement:
    return work.settled(
        Outcome.REJECTED,
        calls.effects.now(),
        reason=Reason.EXECUTION_FAILED,
        detail=detail,
        task_detail=None if task is None else task.raw,
    )


def _refused(calls: Calls, work: Work, decision: Decision) -> Settlement:
    return work.settled(
        Outcome.REJECTED,
        calls.effects.now(),
        reason=decision.reason or Reason.API_REJECTED,
        detail=decision.detail,
        problem=decision.problem,
    )


def _not_ours(calls: Calls, work: Work, detail: str) -> Settlement:
    return work.settled(
        Outcome.REJECTED,
        calls.effects.now(),
        reason=Reason.TASK_NOT_NEW,
        detail=f"The answer was lost, and it was not this call that closed the task: {detail}",
    )


def _uncertain(calls: Calls, work: Work, detail: str) -> Settlement:
    return work.settled(
        Outcome.UNCERTAIN,
        calls.effects.now(),
        detail=f"The answer was lost, and whether it was executed is not established: {detail} "
        "`reply-tasks resolve` settles it.",
    )
