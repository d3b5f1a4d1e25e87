"""The senders of all users, and what they may do.

A sender asks the engine for each slot of the quota; everything else it does by itself.
"""

import time
from collections.abc import Callable, Iterable
from threading import BoundedSemaphore, Event
from typing import TYPE_CHECKING, TypeVar

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.contract import TaskDetail, UpdateMode, read_task_detail
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Attempt, LedgerAwayError, LedgerError
from reply_tasks.ledger.claims import note_attempts
from reply_tasks.ledger.queries import known_tasks
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.errors import StopRun
from target_reply_tasks.inbox import Ended, Inbox, PauseWanted, SlotWanted
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.execute import execute
from target_reply_tasks.sending.pool import Pool
from target_reply_tasks.sending.sender import Sender
from target_reply_tasks.sending.threads import SenderThreads
from target_reply_tasks.sending.update import Merge, replace
from target_reply_tasks.work import Work

if TYPE_CHECKING:
    from reply_tasks.api.decisions import Decision

#: The most senders that write to the ledger at once, each on a connection of its own.
WRITERS = 2
#: Seconds that the ledger's database may be away before a sender gives up, and between two looks.
OUTAGE, OUTAGE_LOOK = 180.0, 1.0
_REFUSALS_OF_A_USER = frozenset({401, 403, 429})

_T = TypeVar("_T")


class Senders:
    """Hands claimed records to senders: each Reply user has its share of them."""

    def __init__(
        self, context: Context, settings: TargetSettings, inbox: Inbox, stopping: Event
    ) -> None:
        self._context = context
        self._settings = settings
        self._inbox = inbox
        self._merge = Merge()
        #: Users of records that Reply refuses in this run, and how.
        self.refused_users: dict[str | None, Decision] = {}
        self._pools: dict[str | None, Pool] = {}
        self._stopping = stopping
        self._sender = self._make_sender(stopping)
        self._threads = SenderThreads(self._apply, inbox)
        self._writers = BoundedSemaphore(WRITERS)

    def room(self, user: str | None, operation: Operation, *, promised: int = 0) -> int:
        """How many more records of a user may be handed out.

        Args:
            user: Whose quota their calls spend.
            operation: Of which kind.
            promised: How many records of other users are about to be handed out.
        """
        return self._pool(user).room(operation, max(0, self._threads.free - promised))

    def in_flight(self, user: str | None) -> int:
        """How many records of a user are in senders' hands."""
        return self._pool(user).outstanding

    def due(self, users: Iterable[str | None]) -> float | None:
        """When one of these users, for whom there is work, may get one more sender."""
        if not self._threads.free:
            return None
        due = [self._pool(user).grows_at for user in users]
        return min((at for at in due if at is not None), default=None)

    @property
    def busy(self) -> bool:
        """Whether any record is in a sender's hands."""
        return any(pool.outstanding for pool in self._pools.values())

    def hand_out(self, works: Iterable[Work]) -> None:
        """Give claimed records, each with a slot, to senders."""
        for work in works:
            self._threads.hand_out(self._pool(work.user), work)

    def take_in(self, work: Work) -> None:
        """A sender is done with a record."""
        self._pool(work.user).outstanding -= 1

    def take_back(self) -> list[Work]:
        """Records that no sender has begun: the run stops."""
        return self._threads.take_back(self._pools.values())

    def forget_tasks(self) -> None:
        """Another run has settled something: what is kept of tasks may be stale."""
        self._merge.forget_all()

    def dismiss(self) -> None:
        """Let every sender end when it is done."""
        self._threads.dismiss()

    def _pool(self, user: str | None) -> Pool:
        pool = self._pools.get(user)
        if pool is None:
            pool = self._pools[user] = Pool(
                concurrency=self._settings.concurrency,
                adapts=not self._settings.concurrency_is_explicit,
                per_minute=self._settings.requests_per_minute,
                per_hour=self._settings.requests_per_hour,
                cautious=user is not None,
            )
        return pool

    def _make_sender(self, stopping: Event) -> Sender:
        effects = Effects(
            client=self._context.client,
            slot=self._use_slot,
            pause=self._pause,
            observe=self._observe,
            note=self._note,
            last_detail=self._last_detail,
            refused_users=self.refused_users,
            held=self._held,
            stopping=stopping,
            reached=self._context.reached,
            reply_clock=self._context.reply_clock,
            backoff=self._context.backoff,
        )
        merges = self._settings.update_mode is UpdateMode.MERGE
        return Sender(
            effects,
            self._settings,
            update=self._merge if merges else replace,
            execute=execute,
        )

    # -- in a sender's thread ------------------------------------------------------------------

    def _apply(self, work: Work) -> Ended:
        return Ended(work, self._sender.apply(work))

    def _use_slot(self, work: Work) -> bool:
        pool = self._pool(work.user)
        if not pool.honours(work.slot):
            wanted = SlotWanted(work)
            self._inbox.put(wanted, urgent=True)
            wanted.answered.wait()
            if not wanted.granted:
                return False
        work.slot = None
        pool.call_leaves()
        return True

    def _pause(self, work: Work, seconds: float) -> None:
        self._pool(work.user).void_slots()
        self._inbox.put(PauseWanted(work.user, seconds), urgent=True)

    def _observe(self, work: Work, answer: Answer) -> None:
        pool = self._pool(work.user)
        pool.call_ended(answer.elapsed)
        if answer.kind is AnswerKind.RESPONSE and answer.status not in _REFUSALS_OF_A_USER:
            pool.user_is_accepted()
        self._context.pacing.observe(work.user, answer)

    def _held(self) -> bool:
        """Whether the lease is ours, in a ledger that the next run will find."""
        try:
            self._context.ledger.check_in_place()
        except LedgerError as error:
            raise StopRun(str(error)) from None
        ledger = self._context.ledger
        ends = time.monotonic() + OUTAGE
        while not (ledger.held or ledger.struck_off) and time.monotonic() < ends:
            if self._stopping.wait(OUTAGE_LOOK):
                break
        return ledger.held

    def _last_detail(self, work: Work) -> TaskDetail | None:
        def read() -> TaskDetail | None:
            with self._context.ledger.read() as connection:
                known = known_tasks(connection, [work.task_id], with_detail=True)
            return read_task_detail(known[work.task_id].detail)

        return self._through_outages(read)

    def _note(self, work: Work, attempts: tuple[Attempt, ...]) -> bool:
        holder = self._context.ledger.holder

        def note() -> bool:
            with self._writers, self._context.ledger.write(durable=True) as connection:
                return note_attempts(connection, work.entry.operation_id, attempts, holder=holder)

        return self._through_outages(note)

    def _through_outages(self, ask: Callable[[], _T]) -> _T:
        """Ask the ledger what may be asked twice, until its database answers.

        Raises:
            StopRun: It was away for too long, or the run is stopping.
        """
        ends = time.monotonic() + OUTAGE
        while True:
            try:
                return ask()
            except LedgerAwayError as error:
                if self._stopping.wait(OUTAGE_LOOK) or time.monotonic() >= ends:
                    raise StopRun(str(error)) from None
