"""What Reply creates: a New task of the caller's, in answer to every call anew."""

from reply_tasks.contract.enums import CreationSource
from reply_tasks.sandbox.effects import EffectKind
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.rules import Update, read_update
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.visit import Visit


def create(visit: Visit) -> Answer:
    """201 with the task. Nothing tells two equal calls apart: each makes a task of its own."""
    wanted = read_update(visit.form(), is_creation=True)
    task = visit.store.add(lambda task_id: _created(task_id, wanted, visit))
    return visit.answer_task(task, status=201)


def _created(task_id: int, wanted: Update, visit: Visit) -> Change:
    task = Task(
        task_id,
        task_type=wanted.task_type,
        contact_id=wanted.contact_id,
        linked_in_task_type=wanted.linked_in_task_type,
        assigned_user_id=visit.user.id,
        creation_source=CreationSource.USER,
        created_at=visit.now,
        start_at=wanted.start_at,
        due_to=wanted.due_to,
        template=wanted.template,
    )
    return Change(task, effects=(visit.effect(EffectKind.CREATED, task),))
