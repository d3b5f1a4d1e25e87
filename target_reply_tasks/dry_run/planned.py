"""What a dry run finds: what each record would become, and what all of them would cost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Entry
from reply_tasks.operator.rows import Recipient


class Would(StrEnum):
    """What would happen to a record."""

    CREATE = "create"
    SEND = "send"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    HELD = "held"
    UNCERTAIN = "uncertain"
    WAIT = "wait"


#: The outcomes that a record can get without a call.
BY_OUTCOME: Mapping[Outcome, Would] = {
    Outcome.UNCHANGED: Would.UNCHANGED,
    Outcome.REJECTED: Would.REJECTED,
    Outcome.HELD: Would.HELD,
    Outcome.UNCERTAIN: Would.UNCERTAIN,
}


class CallRange(NamedTuple):
    """How many calls it takes: within the range, Reply's answers and the input's pace decide."""

    least: int = 0
    most: int = 0

    def __str__(self) -> str:
        """For a person."""
        if self.least == self.most:
            return f"{self.most} call{'' if self.most == 1 else 's'}"
        return f"{self.least} to {self.most} calls"

    def plus(self, other: "CallRange") -> "CallRange":
        """Both together."""
        return CallRange(self.least + other.least, self.most + other.most)


NO_CALLS = CallRange()


@dataclass(frozen=True, slots=True)
class Change:
    """A member that an update would change.

    Attributes:
        member: Its name, e.g. ``template.body``.
        before: What the ledger last saw; None also where that is nothing.
        after: What would be sent; None also where the member is left out, which empties it.
    """

    member: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Planned:
    """What one record would become.

    Attributes:
        entry: The record, as the ledger would keep it.
        would: What would happen.
        reason: Why it would be rejected.
        pointer: The first member that is wrong, as a JSON Pointer, where one is.
        detail: One sentence for a person.
        request: The call, e.g. ``PUT /v3/tasks/7``; of a task whose id is not known, ``{id}``.
        reads_first: Whether the task is read first, and the call made only where it is needed.
        calls: What it costs.
        looked_up: The members whose id is looked up first.
        batched: Whether it may go out in one call with others.
        follows_creation: Whether a record before it would create its task.
        assumes_link: Whether its external id is taken to be linked, since no ledger was asked.
        changes: What an update changes, or what else would be sent.
        before_known: Whether the ledger knows what the task holds now.
        recipient: Whom an execution would reach.
        subject: The subject line that it would have.
        replaces_earlier: Whether the update before it would not be sent if it still waits.
        approved: Whether a person approved it in an earlier run.
    """

    entry: Entry
    would: Would
    reason: Reason | None = None
    pointer: str | None = None
    detail: str | None = None
    request: str | None = None
    reads_first: bool = False
    calls: CallRange = NO_CALLS
    looked_up: tuple[str, ...] = ()
    batched: bool = False
    follows_creation: bool = False
    assumes_link: bool = False
    changes: tuple[Change, ...] = ()
    before_known: bool = False
    recipient: Recipient | None = None
    subject: str | None = None
    replaces_earlier: bool = False
    approved: bool = False

    @property
    def key(self) -> str | None:
        """What its source calls it: the external id, else the task's id."""
        return self.entry.external_id or (None if self.task_id is None else str(self.task_id))

    @property
    def task_id(self) -> int | None:
        """Its task, where the id is known."""
        known = self.entry.task_id
        return None if known is None or known < 0 else known

    @property
    def executes(self) -> bool:
        """Whether it would reach a customer."""
        return self.entry.operation is Operation.EXECUTE


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole input would come to.

    Attributes:
        read: How many records were read.
        counts: How many records would meet which end, approved ones of earlier runs included.
        reasons: How many would be rejected for which reason.
        calls: What they cost.
        seconds: How long those calls take at this quota, at least and at most.
    """

    read: int
    counts: Mapping[Would, int]
    reasons: Mapping[Reason, int]
    calls: CallRange
    seconds: tuple[float, float]
