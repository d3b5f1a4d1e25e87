"""The effects of a sender: all that it does beyond its record.

It asks the engine for each slot of the quota; everything else it does by itself.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import BoundedSemaphore, Event
from typing import Any, TypeVar

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.decisions import Decision
from reply_tasks.contract import TaskDetail, read_task_detail
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Attempt, LedgerAwayError, LedgerError
from reply_tasks.ledger.claims import note_attempts
from reply_tasks.ledger.lookups import LookUpKey, keep_lookups, known_lookup
from reply_tasks.ledger.queries import creations_in_doubt, known_tasks, tasks_of_others
from target_reply_tasks.context import Context
from target_reply_tasks.errors import StopRun
from target_reply_tasks.inbox import Inbox, PauseWanted, SlotWanted
from target_reply_tasks.sending.look_ups import FoundId, LookUps
from target_reply_tasks.sending.pool import Pools
from target_reply_tasks.work import Work

#: The most senders that write to the ledger at once, each on a connection of its own.
WRITERS = 2
#: Seconds that the ledger's database may be away before a sender gives up, and between two checks.
OUTAGE, OUTAGE_CHECK = 180.0, 1.0
_REFUSALS_OF_A_USER = frozenset({401, 403, 429})

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Others:
    """What others than one creation have made.

    Attributes:
        tasks: Tasks that are theirs.
        in_doubt: Records of creations of which it is not known which task they made.
    """

    tasks: frozenset[int]
    in_doubt: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Effects:
    """What the senders of a run share, and what each of them may do with it.

    Attributes:
        context: What the run works with.
        inbox: Takes what the engine must know.
        pools: The calls in flight of each Reply user.
        stopping: Set when the run stops: no more waiting.
        refused_users: Users of records that Reply refuses in this run, and how.
        unbatched: The operations whose calls for many tasks this Reply does not know.
        random: A number from 0 to 1.
        monotonic: Seconds.
        now: UTC.
    """

    context: Context
    inbox: Inbox
    pools: Pools
    stopping: Event
    refused_users: dict[str | None, Decision] = field(default_factory=dict)
    unbatched: set[Operation] = field(default_factory=set)
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    look_ups: LookUps = field(init=False)
    _writers: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(WRITERS))

    def __post_init__(self) -> None:
        """Look-ups are shared by all senders of the run."""
        object.__setattr__(self, "look_ups", LookUps(self.known_lookup, self._keep_lookups))

    def known_lookup(self, key: LookUpKey, *, however_old: bool = False) -> FoundId | None:
        """What the ledger knows of an address; None where Reply must be asked.

        Raises:
            StopRun: The ledger was away for too long, or the run is stopping.
        """

        def read() -> FoundId | None:
            with self.context.ledger.read() as connection:
                known = known_lookup(connection, key, however_old=however_old)
            return None if known is None else FoundId(*known)

        return self._through_outages(read)

    def _keep_lookups(self, found: Mapping[LookUpKey, FoundId]) -> None:
        def write() -> None:
            with self._writers, self.context.ledger.write() as connection:
                keep_lookups(
                    connection, {key: (each.value, each.found) for key, each in found.items()}
                )

        self._through_outages(write)

    def others(self, work: Work, task_ids: list[int]) -> Others:
        """What the ledger knows of the tasks that others than this record have made, or may have.

        Raises:
            StopRun: The ledger was away for too long, or the run is stopping.
        """

        def read() -> Others:
            entry = work.entry
            with self.context.ledger.read() as connection:
                in_doubt = creations_in_doubt(connection, but=entry.operation_id)
                tasks = tasks_of_others(connection, task_ids, external_id=entry.external_id)
            return Others(tasks, tuple(in_doubt))

        return self._through_outages(read)

    def take_slot(self, work: Work) -> bool:
        """Use up the record's slot of the quota, or wait for one if it has none that is still good.

        Returns:
            False when the run is stopping and none is free.
        """
        pool = self.pools.of(work.user)
        if not pool.honours(work.slot):
            wanted = SlotWanted(work)
            self.inbox.put(wanted, urgent=True)
            wanted.answered.wait()
            if not wanted.granted:
                return False
        work.slot = None
        pool.call_leaves()
        return True

    def pause(self, work: Work, seconds: float) -> None:
        """Reply answered 429: no calls of this record's user for so many seconds."""
        self.pools.of(work.user).void_slots()
        self.inbox.put(PauseWanted(work.user, seconds), urgent=True)

    def observe(self, work: Work, answer: Answer) -> None:
        """An answer came: it may say what is left of the quota."""
        pool = self.pools.of(work.user)
        pool.call_ended(answer.elapsed)
        if answer.kind is AnswerKind.RESPONSE and answer.status not in _REFUSALS_OF_A_USER:
            pool.user_is_accepted()
        self.context.pacing.observe(work.user, answer)

    def holds_lease(self) -> bool:
        """Whether this process's lease is safely its own, in a ledger that the next run will find.

        Raises:
            StopRun: The ledger is not where it was.
        """
        ledger = self.context.ledger
        try:
            ledger.check_in_place()
        except LedgerError as error:
            raise StopRun(str(error)) from None
        ends = time.monotonic() + OUTAGE
        while not (ledger.held or ledger.struck_off) and time.monotonic() < ends:
            if self.stopping.wait(OUTAGE_CHECK):
                break
        return ledger.held

    def note(self, attempts: Mapping[Work, tuple[Attempt, ...]]) -> Work | None:
        """Write the calls of claims down, durably, before one more is sent.

        Returns:
            One whose claim is not ours any more, if there is one.

        Raises:
            StopRun: The ledger was away for too long, or the run is stopping.
        """
        ledger = self.context.ledger

        def note() -> Work | None:
            with self._writers, ledger.write(durable=True) as connection:
                for work, calls in attempts.items():
                    operation_id = work.entry.operation_id
                    if not note_attempts(connection, operation_id, calls, holder=ledger.holder):
                        return work
            return None

        return self._through_outages(note)

    def last_details(self, task_ids: Collection[int]) -> Mapping[int, TaskDetail | None]:
        """These tasks as Reply last returned them, by the ledger.

        Raises:
            StopRun: The ledger was away for too long, or the run is stopping.
        """

        def read() -> Mapping[int, TaskDetail | None]:
            with self.context.ledger.read() as connection:
                known = known_tasks(connection, task_ids, with_detail=True)
            return {task_id: read_task_detail(task.detail) for task_id, task in known.items()}

        return self._through_outages(read)

    def _through_outages(self, ask: Callable[[], _T]) -> _T:
        """Ask the ledger what may be asked twice, until its database answers."""
        ends = time.monotonic() + OUTAGE
        while True:
            try:
                return ask()
            except LedgerAwayError as error:
                if self.stopping.wait(OUTAGE_CHECK) or time.monotonic() >= ends:
                    raise StopRun(str(error)) from None
