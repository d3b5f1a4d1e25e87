"""What calls did to tasks, beside what they sent: who, when and by which call."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reply_tasks.sandbox.tasks import Task


class EffectKind(StrEnum):
    """What became of a task."""

    CREATED = "created"
    COMPLETED = "completed"
    #: The contact of a completed task has gone on to the next step of the task's sequence.
    MOVED_ON = "moved-on"
    #: The contact of a completed task has been taken out of the task's sequence.
    LEFT_SEQUENCE = "left-sequence"
    ASSIGNED = "assigned"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect on one task."""

    kind: EffectKind
    #: The task as the call left it.
    task: Task
    #: Who called.
    user_id: int
    at: datetime
    #: The number of the call in the log.
    call: int
    #: How a completed call went: 0 positive, 1 to call again, 2 negative.
    call_resolution: int | None = None
