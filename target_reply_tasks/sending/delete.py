"""The steps of a deletion: read the task, delete it once; after a lost answer, read it again."""

from collections.abc import Iterator
from http import HTTPStatus

from reply_tasks.api.calls import Call
from reply_tasks.contract.enums import CreationSource
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import GONE, Found, state_of
from target_reply_tasks.batch import may_go_unread, means_sequences
from target_reply_tasks.sending.asking import Interrupted
from target_reply_tasks.sending.batch_calls import BatchCalls
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Evidence, Irreversible, send_once
from target_reply_tasks.sending.together import send_together


def delete(calls: Calls) -> Settlement:
    """Delete the task of a claimed record at most once, and settle it."""
    if not calls.work.recovered:
        settlement = _look_before(calls)
        if settlement is not None:
            return settlement
    return send_once(calls, DELETION)


def delete_together(batch: BatchCalls) -> Iterator[tuple[Calls, Settlement]]:
    """Delete the tasks of several claimed records in one call, each at most once.

    A task is read before only where the ledger does not know enough of it. Those for whose read
    there is no slot now are left to another call.
    """
    known = batch.last_details()
    ready: list[Calls] = []
    for calls in batch.each:
        settlement = None
        if not may_go_unread(calls.work, known[calls.work.task_id]):
            try:
                settlement = _look_before(calls)
            except Interrupted:
                if not ready:
                    raise
                break
        if settlement is None:
            ready.append(calls)
        else:
            yield calls, settlement
    if ready:
        for calls, settlement in send_together(batch.of(ready), DELETION, BatchCalls.delete):
            yield calls, _explained(calls, settlement)


def _explained(calls: Calls, settlement: Settlement) -> Settlement:
    """Of a refused task that was not read before, what the read would have said."""
    read = any(attempt.call == Call.READ for attempt in calls.work.attempts)
    if settlement.outcome is not Outcome.REJECTED or read:
        return settlement
    return _look_before(calls) or settlement


def _look_before(calls: Calls) -> Settlement | None:
    """Read the task; None: it is to be deleted."""
    task = (read := calls.read()).task
    if task is None:
        return calls.refused(read)
    if task.status in GONE:
        return calls.settled(
            Outcome.UNCHANGED, detail=f"The task is {state_of(task)} already.", task=task
        )
    if task.creation_source is CreationSource.SEQUENCE and not means_sequences(calls.work):
        return calls.settled(
            Outcome.REJECTED,
            reason=Reason.SEQUENCE_IMMUTABLE,
            detail="A sequence created this task: it is deleted only by a record that says "
            "deleteSequenceTask: true.",
        )
    return None


def _gone(calls: Calls) -> Evidence:
    """Whether the task is cancelled or archived, or can't be read any more and could before."""
    task = (read := calls.read()).task
    gone = read.reason is Reason.TASK_NOT_FOUND and _was_there(calls)
    if task is None and not gone:
        return Evidence(Found.UNCLEAR, f"the task can't be read: {read.detail}")
    if task is None:
        return Evidence(Found.EXECUTED, f"the task can't be read any more: {read.detail}")
    if task.status in GONE:
        return Evidence(Found.EXECUTED, f"the task is {state_of(task)}.", task)
    return Evidence(Found.STILL_NEW, f"the task is still {state_of(task)}.", task)


def _was_there(calls: Calls) -> bool:
    """Whether Reply has shown the task before, to this record or an earlier one."""
    read = any(
        attempt.call == Call.READ and attempt.status == HTTPStatus.OK
        for attempt in calls.work.attempts
    )
    return read or calls.last_detail is not None


DELETION = Irreversible(Call.DELETE, Calls.delete, _gone, "deleted")
