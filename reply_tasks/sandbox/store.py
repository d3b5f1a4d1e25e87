"""The tasks, the outbox and the effects; a change to a task is judged and made in one step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Literal, Unpack

from reply_tasks.sandbox.effects import Effect
from reply_tasks.sandbox.problems import not_found
from reply_tasks.sandbox.tasks import Task, TaskMembers


@dataclass(frozen=True, slots=True)
class Sent:
    """One email or SMS that Reply would have sent."""

    task_id: int
    kind: Literal["email", "sms"]
    to: str
    subject: str | None
    body: str
    sent_at: datetime
    user_id: int
    email_account_id: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A task as it becomes, what is sent on the way, and what else comes of it."""

    task: Task
    sent: Sent | None = None
    effects: tuple[Effect, ...] = ()


class Store:
    """Tasks by id and everything sent; safe for any number of threads."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self._lock = Lock()
        self._first = {task.id: task for task in tasks}
        self._tasks = dict(self._first)
        self._outbox: list[Sent] = []
        self._effects: list[Effect] = []
        self._last_id = max(self._tasks, default=0)

    def find(self, task_id: int) -> Task:
        """The task as the API shows it, or a Problem 404."""
        task = self._tasks.get(task_id)
        if task is None or task.hidden:
            raise not_found(task_id)
        return task

    def change(self, task_id: int, judge: Callable[[Task], Change]) -> Task:
        """Let ``judge`` say what the task becomes; nothing else touches a task meanwhile."""
        with self._lock:
            return self._make(judge(self.find(task_id)))

    def add(self, judge: Callable[[int], Change]) -> Task:
        """Let ``judge`` say what the task with the next free id is."""
        with self._lock:
            return self._make(judge(self._last_id + 1))

    def _make(self, change: Change) -> Task:
        task = change.task
        self._keep(task)
        if change.sent is not None:
            self._outbox.append(change.sent)
        self._effects += change.effects
        return task

    def _keep(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._last_id = max(self._last_id, task.id)

    def visible(self) -> list[Task]:
        """Every task that the API shows, by id."""
        with self._lock:
            tasks = list(self._tasks.values())
        return [task for task in tasks if not task.hidden]

    @property
    def outbox(self) -> list[Sent]:
        """Everything sent so far, in order."""
        return list(self._outbox)

    @property
    def effects(self) -> list[Effect]:
        """Every effect so far, in order."""
        return list(self._effects)

    def peek(self, task_id: int) -> Task:
        """The task whether hidden or not; KeyError when there is none."""
        return self._tasks[task_id]

    def create(self, task_id: int | None = None, **members: Unpack[TaskMembers]) -> Task:
        """A new task under the next free id, or in the place of the one with this id."""
        with self._lock:
            number = self._last_id + 1 if task_id is None else task_id
            task = Task(number, **members)
            self._keep(task)
            return task

    def edit(self, task_id: int, **members: Unpack[TaskMembers]) -> Task:
        """Set members as another client would, past every rule; KeyError when there is no task."""
        with self._lock:
            task = replace(self._tasks[task_id], **members)
            self._tasks[task_id] = task
            return task

    def reset(self) -> None:
        """The tasks of the start, an empty outbox and no effects."""
        with self._lock:
            self._tasks = dict(self._first)
            self._last_id = max(self._tasks, default=0)
            self._outbox.clear()
            self._effects.clear()
