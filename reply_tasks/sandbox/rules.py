"""What Reply accepts: the rules of an update and of a filter, in the order they bite."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reply_tasks.contract.enums import (
    CreationSource,
    LinkedInTaskType,
    TaskStatus,
    TaskType,
)
from reply_tasks.sandbox.account import Account
from reply_tasks.sandbox.assumptions import ClosedTasks, Omitted
from reply_tasks.sandbox.forms import Form
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.problems import (
    Problem,
    business,
)
from reply_tasks.sandbox.tasks import RenderError, Task, Template, render

EARLIEST_START = datetime(2015, 1, 1, tzinfo=UTC)
FILTER_FROM = datetime(2000, 1, 1, tzinfo=UTC)
FILTER_AHEAD = timedelta(days=365)

_OUT_OF_LISTS = frozenset({TaskStatus.CANCELLED, TaskStatus.ARCHIVED})


@dataclass(frozen=True, slots=True)
class Update:
    """A well-formed TaskUpdateRequest, or a TaskCreateRequest, which has the same members."""

    task_type: TaskType
    start_at: datetime
    due_to: datetime
    template: Template
    contact_id: int | None
    linked_in_task_type: LinkedInTaskType | None
    #: The members that it leaves out, of those that may be.
    omitted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Filter:
    """A well-formed TaskFilterRequest."""

    start: datetime
    end: datetime
    task_type: TaskType | None
    status: TaskStatus | None
    linked_in_task_type: LinkedInTaskType | None
    sequence_ids: tuple[int, ...] | None
    sequence_step_ids: tuple[int, ...] | None
    time_zone_ids: tuple[str, ...] | None
    contact_id: int | None
    assigned_user_id: int | None
    overdue: bool | None


def read_update(form: Form, *, is_creation: bool = False) -> Update:
    """The update that a form holds, or a Problem 400 with everything wrong with it.

    A creation has the same members and rules, and needs a contact for any type but a to-do.
    """
    form.require("taskType", "startAt", "dueTo", "template")
    task_type = form.enum("taskType", TaskType)
    if is_creation and task_type is not TaskType.TO_DO:
        form.require("contactId")
    start_at, due_to = form.instant("startAt"), form.instant("dueTo")
    if start_at is not None and start_at < EARLIEST_START:
        form.wrong("startAt", "'startAt' must be on or after 2015-01-01.")
    if start_at is not None and due_to is not None and due_to <= start_at:
        form.wrong("dueTo", "'dueTo' must be after 'startAt'.")
    template, omitted = _read_template(form)
    omitted |= {name for name in ("contactId", "linkedInTaskType") if not form.has(name)}
    contact_id = form.number("contactId")
    action = form.enum("linkedInTaskType", LinkedInTaskType)
    if action is not None and task_type not in {None, TaskType.LINKED_IN}:
        form.wrong("linkedInTaskType", "'linkedInTaskType' is only allowed for LinkedIn tasks.")
    form.check()
    assert task_type is not None  # noqa: S101 - check() raised otherwise, here and below
    assert start_at is not None  # noqa: S101
    assert due_to is not None  # noqa: S101
    return Update(task_type, start_at, due_to, template, contact_id, action, frozenset(omitted))


def _read_template(form: Form) -> tuple[Template, set[str]]:
    part = form.part("template")
    if part is None:
        return Template(""), set()
    part.require("body")
    body = part.text("body")
    if body is not None and not body.strip():
        part.wrong("body", "'body' must not be empty.")
    omitted = {name for name in ("subject", "attachmentIdList") if not part.has(name)}
    template = Template(body or "", part.text("subject"), part.numbers("attachmentIdList"))
    return template, omitted


def read_filter(form: Form, dialect: Dialect, now: datetime) -> Filter:
    """The filter that a form holds, or a Problem 400; ``to`` is a year from now unless given."""
    start = form.instant("from") or FILTER_FROM
    end = form.instant("to") or now + FILTER_AHEAD
    if end < start:
        form.wrong("to", "'to' must be greater than or equal to 'from'.")
    wanted = Filter(
        start=start,
        end=end,
        task_type=form.enum("taskType", TaskType),
        status=form.enum("status", TaskStatus),
        linked_in_task_type=(
            form.enum("linkedInTaskType", LinkedInTaskType) if dialect is Dialect.PREVIEW else None
        ),
        sequence_ids=form.numbers("sequenceIds"),
        sequence_step_ids=form.numbers("sequenceStepIds"),
        time_zone_ids=form.texts("timeZoneIds"),
        contact_id=form.number("contactId"),
        assigned_user_id=form.number("assignedUserId"),
        overdue=form.flag("overdue"),
    )
    form.check()
    return wanted


def listed(task: Task) -> bool:
    """Whether a list shows the task: cancelled and archived ones have left it."""
    return task.status not in _OUT_OF_LISTS


def passes(task: Task, wanted: Filter, now: datetime, account: Account) -> bool:
    """Whether a filter lets the task through."""
    shown = listed(task) or account.assumed.closed_tasks is ClosedTasks.SHOWN
    overdue = task.status is TaskStatus.NEW and task.due_to < now
    contact = account.contact(task)
    zone = None if contact is None else contact.time_zone
    return (
        wanted.start <= task.start_at <= wanted.end
        and (shown if wanted.status is None else task.status is wanted.status)
        and wanted.task_type in {None, task.task_type}
        and wanted.linked_in_task_type in {None, task.linked_in_task_type}
        and wanted.contact_id in {None, task.contact_id}
        and wanted.assigned_user_id in {None, task.assigned_user_id}
        and wanted.overdue in {None, overdue}
        and (not wanted.sequence_ids or task.sequence_id in wanted.sequence_ids)
        and (not wanted.sequence_step_ids or task.sequence_step_id in wanted.sequence_step_ids)
        and (not wanted.time_zone_ids or zone in wanted.time_zone_ids)
    )


def updated(task: Task, update: Update, account: Account) -> Task:
    """The task after a full replacement, or a Problem 400 ``task.unknown``."""
    if account.assumed.omitted is Omitted.KEPT:
        update = _completed(update, task)
    if task.status is not TaskStatus.NEW:
        raise _refused("Only tasks with 'New' status can be edited.")
    contact_id = update.contact_id
    if task.creation_source is CreationSource.SEQUENCE:
        if update.task_type is not task.task_type:
            raise _refused("Task type cannot be changed for a task created by a sequence.")
        if contact_id not in {None, task.contact_id}:
            raise _refused("Contact cannot be changed for a task created by a sequence.")
        contact_id = task.contact_id
    replaced = replace(
        task,
        task_type=update.task_type,
        start_at=update.start_at,
        due_to=update.due_to,
        template=update.template,
        contact_id=contact_id,
        linked_in_task_type=update.linked_in_task_type,
    )
    try:
        render(update.template, account.contact(replaced), account.assumed.variables)
    except RenderError as error:
        raise _refused(str(error)) from None
    return replaced


def _completed(update: Update, task: Task) -> Update:
    """The update with what it leaves out taken from the task."""
    template = update.template
    if "subject" in update.omitted:
        template = replace(template, subject=task.template.subject)
    if "attachmentIdList" in update.omitted:
        template = replace(template, attachment_ids=task.template.attachment_ids)
    action = update.linked_in_task_type
    if "linkedInTaskType" in update.omitted and update.task_type is TaskType.LINKED_IN:
        action = task.linked_in_task_type
    return replace(
        update,
        template=template,
        contact_id=task.contact_id if "contactId" in update.omitted else update.contact_id,
        linked_in_task_type=action,
    )


def _refused(detail: str) -> Problem:
    return business(400, "task.unknown", detail)
