"""What Reply deletes: an open task is cancelled, a finished one archived, no other can be."""

from dataclasses import replace

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox.assumptions import DeletedTasks, Undeletable
from reply_tasks.sandbox.batches import MOST_IDS, ItemError, run_batch
from reply_tasks.sandbox.effects import EffectKind
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import NOT_DELETABLE_NOW, business
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.visit import Visit

_BECOMES = {
    TaskStatus.NEW: TaskStatus.CANCELLED,
    TaskStatus.FINISHED: TaskStatus.ARCHIVED,
}


def delete(visit: Visit) -> Answer:
    """204, or a Problem 400 ``task.unknown`` for a task whose state forbids it."""
    visit.store.change(visit.task_id, lambda task: _deleted(task, visit))
    return Answer(204, effect=True)


def delete_batch(visit: Visit) -> Answer:
    """200 with what failed."""
    form = visit.form()
    ids = form.ids("ids", MOST_IDS)
    form.check()
    as_not_found = visit.assumed.undeletable is Undeletable.NOT_FOUND
    when_refused = ItemError.NOT_FOUND if as_not_found else None
    return run_batch(visit, ids, lambda task: _deleted(task, visit), when_refused)


def _deleted(task: Task, visit: Visit) -> Change:
    status = _BECOMES.get(task.status)
    if status is None:
        raise business(400, "task.unknown", NOT_DELETABLE_NOW)
    gone = visit.assumed.deleted_tasks is DeletedTasks.GONE
    deleted = replace(task, status=status, hidden=gone)
    return Change(deleted, effects=(visit.effect(EffectKind.DELETED, deleted),))
