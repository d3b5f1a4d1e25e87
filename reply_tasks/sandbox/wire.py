"""A task as JSON in either dialect, and instants as text."""

import re
from datetime import UTC, datetime
from typing import Any

from reply_tasks.contract.enums import (
    CreationSource,
    LinkedInTaskType,
    ReplyEnum,
    TaskStatus,
    TaskType,
)
from reply_tasks.sandbox.contacts import Contact
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.tasks import Content, Task

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")

_BY_MAIL = frozenset({TaskType.MANUAL_EMAIL})
_BY_PHONE = frozenset({TaskType.CALL, TaskType.SMS})
_BY_PROFILE = frozenset({TaskType.LINKED_IN})


def task_json(
    task: Task, contact: Contact | None, dialect: Dialect, content: Content | None = None
) -> dict[str, Any]:
    """The Task of every endpoint that answers one; nulls are present, as on the wire."""
    template = task.template
    attachments = template.attachment_ids
    return {
        "id": task.id,
        "contactId": task.contact_id,
        "taskType": _enum(task.task_type, dialect),
        "status": _enum(task.status, dialect),
        "linkedInTaskType": _enum(task.linked_in_task_type, dialect),
        "sequenceId": task.sequence_id,
        "sequenceStepId": task.sequence_step_id,
        "sequenceStepDisplayName": task.sequence_step_display_name,
        "assignedUserId": task.assigned_user_id,
        "creationSource": _enum(task.creation_source, dialect),
        "createdAt": write_instant(task.created_at),
        "startAt": write_instant(task.start_at),
        "dueTo": write_instant(task.due_to),
        "finishedAt": None if task.finished_at is None else write_instant(task.finished_at),
        "isFailed": task.is_failed,
        "isScheduled": task.is_scheduled,
        "template": {
            "subject": template.subject,
            "body": template.body,
            "attachmentIdList": None if attachments is None else list(attachments),
        },
        "content": None if content is None else {"subject": content.subject, "body": content.body},
        "deliveryInfo": _delivery_info(task, contact),
    }


def list_item_json(task: Task, contact: Contact | None, dialect: Dialect) -> dict[str, Any]:
    """The TaskListItem of list and filter: no template, so it can never be the base of a PUT."""
    return {
        "id": task.id,
        "taskType": _enum(task.task_type, dialect),
        "status": _enum(task.status, dialect),
        "linkedInTaskType": _enum(task.linked_in_task_type, dialect),
        "assignedUserId": task.assigned_user_id,
        "contact": None if contact is None else {"id": contact.id, "fullName": contact.full_name},
        "startAt": write_instant(task.start_at),
        "dueTo": write_instant(task.due_to),
        "finishedAt": None if task.finished_at is None else write_instant(task.finished_at),
        "isScheduled": task.is_scheduled,
        "sequenceId": task.sequence_id,
        "sequenceStepId": task.sequence_step_id,
    }


def write_instant(instant: datetime) -> str:
    """A date-time as seen on the wire: numeric offset, as many fraction digits as needed."""
    text = instant.isoformat()
    if instant.microsecond:
        moment, _, offset = text.rpartition("+")
        return f"{moment.rstrip('0')}+{offset}"
    return text


def read_instant(text: str) -> datetime | None:
    """The instant that an RFC 3339 date-time names, in UTC, or None."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def address_of(task: Task, contact: Contact | None) -> str | None:
    """Where the task reaches its contact: an email address, a phone number or a profile."""
    if contact is None:
        return None
    if task.task_type in _BY_MAIL:
        return contact.email or None
    if task.task_type in _BY_PHONE:
        return contact.phone or None
    return (contact.linked_in_url or None) if task.task_type in _BY_PROFILE else None


def _delivery_info(task: Task, contact: Contact | None) -> dict[str, str | None] | None:
    address = address_of(task, contact)
    if address is None:
        return None
    return {
        "email": address if task.task_type in _BY_MAIL else None,
        "phoneNumber": address if task.task_type in _BY_PHONE else None,
        "linkedInUrl": address if task.task_type in _BY_PROFILE else None,
    }


def _enum(value: ReplyEnum | None, dialect: Dialect) -> int | str | None:
    if value is None:
        return None
    return int(value) if dialect is Dialect.PREVIEW else _NAMES[value.__class__][value]


_NAMES: dict[type[ReplyEnum], dict[int, str]] = {
    enum: {member.value: member.wire_name for member in enum}
    for enum in (TaskType, TaskStatus, LinkedInTaskType, CreationSource)
}
