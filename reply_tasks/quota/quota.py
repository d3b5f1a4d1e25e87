"""The quota of a Reply user, shared by every process and host on one ledger.

Both windows slide, as Reply's may: never more than the limit in any minute or hour. They are kept
in the ledger's database under a digest of key and user; pyrate-limiter's ``SlidingWindowLog``
decides. A slot is for a call that leaves now: see ``quota_windows.SLACK_MS``.

Where Reply says that fewer calls remain than we think, its word counts until its reset
(``quota_windows.Ceiling``). Where it says that more remain, ours counts: its hour may have begun
anew while calls of ours still lie within the last hour, and to spend them twice would break the
promise of a sliding window without raising the pace of the hours that follow.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from pyrate_limiter import RateItem
from sqlalchemy import Connection, Engine, inspect

from reply_tasks.quota.bucket import CallLog, create_tables, lock, pauses
from reply_tasks.quota.left import left_of
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

__all__ = ["Grant", "Quota", "Wait", "WaitReason", "WindowLeft", "digest"]

#: How long ``acquire`` sleeps at most before it looks again: another process may have learnt from
#: Reply that more is left, or the clock may have been set.
RECHECK_SECONDS = 15.0
#: How often a process deletes what no window counts any more.
TIDY_MS = 60_000


def digest(api_key: str, user: str | None) -> str:
    """What stands for a key and an acting user (None: the key's own) in the database."""
    return _digest(_seed(api_key), user)


def _seed(api_key: str) -> "hashlib._Hash":
    return hashlib.sha256(b"reply-tasks quota\0" + api_key.encode() + b"\0")


def _digest(seed: "hashlib._Hash", user: str | None) -> str:
    hashed = seed.copy()
    hashed.update(b"" if user is None else b"user " + user.encode())
    return hashed.hexdigest()


class Quota:
    """The quota of every Reply user that one key acts for.

    The methods that take a connection work inside the caller's write transaction; what they decide
    holds once it commits. In PostgreSQL they hold one lock until then, so call them at the same
    place of every transaction that takes other locks too, and commit soon. Without limits nothing
    touches the database, and a pause is this process's own.

    Args:
        engine: The ledger's database; the quota's tables are made in it.
        write: Opens a write transaction of its own (``BEGIN IMMEDIATE`` in SQLite).
        api_key: Whose quota it is. Only its digest is kept, here and in the database.
        per_minute: Calls in any minute; None: no such window.
        per_hour: Calls in any hour; None: no such window.
        now: The time of the database that the processes share, aware.
        sleep: Waits for the event at most so many seconds; true when it is set.
        monotonic: Seconds, for the pauses of a quota without limits.

    Raises:
        ValueError: A limit is less than 1.
    """

    def __init__(  # noqa: PLR0913 - all by name, one line each
        self,
        engine: Engine,
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
        self._rates = [window.rate for window in self._windows]
        self._write = write
        self._seed = _seed(api_key)
        self._digests: dict[str | None, str] = {}
        self._now = now
        self._sleep = sleep
        self._monotonic = monotonic
        self._own_pauses: dict[str | None, float] = {}
        self._tidied_ms = 0
        if self._windows and not inspect(engine).has_table(pauses.name):
            with write() as connection:
                create_tables(connection)

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
        granted = min(at_most, self._room(log))
        if granted:
            log.put(RateItem(log.digest, log.now_ms, weight=granted))
        self._tidy(log)
        if granted == at_most:
            return Grant(granted)
        why, wait_ms = self._obstacle(log)
        return Grant(granted, wait_ms / 1000, why)

    def acquire(
        self, user: str | None, *, stop: threading.Event, on_wait: Callable[[Wait], None]
    ) -> bool:
        """Wait for one slot, in transactions of its own.

        Args:
            user: Whose slot.
            stop: Ends the wait when set.
            on_wait: Told of a wait when it begins, and again when it grows.

        Returns:
            Whether a slot was granted; False: stopped first.
        """
        expected: float | None = None
        while not stop.is_set():
            grant = self._take_one(user)
            if grant.why is None:
                return True
            if expected is None or grant.wait > expected + 1:
                on_wait(Wait(grant.wait, grant.why, self._of(user)[:8]))
            nap = min(grant.wait, RECHECK_SECONDS)
            expected = grant.wait - nap
            if self._sleep(stop, nap):
                break
        return False

    def _take_one(self, user: str | None) -> Grant:
        if not self._windows:
            return self._take_unlimited(user, 1)
        with self._write() as connection:
            return self.take(connection, user, 1)

    def pause(self, connection: Connection, user: str | None, seconds: float) -> None:
        """Grant nothing to this user for so long (a 429's ``Retry-After``).

        A pause that ends later stands.
        """
        if not self._windows:
            until = self._monotonic() + seconds
            self._own_pauses[user] = max(until, self._own_pauses.get(user, until))
            return
        log = self._open(connection, user)
        until_ms = log.now_ms + round(seconds * 1000)
        if until_ms > log.told.paused_until_ms:
            log.tell(replace(log.told, paused_until_ms=until_ms))

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
        known = log.told.ceiling
        if known is not None:
            ceiling = known.followed_by(ceiling, total=log.total, now_ms=log.now_ms)
        if ceiling != known:
            log.tell(replace(log.told, ceiling=ceiling))

    def left(self, connection: Connection, user: str | None) -> tuple[WindowLeft, ...]:
        """What is left of each window; for reading, in any transaction."""
        if not self._windows:
            return ()
        return left_of(connection, self._of(user), self._windows, self._now(connection))

    def _of(self, user: str | None) -> str:
        known = self._digests.get(user)
        if known is None:
            known = self._digests[user] = _digest(self._seed, user)
        return known

    def _open(self, connection: Connection, user: str | None) -> CallLog:
        """The user's log, for writing. The clock is read after the lock is held."""
        lock(connection)
        now_ms = milliseconds(self._now(connection))
        log = CallLog(connection, self._of(user), self._rates, now_ms)
        log.rewind()
        return log

    def _room(self, log: CallLog) -> int:
        if log.told.paused_until_ms > log.now_ms:
            return 0
        said = log.said_room
        return log.room if said is None else min(log.room, said)

    def _obstacle(self, log: CallLog) -> tuple[WaitReason, int]:
        """What one more call waits for, and how many milliseconds."""
        obstacles = [
            (window.name, _wait_ms(log, index, window))
            for index, window in enumerate(self._windows)
        ]
        obstacles.append((WaitReason.PAUSED, log.told.paused_until_ms - log.now_ms))
        return max(obstacles, key=lambda obstacle: obstacle[1])

    def _take_unlimited(self, user: str | None, at_most: int) -> Grant:
        until = self._own_pauses.get(user)
        if until is None:
            return Grant(at_most)
        wait = until - self._monotonic()
        if wait > 0:
            return Grant(0, wait, WaitReason.PAUSED)
        self._own_pauses.pop(user, None)
        return Grant(at_most)

    def _tidy(self, log: CallLog) -> None:
        if abs(log.now_ms - self._tidied_ms) >= TIDY_MS:
            log.leak()
            self._tidied_ms = log.now_ms


def _wait_ms(log: CallLog, index: int, window: Window) -> int:
    """Milliseconds until this window has room for one more call."""
    wait = log.one_more(index).retry_after_ms or 0
    ceiling = log.told.ceiling
    if window.name is WaitReason.HOUR and ceiling is not None and log.said_room == 0:
        wait = max(wait, ceiling.wait_ms(log.now_ms))
    return wait
