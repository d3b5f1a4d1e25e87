"""The quota of a Reply user, shared by every process and host on one ledger.

Both windows slide, as Reply's may: never more than the limit in any minute or hour. They are kept
in the ledger's database under a digest of key and user. A slot is for a call that leaves now: see
``windows.SLACK_MS``.

Where Reply says that fewer calls remain than we think, its word counts until its reset
(``windows.Ceiling``). Where it says that more remain, ours counts: its hour may have begun
anew while calls of ours still lie within the last hour, and to spend them twice would break the
promise of a sliding window without raising the pace of the hours that follow. What follows from a
429 is in ``refusals``.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy import Connection

from reply_tasks.quota.call_log import CallLog, forget_old_calls, lock
from reply_tasks.quota.digests import SHOWN_DIGEST, Digests, digest
from reply_tasks.quota.left import left_of
from reply_tasks.quota.refusals import Pause, Refusals
from reply_tasks.quota.windows import (
    Ceiling,
    Grant,
    Wait,
    WaitReason,
    Window,
    WindowLeft,
    milliseconds,
    windows,
)

__all__ = ["Grant", "Pause", "Quota", "Wait", "WaitReason", "WindowLeft", "digest"]

#: How long ``acquire`` sleeps at most before it looks again: another process may have learnt from
#: Reply that more is left, or the clock may have been set.
RECHECK_SECONDS = 15.0
#: How often a process deletes what no window counts any more.
TIDY_MS = 60_000


class Quota:
    """The quota of every Reply user that one key acts for.

    The methods that take a connection work inside the caller's write transaction; what they decide
    holds once it commits. In PostgreSQL they hold one lock until then, so call them at the same
    place of every transaction that takes other locks too, and commit soon. Without limits nothing
    touches the database, and a pause is this process's own.

    Args:
        write: Opens a write transaction of its own (``BEGIN IMMEDIATE`` in SQLite).
        api_key: Whose quota it is. Only its digest is kept, here and in the database.
        per_minute: Calls in any minute; None means no such window.
        per_hour: Calls in any hour; None means no such window.
        now: The time of the database that the processes share, aware.
        sleep: Waits for the event at most so many seconds; true when it is set.
        monotonic: Seconds, for the pauses of a quota without limits.

    Raises:
        ValueError: A limit is less than 1.
    """

    def __init__(  # noqa: PLR0913 - all by name, one line each
        self,
        *,
        write: Callable[[], AbstractContextManager[Connection]],
        api_key: str,
        per_minute: int | None,
        per_hour: int | None,
        now: Callable[[Connection], datetime],
        sleep: Callable[[threading.Event, float], bool] = threading.Event.wait,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._windows = windows(per_minute, per_hour)
        self._write = write
        #: What stands for the key and a user.
        self.digests = self._digests = Digests(api_key)
        self._now = now
        self._sleep = sleep
        self._monotonic = monotonic
        self._probing: set[str | None] = set()
        self._own_refusals: dict[str | None, Refusals] = {}
        self._tidied_ms = 0

    def take(self, connection: Connection, user: str | None, at_most: int) -> Grant:
        """Take as many slots of this user as there are, up to ``at_most``.

        A grant's wait is exact for what is known now; a ``correct`` in the meantime may end it
        sooner, so try again after one.
        """
        if at_most <= 0:
            return Grant(0)
        if not self._windows:
            return self._take_unlimited(user, at_most)
        log = self._open(connection, user)
        granted = min(at_most, _room(log))
        refusals = log.limits.refusals
        if granted:
            log.add(granted)
        if granted and refusals.count:
            log.note_limits(refusals=refusals.probed(log.now_ms))
            self._probing.add(user)
        self._tidy(connection, log.now_ms)
        if granted == at_most:
            return Grant(granted)
        why, wait_ms = self._obstacle(log)
        return Grant(granted, wait_ms / 1000, why)

    def acquire(
        self, user: str | None, *, stop: threading.Event, on_wait: Callable[[Wait], None]
    ) -> bool:
        """Wait for one slot, in transactions of its own.

        For callers that make one call after another: that they ask again without a ``pause`` says
        that the last call was not refused.

        Args:
            user: Whose slot.
            stop: Ends the wait when set.
            on_wait: Told of a wait when it begins, and again when it grows.

        Returns:
            Whether a slot was granted: not if ``stop`` was set first.
        """
        expected: float | None = None
        while not stop.is_set():
            grant = self._take_one(user)
            if grant.why is None:
                return True
            if expected is None or grant.wait > expected + 1:
                on_wait(Wait(grant.wait, grant.why, self._digests[user][:SHOWN_DIGEST]))
            nap = min(grant.wait, RECHECK_SECONDS)
            expected = grant.wait - nap
            if self._sleep(stop, nap):
                break
        return False

    def _take_one(self, user: str | None) -> Grant:
        if not self._windows:
            if self.probes(user):
                self._own_accepted(user)
            return self._take_unlimited(user, 1)
        with self._write() as connection:
            if self.probes(user):
                self.accepted(connection, user)
            return self.take(connection, user, 1)

    def pause(self, connection: Connection, user: str | None, seconds: float) -> Pause:
        """Reply answered 429: grant nothing to this user for so long, or longer.

        A pause that ends later stands, and pauses grow while calls are refused: see ``refusals``.

        Args:
            connection: In a write transaction.
            user: Whose call was refused.
            seconds: What ``Retry-After`` says.
        """
        self._probing.discard(user)
        asked_ms = round(seconds * 1000)
        if not self._windows:
            refusals = self._own(user).refused(self._monotonic_ms, asked_ms)
            self._own_refusals[user] = refusals
            return _pause(refusals, self._monotonic_ms)
        log = self._open(connection, user)
        log.note_limits(refusals=log.limits.refusals.refused(log.now_ms, asked_ms))
        return _pause(log.limits.refusals, log.now_ms)

    def probes(self, user: str | None) -> bool:
        """Whether a call of this process went ahead alone after a pause, to see what is answered.

        Tell of its answer: by ``accepted``, or by ``pause`` again. Safe in any thread.
        """
        return user in self._probing

    def accepted(self, connection: Connection, user: str | None) -> None:
        """A call that went ahead after a pause was answered, and not with 429."""
        if not self._windows:
            self._own_accepted(user)
            return
        self._probing.discard(user)
        log = self._open(connection, user)
        log.note_limits(refusals=log.limits.refusals.accepted(log.now_ms))

    def correct(
        self,
        connection: Connection,
        user: str | None,
        *,
        remaining: int,
        reset: datetime,
        in_flight: int,
    ) -> None:
        """Keep to what an answer said is left of Reply's hour, since others spend it too.

        One call for a group of answers is enough: with the latest. Without an hourly limit it does
        nothing.

        Args:
            connection: In a write transaction.
            user: Whose call was answered.
            remaining: ``x-rate-limit-remaining`` of the hourly window.
            reset: ``x-rate-limit-reset``, aware.
            in_flight: Calls of this user that have a slot from this process and no answer yet;
                Reply may not have counted them.
        """
        if not any(window.name is WaitReason.HOUR for window in self._windows):
            return
        log = self._open(connection, user)
        ceiling = Ceiling.said(
            max(remaining, 0),
            milliseconds(reset),
            in_flight=max(in_flight, 0),
            total=log.total,
            now_ms=log.now_ms,
        )
        known = log.limits.ceiling
        if known is not None:
            ceiling = known.followed_by(ceiling, total=log.total, now_ms=log.now_ms)
        log.note_limits(ceiling=ceiling)

    def left(self, connection: Connection, user: str | None) -> tuple[WindowLeft, ...]:
        """What is left of each window; for reading, in any transaction."""
        if not self._windows:
            return ()
        return left_of(connection, self._digests[user], self._windows, self._now(connection))

    def _open(self, connection: Connection, user: str | None) -> CallLog:
        """The user's log, for writing. The clock is read after the lock is held."""
        lock(connection)
        now_ms = milliseconds(self._now(connection))
        log = CallLog(connection, self._digests[user], self._windows, now_ms)
        log.rewind()
        return log

    def _obstacle(self, log: CallLog) -> tuple[WaitReason, int]:
        """What one more call waits for, and how many milliseconds."""
        obstacles = [
            (window.name, _wait_ms(log, index, window))
            for index, window in enumerate(self._windows)
        ]
        obstacles.append((WaitReason.PAUSED, log.limits.refusals.wait_ms(log.now_ms)))
        return max(obstacles, key=lambda obstacle: obstacle[1])

    def _take_unlimited(self, user: str | None, at_most: int) -> Grant:
        refusals = self._own(user)
        now_ms = self._monotonic_ms
        room = refusals.room(now_ms)
        if room is None:
            return Grant(at_most)
        if room:
            refusals = self._own_refusals[user] = refusals.probed(now_ms)
            self._probing.add(user)
        if room == at_most:
            return Grant(room)
        return Grant(room, refusals.wait_ms(now_ms) / 1000, WaitReason.PAUSED)

    def _own(self, user: str | None) -> Refusals:
        """Without limits: what this process knows."""
        return self._own_refusals.get(user, Refusals()).as_of(self._monotonic_ms)

    def _own_accepted(self, user: str | None) -> None:
        self._probing.discard(user)
        self._own_refusals[user] = self._own(user).accepted(self._monotonic_ms)

    @property
    def _monotonic_ms(self) -> int:
        return round(self._monotonic() * 1000)

    def _tidy(self, connection: Connection, now_ms: int) -> None:
        if abs(now_ms - self._tidied_ms) >= TIDY_MS:
            forget_old_calls(connection, now_ms)
            self._tidied_ms = now_ms


def _room(log: CallLog) -> int:
    """How many calls may go: as few as windows, Reply's word and its refusals allow."""
    rooms = (log.room, log.room_by_reply, log.limits.refusals.room(log.now_ms))
    return min(room for room in rooms if room is not None)


def _pause(refusals: Refusals, now_ms: int) -> Pause:
    too_long_ms = refusals.too_long_ms(now_ms)
    return Pause(
        seconds=refusals.wait_ms(now_ms) / 1000,
        refused_for=too_long_ms / 1000 if too_long_ms else None,
    )


def _wait_ms(log: CallLog, index: int, window: Window) -> int:
    """Milliseconds until this window has room for one more call."""
    wait = log.wait_ms(index)
    ceiling = log.limits.ceiling
    if window.name is WaitReason.HOUR and ceiling is not None and log.room_by_reply == 0:
        wait = max(wait, ceiling.wait_ms(log.now_ms))
    return wait
