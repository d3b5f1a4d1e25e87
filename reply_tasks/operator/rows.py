"""One row of the ledger as a person asks about it: an operation with all that is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.values import Attempt


@dataclass(frozen=True, slots=True)
class Message:
    """A text as it was sent, or would be.

    Attributes:
        subject: The subject line, where there is one.
        body: The text.
    """

    subject: str | None
    body: str | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a task is for, as far as the ledger knows.

    Attributes:
        contact_id: Reply's contact.
        address: Email address, phone number or LinkedIn profile.
    """

    contact_id: int | None
    address: str | None


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation, settled or open.

    Attributes:
        sequence: Its number in commit order; None while it is claimed.
        source_stream: The stream in which its record was read, before stream maps.
        outcome: None while it is claimed.
        reason: Why it was rejected.
        detail: One sentence for a person.
        attempts: Every call that was made for it, in order.
        record: The record, while the ledger keeps it: as it was read, of one that was rejected,
            otherwise in the contract's own spelling.
        task_detail: The task as Reply returned it; of a held execution, as a preview read it.
        approved_by: Who said yes or no to it, where that was asked.
    """

    operation_id: str
    sequence: int | None
    run_id: str
    stream: str
    source_stream: str
    operation: Operation | None
    task_id: int | None
    external_id: str | None
    act_as_user_id: int | None
    outcome: Outcome | None
    reason: Reason | None
    detail: str | None
    problem: Mapping[str, Any] | None
    http_status: int | None
    attempts: tuple[Attempt, ...]
    api_calls: int
    record: Mapping[str, Any] | None
    task_detail: Mapping[str, Any] | None
    received_at: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None

    @property
    def executes(self) -> bool:
        """Whether it is an execution: what reaches a customer."""
        return self.operation is Operation.EXECUTE

    @property
    def effect(self) -> str | None:
        """What it has done to its task beside a message or a change of members, for a person."""
        if self.outcome is not Outcome.APPLIED:
            return None
        match self.operation:
            case Operation.CREATE:
                return f"created as task {self.task_id}"
            case Operation.COMPLETE:
                return "completed"
            case Operation.DELETE:
                return "deleted"
            case Operation.ASSIGN:
                user = (self.task_detail or {}).get("assignedUserId")
                return "assigned" if user is None else f"assigned to user {user}"
        return None

    @property
    def key(self) -> str:
        """What its source calls it: the external id, else the task's; empty without either."""
        return self.external_id or ("" if self.task_id is None else str(self.task_id))

    @property
    def message(self) -> Message | None:
        """The text that an execution sent, or would send; None where the ledger does not hold it.

        Of an execution that happened it is what Reply returned: the final text, once finished.
        """
        if not self.executes:
            return None
        if self.task_detail is not None and self.outcome is Outcome.APPLIED:
            detail = self.task_detail
            return message_in(detail.get("content")) or message_in(detail.get("template"))
        own = None if self.record is None else message_in(self.record.get("content"))
        if own is None and self.outcome is Outcome.HELD and self.task_detail is not None:
            return message_in(self.task_detail.get("content"))
        return own

    @property
    def recipient(self) -> Recipient:
        """Whom the task was for when Reply answered."""
        return recipient_in(self.task_detail)


def message_in(part: object) -> Message | None:
    """The text in a ``content`` or ``template``; None where there is none."""
    if not isinstance(part, Mapping):
        return None
    subject, body = part.get("subject"), part.get("body")
    if subject is None and body is None:
        return None
    return Message(
        subject=None if subject is None else str(subject), body=None if body is None else str(body)
    )


def recipient_in(detail: Mapping[str, Any] | None) -> Recipient:
    """Whom a TaskDetail is for."""
    if detail is None:
        return Recipient(None, None)
    contact_id, info = detail.get("contactId"), detail.get("deliveryInfo")
    address = None
    if isinstance(info, Mapping):
        filled = (info.get(name) for name in ("email", "phoneNumber", "linkedInUrl"))
        address = next((str(value) for value in filled if value), None)
    return Recipient(contact_id if isinstance(contact_id, int) else None, address)


def read_operation(row: Row[Any]) -> OperationRow:
    """A row of the table ``operations``."""
    return OperationRow(
        operation_id=row.operation_id,
        sequence=row.sequence,
        run_id=row.run_id,
        stream=row.stream,
        source_stream=row.source_stream or row.stream,
        operation=None if row.operation is None else Operation(row.operation),
        task_id=row.task_id,
        external_id=row.external_id,
        act_as_user_id=row.act_as_user_id,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        reason=None if row.reason is None else Reason(row.reason),
        detail=row.detail,
        problem=row.problem,
        http_status=row.http_status,
        attempts=tuple(Attempt.from_json(attempt) for attempt in row.attempts or ()),
        api_calls=row.api_calls,
        record=row.record,
        task_detail=row.task_detail,
        received_at=row.received_at,
        claimed_at=row.claimed_at,
        settled_at=row.settled_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )
