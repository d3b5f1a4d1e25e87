"""A record on its way through the run, and what can become of it in a sender's hands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from reply_tasks.contract import TaskRecord, body_hash
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Attempt, Entry, Settlement, Shaken

#: The index of a claim that was taken over from a dead run: it was never read from this input.
RECOVERED = -1
#: The index of an execution that a person approved: an earlier run read it.
APPROVED = -2


@dataclass(slots=True, eq=False)
class Work:
    """One valid record between being read and being settled.

    Attributes:
        index: Its position among all records read; ``RECOVERED`` for a taken-over claim,
            ``APPROVED`` for what an earlier run read and a person approved.
        entry: What the ledger writes of it.
        record: What is asked of Reply.
        received: When it was read, or taken over, on the monotonic clock.
        claimed_at: When its intent was committed; None while it has no claim.
        claimed_moment: The same on the monotonic clock; None where that is not known.
        intent_at: When the intent of its next send was last written down, on the monotonic clock;
            None if it has to be written down anew.
        reply_ahead: Of a taken-over claim, seconds by which Reply's clock was ahead when it was
            made.
        attempts: The calls made for it, in order.
        made_before: How many of them were made before it was claimed last, and are counted.
        slot: When a slot of the quota was taken for its next call, on the monotonic clock; None if
            it has none.
        unsure: Whether a call may have changed something without our knowing.
        let_out: Whether it is one of the executions that this run may send unapproved.
        size: Bytes of the line that it was read from.
        shaken: Set where the task must be read first, since an earlier call of it may still take
            effect.
        marked: Whether the task may bear the mark of a rejected update; False where it is settled
            in the transaction that has just looked, and found none.
        meant: Of an update that is to make its task, the record and the entry as they were read.
        task_id: The task, which is also its lane; negative, a key, while its id is not known.
        operation: What is asked for.
    """

    index: int
    entry: Entry
    record: TaskRecord
    received: float
    claimed_at: datetime | None = None
    claimed_moment: float | None = None
    intent_at: float | None = None
    reply_ahead: float | None = None
    attempts: list[Attempt] = field(default_factory=list)
    made_before: int = 0
    slot: float | None = None
    unsure: bool = False
    let_out: bool = False
    size: int = 0
    shaken: Shaken | None = None
    marked: bool = True
    meant: tuple[TaskRecord, Entry] | None = None
    task_id: int = field(init=False)
    operation: Operation = field(init=False)

    def __post_init__(self) -> None:
        """Look up what is asked for very often."""
        self.means(self.record, self.entry)

    def means(self, record: TaskRecord, entry: Entry) -> None:
        """Say what is asked of Reply and what the ledger writes of it, which change together."""
        if entry.task_id is None:  # pragma: no cover - only an unreadable record has none
            raise AssertionError("work without a task")
        self.record, self.entry = record, entry
        self.task_id, self.operation = entry.task_id, record.operation

    @property
    def waits_for_id(self) -> bool:
        """Whether it is about a task that exists, and whose id is not known yet.

        So is an update that is to make its task: another run may make it first.
        """
        return self.task_id < 0 and (
            self.operation is not Operation.CREATE or self.meant is not None
        )

    def found(self, task_id: int) -> None:
        """The task is known that its external id stands for."""
        record, entry = self.meant or (self.record, self.entry)
        self.meant = None
        self.means(
            record._replace(task_id=task_id),
            entry._replace(task_id=task_id, record={"id": task_id, **entry.record}),
        )

    def becomes_creation(self) -> None:
        """There is no such task: an update that may make it does."""
        self.meant = self.record, self.entry
        hashed = body_hash(Operation.CREATE, self.record.body)
        self.means(
            self.record._replace(operation=Operation.CREATE),
            self.entry._replace(operation=Operation.CREATE, body_hash=hashed),
        )

    @property
    def recovered(self) -> bool:
        """Whether a dead run claimed it, and may have sent it."""
        return self.index == RECOVERED

    @property
    def approved(self) -> bool:
        """Whether it was held, and a person approved it."""
        return self.index == APPROVED

    @property
    def calls_made(self) -> int:
        """How many calls were made for it since it was claimed last, and are not counted yet."""
        return sum(attempt.counted for attempt in self.attempts[self.made_before :])

    @property
    def untouched(self) -> bool:
        """Whether it is as it was before it was handed out: Reply has refused each call for now."""
        calls = self.attempts[self.made_before :]
        refused = all(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in calls)
        return refused and not self.unsure and self.index >= 0

    def given_back(self) -> None:
        """Its claim is given back: it is to be claimed and sent anew."""
        self.made_before = len(self.attempts)
        self.claimed_at = None
        self.slot = None

    @property
    def user(self) -> str | None:
        """The Reply user whose quota its calls spend; None means the user of the settings."""
        acting = self.record.act_as_user_id
        return None if acting is None else str(acting)

    def ended(self, settlement: Settlement) -> "Settled":
        """This record, which has ended so."""
        return Settled(self.index, settlement, self.size)

    def settled(  # noqa: PLR0913 - the columns of a settlement
        self,
        outcome: Outcome,
        at: datetime,
        *,
        reason: Reason | None = None,
        detail: str | None = None,
        problem: Mapping[str, Any] | None = None,
        task_detail: Mapping[str, Any] | None = None,
        body_hash: str | None = None,
        repeats: bool = False,
        shaken: float | None = None,
        confirmed: bool = False,
        created: int | None = None,
    ) -> Settlement:
        """This record's settlement."""
        return Settlement(  # by position: by name it takes twice as long
            self.entry,
            outcome,
            at,
            reason,
            detail,
            problem,
            self.attempts[-1].status if self.attempts else None,
            tuple(self.attempts),
            task_detail,
            body_hash,
            self.claimed_at,
            repeats,
            self.approved and self.claimed_at is None,
            shaken,
            confirmed,
            self.marked,
            created,
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """A record that has ended, for the next commit.

    Attributes:
        index: Its position among all records read; ``RECOVERED`` for a taken-over claim.
        settlement: How it ended.
        size: Bytes of the line that it was read from.
    """

    index: int
    settlement: Settlement
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Work that a sender gave back without an outcome.

    Attributes:
        work: The record; it stays unsettled, and state stays before it.
        stop: Why the run must stop; None when the run is stopping already.
    """

    work: Work
    stop: str | None = None
