"""Batches: up to 100 tasks in one call, each by itself, answered with what failed."""

from collections.abc import Callable
from typing import Any

from reply_tasks.contract.enums import ReplyEnum
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import Problem, task_missing
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.visit import Visit

MOST_IDS = 100


class ItemError(ReplyEnum):
    """Why one task of a batch failed; an older generation of the pages has the numbers."""

    NOT_FOUND = 1
    CANNOT_COMPLETE = 7


def run_batch(
    visit: Visit,
    ids: tuple[int, ...],
    judge: Callable[[Task], Change],
    when_refused: ItemError | None,
) -> Answer:
    """Change each task, an id named twice once; 200 with what failed, by id.

    Args:
        visit: The call.
        ids: The tasks, in the order in which they change.
        judge: What becomes of a task, or a Problem.
        when_refused: How a Problem of a task that exists is told; None: not at all.
    """
    failed: dict[str, Any] = {}
    changed = False
    for task_id in list(dict.fromkeys(ids))[: visit.batch_limit]:
        try:
            visit.store.change(task_id, judge)
            changed = True
        except Problem as problem:
            missing = problem.status == 404  # noqa: PLR2004 - not found
            error = ItemError.NOT_FOUND if missing else when_refused
            if error is not None:
                detail = task_missing(task_id) if missing else problem.detail
                failed[str(task_id)] = _item(error, detail, visit.dialect)
    return Answer.of(failed, effect=changed)


def _item(error: ItemError, detail: str, dialect: Dialect) -> dict[str, Any]:
    spelled = error.value if dialect is Dialect.PREVIEW else error.wire_name
    return {"error": spelled, "errorDetails": detail}
