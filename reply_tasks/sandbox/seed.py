"""A set of tasks to rehearse on, the same for the same seed and day."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TypeVar

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox.tasks import Task, Template

T = TypeVar("T")

_FIRST_CONTACT = 1001
_TYPES = {
    TaskType.MANUAL_EMAIL: 10,
    TaskType.CALL: 5,
    TaskType.SMS: 4,
    TaskType.LINKED_IN: 3,
    TaskType.TO_DO: 2,
    TaskType.MEETING: 1,
    TaskType.WHATS_APP: 1,
}
_STATUSES = {
    TaskStatus.NEW: 32,
    TaskStatus.FINISHED: 4,
    TaskStatus.CANCELLED: 2,
    TaskStatus.ARCHIVED: 1,
    TaskStatus.SEQUENCE_DETACHED: 1,
}
_TEMPLATES = {
    TaskType.MANUAL_EMAIL: Template("Hi {{firstName}}, how is {{company}}?", "For {{company}}"),
    TaskType.SMS: Template("Hi {{firstName}}, are you free on Friday?"),
    TaskType.CALL: Template("Call {{fullName}} about the renewal."),
    TaskType.LINKED_IN: Template("Hello {{firstName}}, let us connect."),
    TaskType.TO_DO: Template("Prepare the quarterly review."),
    TaskType.MEETING: Template("Demo for {{company}}."),
    TaskType.WHATS_APP: Template("Hello {{firstName}}!"),
}
_UNRENDERABLE = Template("Hi {{firstName}}, {{customGreeting}}", "For {{company}}")


class Mix(StrEnum):
    """What the tasks are like."""

    #: Every type and status, some owned by a sequence, a few that fail or cannot be rendered.
    VARIED = "varied"
    #: Every task is a New email that anybody may update or execute.
    EMAILS = "emails"


def make_tasks(
    count: int, seed: int = 0, mix: Mix = Mix.VARIED, today: datetime | None = None
) -> list[Task]:
    """``count`` tasks with the ids 1 to ``count``; dates are spread around ``today``."""
    random = Random(seed)  # noqa: S311 - made-up tasks, no secrets
    noon = (today or datetime.now(UTC)).replace(hour=12, minute=0, second=0, microsecond=0)
    make = _varied if mix is Mix.VARIED else _email
    return [make(task_id, random, noon) for task_id in range(1, count + 1)]


def _email(task_id: int, random: Random, noon: datetime) -> Task:
    start_at = noon + timedelta(days=random.randint(-5, 25), minutes=random.randint(-180, 300))
    return Task(
        task_id,
        contact_id=_FIRST_CONTACT + random.randrange(500),
        created_at=noon
        - timedelta(days=random.randint(6, 90), milliseconds=random.randrange(1000)),
        start_at=start_at,
        due_to=start_at + timedelta(days=random.randint(1, 14)),
        template=_TEMPLATES[TaskType.MANUAL_EMAIL],
    )


def _varied(task_id: int, random: Random, noon: datetime) -> Task:
    base = _email(task_id, random, noon)
    task_type = _pick(random, _TYPES)
    status = _pick(random, _STATUSES)
    detached = status is TaskStatus.SEQUENCE_DETACHED
    in_sequence = detached or random.random() < 0.3  # noqa: PLR2004 - about a third
    sequence_id, step = random.randint(1, 9), random.randint(1, 6)
    finished = status is TaskStatus.FINISHED
    rarity = random.randrange(40) if status is TaskStatus.NEW else None
    return Task(
        task_id,
        task_type=task_type,
        status=status,
        contact_id=None if task_type is TaskType.TO_DO else base.contact_id,
        linked_in_task_type=(
            random.choice(list(LinkedInTaskType)) if task_type is TaskType.LINKED_IN else None
        ),
        sequence_id=sequence_id if in_sequence else None,
        sequence_step_id=sequence_id * 100 + step if in_sequence else None,
        sequence_step_display_name=f"Step {step}" if in_sequence else None,
        creation_source=CreationSource.SEQUENCE if in_sequence else CreationSource.USER,
        created_at=base.created_at,
        start_at=base.start_at,
        due_to=base.due_to,
        finished_at=base.created_at + timedelta(days=5) if finished else None,
        is_scheduled=in_sequence and random.random() < 0.2,  # noqa: PLR2004 - a few
        template=_UNRENDERABLE if rarity == 0 else _TEMPLATES[task_type],
        fails_delivery=rarity == 1,
    )


def _pick(random: Random, weights: dict[T, int]) -> T:
    return random.choices(list(weights), list(weights.values()))[0]
