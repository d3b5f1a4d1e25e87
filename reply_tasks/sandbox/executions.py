"""What Reply executes: the rules of an execution, in the order they bite, and what is sent."""

from dataclasses import dataclass, replace

from reply_tasks.contract.enums import EXECUTABLE, CreationSource, TaskStatus, TaskType
from reply_tasks.sandbox.assumptions import (
    Assumptions,
    FailedDelivery,
    ForeignMailbox,
    Ids,
    NoRecipient,
    PartialContent,
)
from reply_tasks.sandbox.contacts import Contact
from reply_tasks.sandbox.mailboxes import SEQUENCE_MAILBOX
from reply_tasks.sandbox.problems import (
    FIELD_REQUIRED,
    NOT_EXECUTABLE_NOW,
    NOT_RENDERED,
    business,
    validation,
)
from reply_tasks.sandbox.store import Change, Sent
from reply_tasks.sandbox.tasks import Content, RenderError, Task, Template, render
from reply_tasks.sandbox.visit import Visit
from reply_tasks.sandbox.wire import address_of


@dataclass(frozen=True, slots=True)
class Execution:
    """A well-formed TaskExecuteRequest; ``has_content`` tells whether it brings a text at all."""

    has_content: bool
    body: str | None
    subject: str | None
    email_account_id: int | None


def read_execution(visit: Visit) -> Execution:
    """The execution that the body holds, or a Problem 400."""
    form, assumed = visit.form(), visit.assumed
    content = form.part("content")
    body = None if content is None else content.text("body")
    if content is not None and assumed.partial_content is PartialContent.REFUSED:
        content.require("body")
    execution = Execution(
        has_content=content is not None,
        body=body,
        subject=None if content is None else content.text("subject"),
        email_account_id=form.number("emailAccountId", Ids.BITS_64),
    )
    mailbox = execution.email_account_id
    if (
        mailbox is not None
        and assumed.foreign_mailbox is ForeignMailbox.REFUSED
        and not visit.account.mailboxes.is_own(mailbox, visit.user.id)
    ):
        form.wrong("emailAccountId", "'emailAccountId' is not an email account of the user.")
    form.check()
    return execution


def executed(task: Task, execution: Execution, visit: Visit) -> Change:
    """The task as it becomes and what was sent, or a Problem 400 or 409."""
    assumed, contact = visit.assumed, visit.account.contact(task)
    by_mail = task.task_type is TaskType.MANUAL_EMAIL
    if task.task_type not in EXECUTABLE:
        raise validation([("", "Task type does not support execution.")])
    if task.status is not TaskStatus.NEW:
        raise business(409, "task.cannotComplete", NOT_EXECUTABLE_NOW)
    if by_mail and _lacks_subject(execution, assumed):
        raise validation([("/content/subject", FIELD_REQUIRED)])
    content = _final_content(task, execution, contact, assumed)
    address = address_of(task, contact)
    if address is None and assumed.no_recipient is NoRecipient.RENDER_ERROR:
        raise business(409, "task.renderError", NOT_RENDERED)
    if task.fails_delivery and assumed.failed_delivery is FailedDelivery.STILL_NEW:
        return Change(task)
    finished = replace(
        task,
        status=TaskStatus.FINISHED,
        finished_at=visit.now,
        is_failed=task.fails_delivery or address is None,
        template=replace(task.template, body=content.body, subject=content.subject),
    )
    if task.fails_delivery or address is None:
        return Change(finished)
    sent = Sent(
        task_id=task.id,
        kind="email" if by_mail else "sms",
        to=address,
        subject=content.subject if by_mail else None,
        body=content.body,
        sent_at=visit.now,
        user_id=visit.user.id,
        email_account_id=_mailbox(task, execution, visit) if by_mail else None,
    )
    return Change(finished, sent)


def _lacks_subject(execution: Execution, assumed: Assumptions) -> bool:
    refuses = assumed.partial_content is PartialContent.REFUSED
    return refuses and execution.has_content and execution.subject is None


def _final_content(
    task: Task, execution: Execution, contact: Contact | None, assumed: Assumptions
) -> Content:
    """What is sent: the content given, and for what it lacks the stored template, or nothing."""
    if execution.has_content and assumed.partial_content is PartialContent.EMPTY:
        return Content(execution.body or "", execution.subject)
    kept = Template(
        body=task.template.body if execution.body is None else "",
        subject=task.template.subject if execution.subject is None else None,
    )
    try:
        rendered = render(kept, contact, assumed.variables)
    except RenderError:
        raise business(409, "task.renderError", NOT_RENDERED) from None
    return Content(
        body=rendered.body if execution.body is None else execution.body,
        subject=rendered.subject if execution.subject is None else execution.subject,
    )


def _mailbox(task: Task, execution: Execution, visit: Visit) -> int:
    if task.creation_source is CreationSource.SEQUENCE:
        return SEQUENCE_MAILBOX
    return execution.email_account_id or visit.account.mailboxes.default_of(visit.user.id)
