"""The step of an assignment: repeated until Reply confirms it, which does no harm twice."""

from reply_tasks.api.decisions import Action
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.calls import Calls


def assign(calls: Calls) -> Settlement:
    """Hand the task of a claimed record to its user."""
    user = calls.wire_body["userId"]
    decision = calls.assign(user)
    if decision.action is Action.APPLIED and not _is_of(decision.task, user):
        decision = calls.read()  # the answer shows the task as it was before
        if decision.action is Action.APPLIED and not _is_of(decision.task, user):
            return calls.settled(
                Outcome.REJECTED,
                reason=Reason.API_REJECTED,
                detail=f"Reply confirms that the task is user {user}'s, and shows it as another's.",
            )
    if decision.action is Action.REJECTED:
        return calls.refused(decision)
    return calls.settled(Outcome.APPLIED, task=decision.task)


def _is_of(task: TaskDetail | None, user: int) -> bool:
    """Whether a task is a user's, as far as Reply says whose it is."""
    return task is None or task.raw.get("assignedUserId") in {user, None}
