"""What Reply completes: the task is finished, nothing is sent, and its contact goes on."""

from dataclasses import dataclass, replace

from reply_tasks.contract.enums import CreationSource, TaskStatus, TaskType
from reply_tasks.sandbox.batches import MOST_IDS, ItemError, run_batch
from reply_tasks.sandbox.effects import EffectKind
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import NOT_COMPLETABLE_NOW, business
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import RenderError, Task, content_of
from reply_tasks.sandbox.visit import Visit

#: 0 positive, 1 to call again, 2 negative: an integer in every dialect.
_CALL_RESOLUTIONS = range(3)


@dataclass(frozen=True, slots=True)
class Completion:
    """A well-formed TaskCompleteRequest."""

    call_resolution: int | None = None
    finishes_contact: bool = False


def complete(visit: Visit) -> Answer:
    """200 with the finished task, or a Problem 409 when it is not New."""
    form = visit.form()
    resolution = form.choice("callResolution", _CALL_RESOLUTIONS)
    form.forbid_null("finishProspectInSequence")
    completion = Completion(resolution, form.flag("finishProspectInSequence") or False)
    form.check()
    task = visit.store.change(
        visit.task_id, lambda task: _completed(visit.arrived_at or task, completion, visit)
    )
    return visit.answer_task(task)


def complete_batch(visit: Visit) -> Answer:
    """200 with what failed; the contact of each completed step goes on."""
    form = visit.form()
    ids = form.ids("ids", MOST_IDS)
    form.check()
    completion = Completion()
    return run_batch(
        visit, ids, lambda task: _completed(task, completion, visit), ItemError.CANNOT_COMPLETE
    )


def _completed(task: Task, completion: Completion, visit: Visit) -> Change:
    if task.status is not TaskStatus.NEW:
        raise business(409, "task.cannotComplete", NOT_COMPLETABLE_NOW)
    finished = replace(_with_final_text(task, visit), status=TaskStatus.FINISHED)
    finished = replace(finished, finished_at=visit.now)
    resolution = completion.call_resolution if task.task_type is TaskType.CALL else None
    effects = [visit.effect(EffectKind.COMPLETED, finished, resolution)]
    if task.creation_source is CreationSource.SEQUENCE:
        leaves = completion.finishes_contact
        kind = EffectKind.LEFT_SEQUENCE if leaves else EffectKind.MOVED_ON
        effects.append(visit.effect(kind, finished))
    return Change(finished, effects=tuple(effects))


def _with_final_text(task: Task, visit: Visit) -> Task:
    """The task with its rendered text, as a finished one has it; as it is when it has none."""
    try:
        content = content_of(task, visit.account.contact(task), visit.assumed.variables)
    except RenderError:
        return task
    return replace(
        task, template=replace(task.template, body=content.body, subject=content.subject)
    )
