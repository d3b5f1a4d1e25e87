"""The steps of a deletion: read the task, delete it once; after a lost answer, read it again."""

from reply_tasks.api.calls import Call
from reply_tasks.contract.enums import CreationSource
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import GONE, Found, state_of
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Evidence, Irreversible, send_once


def delete(calls: Calls) -> Settlement:
    """Delete the task of a claimed record at most once, and settle it."""
    if not calls.work.recovered:
        settlement = _look_before(calls)
        if settlement is not None:
            return settlement
    return send_once(calls, DELETION)


def _look_before(calls: Calls) -> Settlement | None:
    """Read the task; None: it is to be deleted."""
    task = (read := calls.read()).task
    if task is None:
        return calls.refused(read)
    if task.status in GONE:
        return calls.settled(
            Outcome.UNCHANGED, detail=f"The task is {state_of(task)} already.", task=task
        )
    meant = calls.work.record.body.get("deleteSequenceTask") is True
    if task.creation_source is CreationSource.SEQUENCE and not meant:
        return calls.settled(
            Outcome.REJECTED,
            reason=Reason.SEQUENCE_IMMUTABLE,
            detail="A sequence created this task: it is deleted only by a record that says "
            "deleteSequenceTask: true.",
        )
    return None


def _gone(calls: Calls) -> Evidence:
    """Whether the task is cancelled or archived, or can't be read any more: it was before."""
    task = (read := calls.read()).task
    gone = read.reason is Reason.TASK_NOT_FOUND and not calls.work.recovered
    if task is None and not gone:
        return Evidence(Found.UNCLEAR, f"the task can't be read: {read.detail}")
    if task is None:
        return Evidence(Found.EXECUTED, f"the task can't be read any more: {read.detail}")
    if task.status in GONE:
        return Evidence(Found.EXECUTED, f"the task is {state_of(task)}.", task)
    return Evidence(Found.STILL_NEW, f"the task is still {state_of(task)}.", task)


DELETION = Irreversible(Call.DELETE, Calls.delete, _gone, "deleted")
