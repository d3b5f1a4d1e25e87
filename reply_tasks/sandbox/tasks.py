"""What the sandbox keeps of a task, and how a template becomes content."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox.assumptions import Variables
from reply_tasks.sandbox.contacts import Contact

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class RenderError(Exception):
    """A template names a variable that cannot be resolved."""


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a task; ``{{variables}}`` are resolved from its contact."""

    body: str
    subject: str | None = None
    attachment_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A template with every variable resolved."""

    body: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task; ``fails_delivery`` and ``hidden`` are the sandbox's own, never on the wire."""

    id: int
    task_type: TaskType = TaskType.MANUAL_EMAIL
    status: TaskStatus = TaskStatus.NEW
    contact_id: int | None = 1001
    linked_in_task_type: LinkedInTaskType | None = None
    sequence_id: int | None = None
    sequence_step_id: int | None = None
    sequence_step_display_name: str | None = None
    assigned_user_id: int = 1
    creation_source: CreationSource = CreationSource.USER
    created_at: datetime = _EPOCH
    start_at: datetime = _EPOCH
    due_to: datetime = datetime(2026, 1, 8, tzinfo=UTC)
    finished_at: datetime | None = None
    is_failed: bool = False
    is_scheduled: bool = False
    template: Template = Template("Hello {{firstName}}", "A question")
    fails_delivery: bool = False
    hidden: bool = False


class TaskMembers(TypedDict, total=False):
    """The members of a Task that a test or another client may set."""

    task_type: TaskType
    status: TaskStatus
    contact_id: int | None
    linked_in_task_type: LinkedInTaskType | None
    sequence_id: int | None
    sequence_step_id: int | None
    sequence_step_display_name: str | None
    assigned_user_id: int
    creation_source: CreationSource
    created_at: datetime
    start_at: datetime
    due_to: datetime
    finished_at: datetime | None
    is_failed: bool
    is_scheduled: bool
    template: Template
    fails_delivery: bool
    hidden: bool


def render(
    template: Template, contact: Contact | None, variables: Variables = Variables.EITHER
) -> Content:
    """The content of ``template`` for this contact; a RenderError names what is unresolved."""
    values = {} if contact is None else _variables(contact, variables)
    subject = template.subject
    return Content(
        body=_resolve(template.body, values),
        subject=None if subject is None else _resolve(subject, values),
    )


def content_of(
    task: Task, contact: Contact | None, variables: Variables = Variables.EITHER
) -> Content:
    """What ``includeContent=true`` shows: a finished task's template is its final content."""
    if task.status is TaskStatus.FINISHED:
        return Content(task.template.body, task.template.subject)
    return render(task.template, contact, variables)


def _resolve(text: str, values: Mapping[str, str]) -> str:
    if "{{" not in text:
        return text

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise RenderError(f"Template rendering failed: variable '{name}' cannot be resolved.")
        return values[name]

    rendered = _VARIABLE.sub(value_of, text)
    if "{{" in rendered:
        raise RenderError("Template rendering failed: a variable is not closed.")
    return rendered


def _variables(contact: Contact, variables: Variables) -> dict[str, str]:
    values = {
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "fullName": contact.full_name,
        "email": contact.email,
        "phone": contact.phone,
        "company": contact.company,
        "title": contact.title,
        "city": contact.city,
    }
    if variables is Variables.EITHER:
        values |= {name[0].upper() + name[1:]: value for name, value in values.items()}
    return values
