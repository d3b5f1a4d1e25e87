"""The members that a control request sets on a task, a contact or a mailbox."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox.contacts import ContactMembers
from reply_tasks.sandbox.mailboxes import ConnectionStatus, MailboxMembers, MailboxType
from reply_tasks.sandbox.tasks import TaskMembers, Template
from reply_tasks.sandbox.wire import read_instant

#: The name of a member here, by its name in JSON, and how its value is read.
_Table = Mapping[str, tuple[str, Callable[[Any], object]]]


def read_task(document: Mapping[str, Any]) -> TaskMembers:
    """The members of a task; enums in any spelling, an unknown name an error."""
    return cast("TaskMembers", _read("task", document, _TASK))  # the table gives the types


def read_contact(document: Mapping[str, Any]) -> ContactMembers:
    """The members of a contact, by the names that Reply has for them."""
    addresses = ("email", "phone", "linkedInUrl")
    none = {name: "" for name in addresses if name in document and document[name] is None}
    return cast("ContactMembers", _read("contact", {**document, **none}, _CONTACT))


def read_mailbox(document: Mapping[str, Any]) -> MailboxMembers:
    """The members of a mailbox, by the names that Reply has for them."""
    return cast("MailboxMembers", _read("mailbox", document, _MAILBOX))


def _read(what: str, document: Mapping[str, Any], table: _Table) -> dict[str, Any]:
    unknown = sorted(set(document) - set(table))
    if unknown:
        raise ValueError(f"a {what} has no {', '.join(unknown)} that could be set")
    members: dict[str, Any] = {}
    for name, value in document.items():
        member, read = table[name]
        members[member] = None if value is None else read(value)
    return members


def _instant(value: object) -> datetime:
    instant = read_instant(str(value))
    if instant is None:
        raise ValueError(f"{value!r} is no date-time with an offset")
    return instant


def _enum(kind: type[TaskType | TaskStatus | LinkedInTaskType | CreationSource]) -> Any:  # noqa: ANN401
    def read(value: object) -> object:
        member = kind.parse(value)
        if member is None:
            raise ValueError(f"{value!r} is no {kind.__name__}")
        return member

    return read


def _template(value: Mapping[str, Any]) -> Template:
    attachments = value.get("attachmentIdList")
    return Template(
        value["body"],
        value.get("subject"),
        None if attachments is None else tuple(attachments),
    )


_TASK: _Table = {
    "taskType": ("task_type", _enum(TaskType)),
    "status": ("status", _enum(TaskStatus)),
    "contactId": ("contact_id", int),
    "linkedInTaskType": ("linked_in_task_type", _enum(LinkedInTaskType)),
    "sequenceId": ("sequence_id", int),
    "sequenceStepId": ("sequence_step_id", int),
    "sequenceStepDisplayName": ("sequence_step_display_name", str),
    "assignedUserId": ("assigned_user_id", int),
    "creationSource": ("creation_source", _enum(CreationSource)),
    "createdAt": ("created_at", _instant),
    "startAt": ("start_at", _instant),
    "dueTo": ("due_to", _instant),
    "finishedAt": ("finished_at", _instant),
    "isFailed": ("is_failed", bool),
    "isScheduled": ("is_scheduled", bool),
    "template": ("template", _template),
    "failsDelivery": ("fails_delivery", bool),
    "hidden": ("hidden", bool),
}
_CONTACT: _Table = {
    "firstName": ("first_name", str),
    "lastName": ("last_name", str),
    "company": ("company", str),
    "title": ("title", str),
    "city": ("city", str),
    "timeZoneId": ("time_zone", str),
    "email": ("email", str),
    "phone": ("phone", str),
    "linkedInUrl": ("linked_in_url", str),
    "ownerUserId": ("owner_user_id", int),
    "isOptedOut": ("is_opted_out", bool),
    "hidden": ("hidden", bool),
}
_MAILBOX: _Table = {
    "email": ("email", str),
    "ownerUserId": ("owner_user_id", int),
    "senderName": ("sender_name", str),
    "emailAccountType": ("type", MailboxType),
    "isDefault": ("is_default", bool),
    "dailyLimit": ("daily_limit", int),
    "connectionStatus": ("status", ConnectionStatus),
    "tags": ("tags", tuple),
}
