"""Approval as a person meets it: what waits with whom it would reach, and their yes or no to it.

A yes is given to a digest: that of exactly the record that was shown, with the previewed text
frozen into it where it brought none. Whoever asks a person hands back the digest that was shown.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from reply_tasks.contract.final_text import mistakes_in_final_text
from reply_tasks.contract.kept import digest_of
from reply_tasks.ledger.held import Held, count_held, held_operations
from reply_tasks.ledger.holding import approve, decline
from reply_tasks.ledger.queries import known_tasks
from reply_tasks.operator.rows import Message, Recipient, message_in, recipient_in

_NOBODY = Recipient(None, None)


@dataclass(frozen=True, slots=True)
class Waits:
    """An execution that waits for a person, as a person is shown it.

    Attributes:
        held: What the ledger holds.
        recipient: Whom it would reach, as far as the ledger knows.
        to_send: The record that an approval lets out; None while nobody can have seen its text,
            since Reply would render it and no preview has shown one.
        message: The text in it; None where it has none.
        mistakes: What in the text looks like a mistake, a sentence each.
    """

    held: Held
    recipient: Recipient
    to_send: Mapping[str, Any] | None
    message: Message | None
    mistakes: tuple[str, ...]

    @property
    def operation_id(self) -> str:
        """The operation."""
        return self.held.operation_id

    @property
    def digest(self) -> str | None:
        """What an approval of it binds to; None where no text was shown."""
        return None if self.to_send is None else digest_of(self.to_send)

    @property
    def reading_helps(self) -> bool:
        """Whether a read of its task would show its text, or whom it would reach."""
        return self.to_send is None or (self.recipient == _NOBODY and self.held.preview is None)


@dataclass(frozen=True, slots=True)
class ApprovalCounts:
    """How many executions are in a person's hands.

    Attributes:
        undecided: They wait for a yes or no.
        approved: They wait for the next run.
    """

    undecided: int
    approved: int


class ApprovalResult(StrEnum):
    """What came of a person's yes or no."""

    TAKEN = "taken"
    CHANGED = "changed"
    GONE = "gone"


def approval_counts(connection: Connection) -> ApprovalCounts:
    """How many wait for a word, and how many for a run."""
    return ApprovalCounts(
        undecided=count_held(connection, approved=False),
        approved=count_held(connection, approved=True),
    )


def what_waits(connection: Connection, held: Iterable[Held]) -> tuple[Waits, ...]:
    """Held executions as a person is shown them."""
    held = tuple(held)
    task_ids = {each.claim.entry.task_id for each in held} - {None}
    known = known_tasks(connection, [each for each in task_ids if each], with_detail=True)
    details = {task_id: task.detail for task_id, task in known.items()}
    return tuple(_shown(each, details.get(each.claim.entry.task_id or 0)) for each in held)


def _shown(held: Held, detail: Mapping[str, Any] | None) -> Waits:
    recipient = recipient_in(held.preview)
    record = what_would_be_sent(held)
    seen = {} if record is None else record
    return Waits(
        held=held,
        recipient=recipient_in(detail) if recipient == _NOBODY else recipient,
        to_send=record,
        message=message_in(seen.get("content")),
        mistakes=tuple(
            found.message for found in mistakes_in_final_text(seen, allow_placeholders=False)
        ),
    )


def what_would_be_sent(held: Held) -> Mapping[str, Any] | None:
    """The record that an approval lets out; None where nobody can have seen its text.

    The text that was previewed is sent as ``content``, so that a template which changes afterwards
    changes nothing. A preview without a text is none: Reply would render one later, unseen.
    """
    record = held.claim.entry.record
    if record.get("content") is not None:
        return record
    if held.preview is None:
        return None
    text = message_in(held.preview.get("content"))
    if text is None or not (text.body or "").strip():
        return None
    content = {"subject": text.subject, "body": text.body}
    return {**record, "content": {name: each for name, each in content.items() if each is not None}}


def approve_as_shown(
    connection: Connection, shown: Mapping[str, str], *, by: str, at: datetime
) -> dict[str, ApprovalResult]:
    """A person's yes to each of these, if it is still what they were shown.

    Args:
        connection: In a write transaction.
        shown: The digest that was shown, for each operation; as many as one query takes.
        by: Who says so.
        at: When, UTC.
    """
    words = dict.fromkeys(shown, ApprovalResult.GONE)
    for held in held_operations(connection, operation_ids=[*shown]):
        record = what_would_be_sent(held)
        same = record is not None and digest_of(record) == shown[held.operation_id]
        if held.approved_at is not None:
            words[held.operation_id] = ApprovalResult.TAKEN if same else ApprovalResult.CHANGED
        elif record is None or not same:
            words[held.operation_id] = ApprovalResult.CHANGED
        elif approve(connection, held, record=record, by=by, at=at):
            words[held.operation_id] = ApprovalResult.TAKEN
    return words


def decline_held(
    connection: Connection, operation_ids: Collection[str], *, why: str, by: str, at: datetime
) -> dict[str, ApprovalResult]:
    """A person's no to each of these, whatever its text: one that was approved is taken back.

    Args:
        connection: In a write transaction.
        operation_ids: As many as one query takes.
        why: For whoever asks afterwards; may be empty.
        by: Who says so.
        at: When, UTC.
    """
    words = dict.fromkeys(operation_ids, ApprovalResult.GONE)
    for held in held_operations(connection, operation_ids=[*operation_ids]):
        if decline(connection, held, why=why, by=by, at=at):
            words[held.operation_id] = ApprovalResult.TAKEN
    return words
