"""A turn: what has ended is settled and what may go is claimed, in one commit of the ledger.

Only after the commit do calls go out, so that nothing is ever ahead of the ledger.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import filterfalse
from typing import NamedTuple

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import IRREVERSIBLE, Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.ledger.holding import supersede_held
from target_reply_tasks.batch import Batch
from target_reply_tasks.context import Context
from target_reply_tasks.engine.checkpoint import Checkpoint
from target_reply_tasks.engine.commits import Commits
from target_reply_tasks.engine.gate import WINDOW
from target_reply_tasks.engine.judge import superseded_by
from target_reply_tasks.engine.judgements import Need
from target_reply_tasks.engine.plan import Plan
from target_reply_tasks.engine.ready import LOOK_AHEAD, Rest
from target_reply_tasks.engine.unknown_members import UnknownMembers
from target_reply_tasks.inbox import Ended, PauseWanted, Received, Refused, SlotWanted
from target_reply_tasks.result import RunResult
from target_reply_tasks.sending.senders import Senders
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Settled, Work


class Committed(NamedTuple):
    """What a turn has committed.

    Attributes:
        settled: Records that have their outcome.
        dropped: How many approved executions turned out to be no work any more.
    """

    settled: list[Settled]
    dropped: int


class _Written(NamedTuple):
    """What a turn has written, and what follows once it is committed."""

    committed: Committed
    granted: list[SlotWanted]
    chosen: list[Batch]


class Turn:
    """What the next commit will write, and the commit.

    Attributes:
        settled: Records that have ended.
        released: Claims to give back: nothing was sent for them.
        slots_wanted: Calls of records under way that wait for a slot of the quota.
    """

    def __init__(  # noqa: PLR0913 - what the engine's thread works with
        self,
        context: Context,
        commits: Commits,
        checkpoint: Checkpoint,
        *,
        plan: Plan,
        senders: Senders,
        result: RunResult,
    ) -> None:
        self._context = context
        self._commits = commits
        self._checkpoint = checkpoint
        self._plan = plan
        self._senders = senders
        self._result = result
        self._unknown_members = UnknownMembers(context.log)
        self.settled: list[Settled] = []
        self.released: list[Work] = []
        self.slots_wanted: list[SlotWanted] = []
        self._picked: list[tuple[Work, datetime | None, float | None]] = []

    @property
    def due(self) -> bool:
        """Whether something waits for the next commit."""
        return bool(self.settled or self.released)

    def take(self, message: Received | Refused | SlotWanted | PauseWanted) -> None:
        """Take in what the reader or a sender has said."""
        match message:
            case Received(work):
                self._read(work)
            case Refused(settlement, size):
                self._result.read += 1
                self.settled.append(Settled(self._checkpoint.next_index(), settlement, size))
            case SlotWanted():
                self.slots_wanted.append(message)
            case PauseWanted(user, seconds):
                self._context.pacing.pause(user, seconds)

    def _read(self, work: Work) -> None:
        work.index = self._checkpoint.next_index()
        self._result.read += 1
        superseded = self._plan.add(work)
        if superseded is not None:
            settlement = superseded.settled(
                Outcome.SUPERSEDED, datetime.now(UTC), detail=superseded_by(work).detail
            )
            self.settled.append(superseded.ended(settlement))

    def end(self, ended: Ended, *, stopping: bool) -> None:
        """A sender is done with a record: it has its outcome, or is given back."""
        work, result = ended.work, ended.result
        if ended.last:
            self._senders.take_in(work.user)
        self._result.totals.api_calls += work.calls_made
        if isinstance(result, Settlement):
            if result.task_detail is not None:
                self._unknown_members.check(result.task_detail)
            self.settled.append(work.ended(result))
            self._plan.finish(work)
            if result.reason is Reason.USER_REFUSED:
                self._plan.doubt()  # the user's other records need no call
        elif not work.unsure:
            self.released.append(work)
            if result.stop is None and not stopping:
                self._plan.give_back(work)

    def keep_what_is_ours(self) -> None:
        """Forget what another run has taken over: that run settles it."""
        self.settled = self._commits.keep_what_is_ours(self.settled)

    def commit(self, *, stopping: bool, no_rest: bool) -> Committed:
        """Settle what has ended, claim what may go, and then send.

        Args:
            stopping: Whether nothing new may be sent.
            no_rest: Whether nothing more can be read that could supersede an update.

        Raises:
            ClaimLostError: Another run has taken over claims of this one. Nothing was committed.
        """
        durable = (
            self._checkpoint.states_wait
            or self._plan.executions_wait()
            or _may_hold_execution(self.settled)
        )
        put_back: Callable[[], None] | None = None

        def write(connection: Connection) -> _Written:
            nonlocal put_back
            if put_back is not None:
                put_back()
            put_back = self._remember()
            return self._write(connection, stopping=stopping, no_rest=no_rest)

        written = self._commits.transact(write, durable=durable)
        self.settled, self.released = [], []
        for wanted in written.granted:
            wanted.answer(granted=True)
        if written.chosen:
            self._context.reached(Step.HANDING_OUT)
        self._senders.hand_out(written.chosen)
        return written.committed

    def _write(self, connection: Connection, *, stopping: bool, no_rest: bool) -> "_Written":
        dropped = 0
        chosen: list[Batch] = []
        if self._commits.open_turn(connection):
            self._plan.doubt()
            self._plan.verdicts.doubt()
            self._senders.forget_tasks()
        settled = self._plan.verdicts.mark(connection, self.settled)
        self._commits.settle(connection, (each.settlement for each in settled))
        self._commits.release(connection, self.released)
        if not stopping:
            judged, dropped = self._judge(connection)
            settled = settled + judged
        if settled:
            self._context.reached(Step.SETTLING)
        # The quota's lock comes after the counter's, in every transaction: no deadlock.
        self._context.pacing.bring_up_to_date(connection, self._senders.in_flight)
        granted = self._grant_slots(connection, stopping=stopping)
        if not stopping:
            chosen = self._choose(connection, no_rest=no_rest)
        return _Written(Committed(settled, dropped), granted, chosen)

    def _remember(self) -> Callable[[], None]:
        """What restores all this as it is now: for a turn that is not committed."""
        counter, slots, picked = self._commits.counter, self.slots_wanted, self._picked
        picked.clear()
        parts = (self._plan.remember(), self._context.pacing.remember())

        def put_back() -> None:
            self._commits.set_back(counter)
            self.slots_wanted = [slot for slot in slots if not slot.answered.is_set()]
            for work, claimed_at, slot_at in picked:
                work.claimed_at, work.slot = claimed_at, slot_at
            for part in parts:
                part()

        return put_back

    def _judge(self, connection: Connection) -> Committed:
        now = datetime.now(UTC)
        judged = Committed([], 0)
        for work, judgement in self._plan.judge(connection, time.monotonic()):
            if judgement.need is Need.DROP:
                judged = judged._replace(dropped=judged.dropped + 1)
                continue
            if judgement.replaces is not None:
                supersede_held(connection, judgement.replaces, by=work.entry.operation_id)
            settlement = work.settled(
                judgement.outcome or Outcome.UNCHANGED,
                now,
                reason=judgement.reason,
                detail=judgement.detail,
                repeats=judgement.repeats,
            )
            judged.settled.append(work.ended(settlement))
        marked = self._plan.verdicts.mark(connection, judged.settled)
        self._commits.settle(connection, (each.settlement for each in marked))
        return judged._replace(settled=marked)

    def _choose(self, connection: Connection, *, no_rest: bool) -> list[Batch]:
        """Claim what there are senders and slots for."""
        wanted: list[Batch] = []
        now = time.monotonic()
        full = self._checkpoint.in_hand >= WINDOW
        rested = now - (0.0 if no_rest or full else LOOK_AHEAD)
        for user in filterfalse(self._context.pacing.waits, self._plan.users_with_work()):
            room = partial(self._senders.room, user, promised=len(wanted))
            rest = Rest(rested, others_join=not no_rest and self._senders.in_flight(user) > 0)
            picked = self._plan.pick(user, room, may_batch=self._senders.may_batch, rest=rest)
            if picked:
                slots = self._context.pacing.take(connection, user, len(picked))
                self._plan.put_back(user, picked[slots:])
                wanted += picked[:slots]
        self._context.pacing.end_waits_but(
            {*self._plan.users_with_work(), *(slot.work.user for slot in self.slots_wanted)}
        )
        if not wanted:
            return []
        self._context.reached(Step.CLAIMING)
        works = [work for batch in wanted for work in batch.works]
        self._picked.extend((work, work.claimed_at, work.slot) for work in works)
        claimed = set(self._commits.claim(connection, works))
        self._context.reached(Step.CLAIMED)
        for work in works:
            if work in claimed:
                self._plan.start(work)
            else:
                self._plan.wait_for_another(work, now)
        chosen = [left for batch in wanted for left in batch.of(claimed)]
        for batch in chosen:
            batch.works[0].slot = now
        return chosen

    def _grant_slots(self, connection: Connection, *, stopping: bool) -> list[SlotWanted]:
        """Slots for calls of records that are under way, before any new one."""
        granted = []
        left = []
        for wanted in self.slots_wanted:
            if self._context.pacing.take(connection, wanted.work.user, 1):
                granted.append(wanted)
            elif stopping or wanted.work.untouched:
                wanted.answer(granted=False)  # its sender gives it back, and is free for others
            else:
                left.append(wanted)
        self.slots_wanted = left
        return granted


def _may_hold_execution(settled: Iterable[Settled]) -> bool:
    """Whether these settle what can't be undone: that is worth a durable commit."""
    return any(
        each.settlement.claimed and each.settlement.entry.operation in IRREVERSIBLE
        for each in settled
    )
