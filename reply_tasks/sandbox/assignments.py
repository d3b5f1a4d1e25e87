"""Whom a task is given to: a user of the caller's team."""

from dataclasses import replace

from reply_tasks.sandbox.batches import MOST_IDS, run_batch
from reply_tasks.sandbox.effects import EffectKind
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import business
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.visit import Visit


def assign(visit: Visit) -> Answer:
    """200 with the task, whatever its state, or a Problem 403 for a user of another team."""
    form = visit.form()
    form.require("userId")
    user_id = form.number("userId") or 0
    form.check()
    _check_team(user_id, visit)
    task = visit.store.change(visit.task_id, lambda task: _assigned(task, user_id, visit))
    return visit.answer_task(task)


def assign_batch(visit: Visit) -> Answer:
    """200 with what failed, or a Problem 403 and nothing assigned."""
    form = visit.form()
    ids = form.ids("ids", MOST_IDS)
    # an older generation of the pages has the other name
    name = "assignedUserId" if visit.dialect is Dialect.PREVIEW else "userId"
    form.require(name)
    user_id = form.number(name) or 0
    form.check()
    _check_team(user_id, visit)
    return run_batch(visit, ids, lambda task: _assigned(task, user_id, visit), None)


def _check_team(user_id: int, visit: Visit) -> None:
    team = visit.user.team_id
    if not any(user.id == user_id and user.team_id == team for user in visit.account.users):
        detail = f"User {user_id} is not a member of the caller's team."
        raise business(403, "task.forbidden", detail)


def _assigned(task: Task, user_id: int, visit: Visit) -> Change:
    assigned = replace(task, assigned_user_id=user_id)
    return Change(assigned, effects=(visit.effect(EffectKind.ASSIGNED, assigned),))
