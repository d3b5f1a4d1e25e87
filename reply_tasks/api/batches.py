"""What follows from the answer to a call for many tasks: for the call, and for each of them. Pure.

Reply answers 200 with a dictionary of those that failed, by id; what it does not name is done.
"""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision, decide, unsure
from reply_tasks.api.problems import Problem, one_line
from reply_tasks.api.refusals import reason_of

#: The most tasks that Reply takes in one call.
MOST_TASKS = 100
#: What an item's error is as the answer to a call of its own; the numbers are the preview's.
_AS_STATUS = {
    "notfound": HTTPStatus.NOT_FOUND,
    "1": HTTPStatus.NOT_FOUND,
    "cannotcomplete": HTTPStatus.CONFLICT,
    "7": HTTPStatus.CONFLICT,
}
_CANNOT_COMPLETE = "task.cannotComplete"


def decide_batch(call: Call, answer: Answer, task_ids: Collection[int]) -> Decision:
    """What follows from the answer to a call for these tasks; where it is applied, what failed."""
    if not answer.succeeded:
        return decide(call, answer, task_id=None)
    data = answer.data
    if not isinstance(data, Mapping) or answer.status != HTTPStatus.OK:
        return unsure(call, answer, answer.error or "the answer is no list of what failed")
    by_text = {str(task_id): task_id for task_id in task_ids}
    if not by_text.keys() >= data.keys():
        return unsure(call, answer, "the answer names tasks that were not asked for")
    failed = {by_text[text]: _failure(call, item) for text, item in data.items()}
    return Decision(Action.APPLIED, failed=failed)


def _failure(call: Call, item: object) -> Decision:
    """Why one task failed, with the reason that a call of its own would have had."""
    members: Mapping[str, Any] = item if isinstance(item, Mapping) else {"error": item}
    error, details = one_line(members.get("error")), one_line(members.get("errorDetails"))
    status = _AS_STATUS.get(error.lower(), HTTPStatus.BAD_REQUEST)
    code = _CANNOT_COMPLETE if status is HTTPStatus.CONFLICT else error
    return Decision(
        Action.REJECTED,
        reason_of(call, status, Problem("", status, details, code)),
        ": ".join(part for part in (error, details) if part) or "Reply does not say why.",
        problem=members,
    )
