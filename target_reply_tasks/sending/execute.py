"""The steps of an execution: send it once; after a lost answer, read the task back first."""

from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import Found, judge_read_back, state_of
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Evidence, Irreversible, send_once


def execute(calls: Calls) -> Settlement:
    """Execute the task of a claimed record at most once, and settle it."""
    if not calls.work.recovered and calls.work.shaken is not None:
        settlement = _read_before(calls)
        if settlement is not None:
            return settlement
    return send_once(calls, EXECUTION)


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


def read_back(calls: Calls) -> Evidence:
    """Whether the task was finished since the claim."""
    task = (read := calls.read()).task
    if task is None:
        return Evidence(Found.UNCLEAR, f"the task can't be read back: {read.detail}")
    found = judge_read_back(task, claimed_at=calls.claimed_at)
    state = "still New" if found is Found.STILL_NEW else state_of(task)
    return Evidence(found, f"the task is {state}.", task)


EXECUTION = Irreversible(Call.EXECUTE, Calls.execute, read_back, "executed")
