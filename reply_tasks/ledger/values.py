"""The values that go into the ledger and come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from reply_tasks.contract.outcomes import Operation, Outcome, Reason


class Attempt(NamedTuple):
    """One call made for an operation.

    Attributes:
        at: When the call was sent, UTC.
        call: ``update``, ``execute`` or ``read``.
        status: HTTP status of the answer; None when none came.
        error: What went wrong on the wire, without secrets.
        seconds: How long the call took; None for a send whose end is not known.
        tasks: How many tasks the call was for.
        counted: Whether it is one of this operation's calls; a call for many tasks is counted once,
            with the first of them.
    """

    at: datetime
    call: str
    status: int | None = None
    error: str | None = None
    seconds: float | None = None
    tasks: int = 1
    counted: bool = True

    def as_json(self) -> dict[str, Any]:
        """The attempt as the ledger's ``attempts`` column holds it."""
        shared = {} if self.tasks == 1 else {"tasks": self.tasks, "counted": self.counted}
        return {
            "at": self.at.isoformat(),
            "call": self.call,
            "status": self.status,
            "error": self.error,
            "seconds": self.seconds,
            **shared,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Attempt":
        """The attempt that ``as_json`` wrote."""
        return cls(
            at=datetime.fromisoformat(data["at"]),
            call=data["call"],
            status=data["status"],
            error=data["error"],
            seconds=data["seconds"],
            tasks=data.get("tasks", 1),
            counted=data.get("counted", True),
        )


class AsRead(NamedTuple):
    """A record before stream maps and normalising, so that a rejected one can be read again.

    Attributes:
        stream: The stream of its RECORD message.
        record: The record of that message, unchanged.
    """

    stream: str
    record: Any


class Entry(NamedTuple):
    """One operation as it was received: what every row of ``operations`` starts from.

    Attributes:
        operation_id: 32 hex digits.
        stream: The stream it came in, after stream maps.
        operation: None when the record's operation could not be read.
        task_id: None when the record's id could not be read; negative, a key of ours, where the
            task's id is not known yet.
        external_id: The CRM's own key, as text.
        act_as_user_id: The Reply user to act as.
        body_hash: Hash of the canonical body; None for a record that was not valid.
        record: The record in canonical form, or as it came where it was not valid.
        received_at: When it was read, UTC.
        as_read: What it was read as; None for an operation that another process claimed.
    """

    operation_id: str
    stream: str
    operation: Operation | None
    task_id: int | None
    external_id: str | None
    act_as_user_id: int | None
    body_hash: str | None
    record: Mapping[str, Any]
    received_at: datetime
    as_read: AsRead | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An operation whose intent is committed, and what is known of its calls so far.

    Attributes:
        entry: The operation.
        claimed_at: When, by the clock of the process that claimed it.
        claimed_by: The holder.
        attempts: Its calls, as far as they were written down.
        reply_ahead: Seconds by which Reply's clock was ahead of that clock then, if known.
        age: Seconds since it was made, by the clock that both processes share which nobody sets;
            None if they share none.
    """

    entry: Entry
    claimed_at: datetime
    claimed_by: str | None
    attempts: tuple[Attempt, ...] = ()
    reply_ahead: float | None = None
    age: float | None = None


class Settlement(NamedTuple):
    """How an operation ended.

    Attributes:
        entry: The operation.
        outcome: Its one outcome.
        settled_at: When, UTC.
        reason: Why it was rejected; None for any other outcome.
        detail: One sentence for a person.
        problem: The problem document that Reply sent.
        http_status: Status of the answer that decided.
        attempts: Every call made for it.
        task_detail: The TaskDetail as Reply returned it.
        body_hash: Hash of the body that the task now has, where it differs from the entry's
            (merge mode).
        claimed_at: When its intent was committed; None when it needed none.
        repeats: Whether the record made no call and only repeats what the ledger has answered: it
            is counted, and leaves no row.
        was_held: Whether the ledger holds it as an execution that waits for a person.
        shaken: Seconds since the last call of it whose answer was lost, and which may still take
            effect late, if there was one.
        confirmed: Whether the task was read, or replaced, after every late effect had its time.
        marked: Whether the task may bear the mark of a rejected update. False: the ledger was asked
            in the same transaction, and there is none.
        created: The id of the task that a creation made.
    """

    entry: Entry
    outcome: Outcome
    settled_at: datetime
    reason: Reason | None = None
    detail: str | None = None
    problem: Mapping[str, Any] | None = None
    http_status: int | None = None
    attempts: tuple[Attempt, ...] = ()
    task_detail: Mapping[str, Any] | None = None
    body_hash: str | None = None
    claimed_at: datetime | None = None
    repeats: bool = False
    was_held: bool = False
    shaken: float | None = None
    confirmed: bool = False
    marked: bool = True
    created: int | None = None

    @property
    def task_id(self) -> int | None:
        """The task; None where its id is not known: the entry then has a key of ours, or none."""
        known = self.entry.task_id if self.created is None else self.created
        return None if known is None or known < 0 else known

    @property
    def claimed(self) -> bool:
        """Whether the ledger holds a claim that this settles."""
        return self.claimed_at is not None


class Execution(NamedTuple):
    """An operation of a task that can't be undone, remembered so that it is never repeated.

    An execution or a completion, a creation, or a deletion.

    ``outcome`` is ``applied``, ``uncertain``, or ``rejected`` where it was executed and failed.
    """

    operation_id: str
    outcome: Outcome
    body_hash: str | None
    external_id: str | None


class Shaken(NamedTuple):
    """A task on which a call may still take effect late, since its answer was lost.

    Attributes:
        ago: Seconds since the connection of the last such call was known to be gone.
        harmless: Whether its late effect would leave the task as it was last updated.
    """

    ago: float
    harmless: bool


class RejectedUpdate(NamedTuple):
    """The last update of a task that was rejected, with no applied one since."""

    operation_id: str
    received_at: datetime


class KnownTask(NamedTuple):
    """What the ledger knows of one task.

    Attributes:
        body_hash: Hash of the last body applied to it.
        execution: The execution that stands in the way of another one.
        detail: The last TaskDetail that Reply returned (only where it was asked for).
        shaken: What may still happen to it, if anything.
        rejected_update: The update that failed to change its text.
        assignment_hash: Hash of the last assignment applied to it.
        deletion: The deletion that stands in the way of another one.
    """

    body_hash: str | None = None
    execution: Execution | None = None
    detail: Mapping[str, Any] | None = None
    shaken: Shaken | None = None
    rejected_update: RejectedUpdate | None = None
    assignment_hash: str | None = None
    deletion: Execution | None = None


@dataclass(slots=True)
class RunTotals:
    """What a run did, counted as it goes."""

    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    reasons: dict[Reason, int] = field(default_factory=dict)
    repeated: int = 0
    api_calls: int = 0
    quota_wait_seconds: float = 0.0

    def count(self, settlement: Settlement) -> None:
        """Count one settled operation."""
        self.outcomes[settlement.outcome] += 1
        self.repeated += settlement.repeats
        if settlement.reason is not None:
            self.reasons[settlement.reason] = self.reasons.get(settlement.reason, 0) + 1

    @property
    def settled(self) -> int:
        """How many operations were settled."""
        return sum(self.outcomes.values())
