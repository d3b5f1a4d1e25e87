"""Sender pools: how many calls of one Reply user may be in flight, since each has a quota."""

import math
import time
from collections import deque
from collections.abc import Iterator
from threading import get_ident

from reply_tasks.contract.outcomes import Operation
from reply_tasks.quota.windows import SLACK_MS
from reply_tasks.settings import TargetSettings
from target_reply_tasks.batch import Batch

#: The most calls in flight at once for one user.
MOST_CONCURRENT = 32
#: A minute's quota should be spent within this many seconds of work, so that latency never shows.
BURST_SECONDS = 2.0
#: How long a slot is good for: as long as the windows are wider than Reply's.
SLOT_SECONDS = SLACK_MS / 1000
#: Work handed out ahead waits for a sender no longer than about this: its slot was taken already.
AHEAD_SECONDS = 0.25
#: The most calls that are handed out ahead of the senders; with a quota one in so many calls of
#: it, since a 429 voids their slots.
MOST_AHEAD, AHEAD_SHARE = 256, 100
#: Seconds between two checks whether a user's concurrency has grown.
GROWTH_CHECK = 0.02


class Pool:
    """The calls of one Reply user.

    A concurrency that the user has set is kept. The default adapts to the answers: with slow
    ones more calls must be in flight to spend the quota (Little's law). It does not wait for the
    first slow answer to know that answers are slow.

    Attributes:
        outstanding: Calls that were handed out, and that the engine has not taken in again.
        in_flight: How many of them are called for, or are the next to be.
        backlog: Those that were handed out ahead.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        adapts: bool,
        per_minute: int | None,
        per_hour: int | None,
        cautious: bool = False,
    ) -> None:
        """Nothing was handed out yet.

        Args:
            concurrency: How many calls may be in flight.
            adapts: Whether that is only a start.
            per_minute: The quota.
            per_hour: The quota.
            cautious: Whether Reply may refuse this user: then the first call goes alone.
        """
        self._alone = cautious
        self._concurrency = concurrency
        self._adapts = adapts
        self._per_minute = per_minute
        limits = [limit for limit in (per_minute, per_hour) if limit is not None]
        self._most_ahead = min([MOST_AHEAD, *(limit // AHEAD_SHARE for limit in limits)])
        self._latency: float | None = None
        self._left_at: dict[int, float] = {}
        self._voided_at = float("-inf")
        self.outstanding = 0
        self.in_flight = 0
        self.backlog = deque[Batch]()

    @property
    def concurrency(self) -> int:
        """How many calls may be in flight."""
        if not self._adapts or self._per_minute is None:
            return self._concurrency
        oldest = self._oldest
        age = 0.0 if oldest is None else time.monotonic() - oldest
        needed = math.ceil(self._per_minute * max(self._latency or 0.0, age) / BURST_SECONDS)
        return max(self._concurrency, min(MOST_CONCURRENT, needed))

    @property
    def grows_at(self) -> float | None:
        """When there is room for one more call even if no answer comes; None if there won't be."""
        oldest = self._oldest
        if self._alone or not self._adapts or self._per_minute is None or oldest is None:
            return None
        if self.outstanding >= MOST_CONCURRENT:
            return None
        at = oldest + self.outstanding * BURST_SECONDS / self._per_minute
        return max(at, time.monotonic() + GROWTH_CHECK)

    @property
    def _oldest(self) -> float | None:
        """When the call left that has waited longest for its answer."""
        return min(list(self._left_at.values()), default=None)

    def room(self, operation: Operation, free: int) -> int:
        """How many more calls may be handed out.

        Args:
            operation: Of which kind.
            free: How many more calls of all users may be in flight.

        Updates go out a little ahead, so that no sender waits for a commit. An execution does not:
        its claim is committed right before it is sent.
        """
        most = 1 if self._alone else self.concurrency
        ahead, places = 0, min(most, self.outstanding + free)
        if operation is Operation.UPDATE and self._latency is not None and not self._alone:
            each = int(AHEAD_SECONDS / max(self._latency, 0.001))
            ahead = min(self._most_ahead, places * each)
        return places + ahead - self.outstanding

    def honours(self, slot: float | None) -> bool:
        """Whether a slot that was taken at that time is still good for a call."""
        if slot is None or slot <= self._voided_at:
            return False
        return time.monotonic() - slot < SLOT_SECONDS

    def void_slots(self) -> None:
        """Reply refused a call: no slot that was taken so far is good any more."""
        self._voided_at = time.monotonic()

    def user_is_accepted(self) -> None:
        """Reply has taken a call of this user."""
        self._alone = False

    def call_leaves(self) -> None:
        """A call of this thread leaves now."""
        self._left_at[get_ident()] = time.monotonic()

    def call_ended(self, seconds: float) -> None:
        """This thread's call took so long."""
        self._left_at.pop(get_ident(), None)
        if self._latency is None:
            self._latency = seconds
        else:
            self._latency += 0.2 * (seconds - self._latency)


class Pools:
    """The pools of a run, one for each Reply user that a record names."""

    def __init__(self, settings: TargetSettings) -> None:
        self._settings = settings
        self._pools: dict[str | None, Pool] = {}

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    @property
    def busy(self) -> bool:
        """Whether any call is in a sender's hands."""
        return any(pool.outstanding for pool in self)

    def of(self, user: str | None) -> Pool:
        """The pool of a user; None means the user of the settings."""
        pool = self._pools.get(user)
        if pool is None:
            settings = self._settings
            pool = self._pools[user] = Pool(
                concurrency=settings.concurrency,
                adapts=not settings.concurrency_is_explicit,
                per_minute=settings.requests_per_minute,
                per_hour=settings.requests_per_hour,
                cautious=user is not None,
            )
        return pool
