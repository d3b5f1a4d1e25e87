"""The step of an assignment: repeated until Reply confirms it, which does no harm twice."""

from collections.abc import Iterator

from reply_tasks.api.decisions import Action, Decision
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.batch_calls import BatchCalls
from target_reply_tasks.sending.calls import Calls


def assign(calls: Calls) -> Settlement:
    """Hand the task of a claimed record to its user.

    An answer that shows the task as another's confirms nothing: it is asked for again.
    """
    user = calls.wire_body["userId"]
    for _ in range(calls.settings.max_retries + 1):
        decision = calls.assign(user)
        if decision.action is Action.REJECTED or _is_of(decision.task, user):
            return _settled(calls, decision)
    return calls.settled(
        Outcome.REJECTED,
        reason=Reason.API_REJECTED,
        detail=f"Reply confirms that the task is user {user}'s, and shows it as another's.",
    )


def assign_together(batch: BatchCalls) -> Iterator[tuple[Calls, Settlement]]:
    """Hand the tasks of several claimed records to their one user, in one call."""
    decision = batch.assign(batch.each[0].wire_body["userId"])
    for calls in batch.each:
        if batch.refused_as_one(decision):
            yield calls, assign(calls)
        else:
            yield calls, _settled(calls, decision.of_task(calls.work.task_id))


def _settled(calls: Calls, decision: Decision) -> Settlement:
    if decision.action is Action.REJECTED:
        return calls.refused(decision)
    return calls.settled(Outcome.APPLIED, task=decision.task)


def _is_of(task: TaskDetail | None, user: int) -> bool:
    """Whether a task is a user's, as far as Reply says whose it is."""
    return task is None or task.raw.get("assignedUserId") in {user, None}
