"""The step of an assignment: repeated until Reply confirms it, which does no harm twice."""

from reply_tasks.api.decisions import Action
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.calls import Calls


def assign(calls: Calls) -> Settlement:
    """Hand the task of a claimed record to its user.

    An answer that shows the task as another's confirms nothing: it is asked for again.
    """
    user = calls.wire_body["userId"]
    for _ in range(calls.settings.max_retries + 1):
        decision = calls.assign(user)
        if decision.action is Action.REJECTED:
            return calls.refused(decision)
        if _is_of(decision.task, user):
            return calls.settled(Outcome.APPLIED, task=decision.task)
    return calls.settled(
        Outcome.REJECTED,
        reason=Reason.API_REJECTED,
        detail=f"Reply confirms that the task is user {user}'s, and shows it as another's.",
    )


def _is_of(task: TaskDetail | None, user: int) -> bool:
    """Whether a task is a user's, as far as Reply says whose it is."""
    return task is None or task.raw.get("assignedUserId") in {user, None}
