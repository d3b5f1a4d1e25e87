"""Sender threads: few for the whole process, whatever number of Reply users it acts for.

Each user has so many calls in flight at most, and all users together 64. Calls that are due wait
in one queue, in which a user has no more places than its concurrency: so users take turns, and a
user with a long backlog or slow answers keeps nobody else waiting.
"""

from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from reply_tasks.ledger import Settlement
from target_reply_tasks.batch import Batch
from target_reply_tasks.inbox import Crashed, Ended, Inbox
from target_reply_tasks.sending.pool import Pool
from target_reply_tasks.work import Unsettled, Work

#: The most calls in flight at once, for all users together.
MOST_IN_FLIGHT = 64


class SenderThreads:
    """The threads that make calls.

    Args:
        apply: Takes the claimed records of a call to their outcomes, or gives them back.
        inbox: Told of each end.
    """

    def __init__(
        self,
        apply: Callable[[Batch], Iterable[tuple[Work, Settlement | Unsettled]]],
        inbox: Inbox,
    ) -> None:
        self._apply = apply
        self._inbox = inbox
        self._due: SimpleQueue[tuple[Pool, Batch] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._in_flight = 0
        self._short_of_places: deque[Pool] = deque()

    @property
    def free(self) -> int:
        """How many more calls may be in flight."""
        return MOST_IN_FLIGHT - self._in_flight

    def hand_out(self, pool: Pool, batch: Batch) -> None:
        """Give the claimed records of a call to the next free sender."""
        pool.outstanding += 1
        with self._lock:
            pool.backlog.append(batch)
            self._fill_places_of(pool)

    def take_back(self, pools: Iterable[Pool]) -> list[Batch]:
        """What no sender has begun: the run stops."""
        back: list[Batch] = []
        with self._lock:
            while True:
                try:
                    due = self._due.get_nowait()
                except Empty:
                    break
                if due is not None:
                    pool, batch = due
                    self._leave_place_of(pool)
                    pool.outstanding -= 1
                    back.append(batch)
            for pool in pools:
                pool.outstanding -= len(pool.backlog)
                back.extend(pool.backlog)
                pool.backlog.clear()
        return back

    def dismiss(self) -> None:
        """Let every thread end when it is done."""
        for _ in self._threads:
            self._due.put(None)

    def _fill_places_of(self, pool: Pool) -> None:
        """Let a user's next calls take their places in the queue; with the lock held."""
        while pool.backlog and pool.in_flight < pool.concurrency:
            if self._in_flight == MOST_IN_FLIGHT:
                if pool not in self._short_of_places:
                    self._short_of_places.append(pool)
                return
            pool.in_flight += 1
            self._in_flight += 1
            self._due.put((pool, pool.backlog.popleft()))
            if len(self._threads) < self._in_flight:
                thread = Thread(target=self._run, name="sender", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _leave_place_of(self, pool: Pool) -> None:
        pool.in_flight -= 1
        self._in_flight -= 1

    def _pass_place_on(self, pool: Pool) -> None:
        """A call of this user has ended: who has waited for a place takes it, else its own next."""
        with self._lock:
            self._leave_place_of(pool)
            for _ in range(len(self._short_of_places)):
                self._fill_places_of(self._short_of_places.popleft())
            self._fill_places_of(pool)

    def _run(self) -> None:
        while (due := self._due.get()) is not None:
            pool, batch = due
            left = list(batch.works)
            try:
                for work, result in self._apply(batch):
                    left.remove(work)
                    if not left:
                        self._pass_place_on(pool)
                    ended = Ended(work, result, last=not left)
                    self._inbox.put(ended, urgent=not left and self._due.empty())
            except BaseException as error:  # noqa: BLE001 - it is told, and stops the run
                self._inbox.put(Crashed(error), urgent=True)
                for work in left:
                    ended = Ended(work, Unsettled(work), last=work is left[-1])
                    self._inbox.put(ended, urgent=True)
                return
