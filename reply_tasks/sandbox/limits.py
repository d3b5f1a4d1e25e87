"""Per-user rate limits: windows of a minute and an hour."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from time import time

from reply_tasks.sandbox.assumptions import Assumptions, RefusedCalls, Windows

MINUTE, HOUR = 60.0, 3600.0

#: Reply's limits of one user.
MINUTELY, HOURLY = 100, 3000

_LABELS = {MINUTE: "1m", HOUR: "1h"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """The verdict on one call: seconds to wait (0: go ahead) and the headers that tell of it."""

    retry_after: int
    headers: dict[str, str]


@dataclass(slots=True)
class _Window:
    span: float
    limit: int
    moves: Windows
    stamps: deque[float] = field(default_factory=deque)

    def move(self, now: float) -> None:
        """Forget what has left the window."""
        while self.stamps and self.left_at(self.stamps[0]) <= now:
            self.stamps.popleft()

    def left_at(self, stamp: float) -> float:
        """When a call leaves the window."""
        into = stamp % self.span if self.moves is Windows.FIXED else 0.0
        return stamp - into + self.span

    def wait(self, now: float) -> float:
        """Seconds until one more call fits."""
        over = len(self.stamps) - self.limit
        return 0.0 if over < 0 else max(self.left_at(self.stamps[over]) - now, 0.001)


class Limits:
    """Counts each user's calls."""

    def __init__(
        self,
        per_minute: int | None = MINUTELY,
        per_hour: int | None = HOURLY,
        clock: Callable[[], float] = time,
        assumed: Assumptions | None = None,
    ) -> None:
        self._assumed = assumed or Assumptions()
        spans = ((MINUTE, per_minute), (HOUR, per_hour))
        self._spans = [(span, limit) for span, limit in spans if limit is not None]
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[int, list[_Window]] = {}

    def take(self, user_id: int) -> Allowance:
        """Count one call of this user, unless a window is full."""
        if not self._spans:
            return Allowance(0, {})
        with self._lock:
            now = self._clock()
            windows = self._moved(user_id, now)
            wait = max(window.wait(now) for window in windows)
            if not wait or self._assumed.refused_calls is RefusedCalls.COUNTED:
                for window in windows:
                    window.stamps.append(now)
            if wait:  # one that counts makes it longer
                wait = max(window.wait(now) for window in windows)
            return Allowance(math.ceil(wait), _headers(windows[-1], now))

    def stranger(self) -> dict[str, str]:
        """The headers of a call that no user could be found for: a full quota."""
        if not self._spans:
            return {}
        span, limit = self._spans[-1]
        return _headers(_Window(span, limit, self._assumed.windows), self._clock())

    def spend(self, user_id: int, calls: int, seconds_ago: float = 0.0) -> None:
        """Another program's calls for this user, made all at once."""
        with self._lock:
            now = self._clock()
            for window in self._moved(user_id, now):
                stamps = [*window.stamps, *[now - seconds_ago] * calls]
                window.stamps = deque(sorted(stamps))

    def quota(self) -> dict[int, dict[str, dict[str, float]]]:
        """By user and window: the limit, the calls used, the seconds until one more call fits."""
        with self._lock:
            now = self._clock()
            return {
                user_id: {
                    _LABELS[window.span]: {
                        "limit": window.limit,
                        "used": len(window.stamps),
                        "wait": window.wait(now),
                    }
                    for window in self._moved(user_id, now)
                }
                for user_id in sorted(self._windows)
            }

    def reset(self) -> None:
        """Forget every call."""
        with self._lock:
            self._windows.clear()

    def _moved(self, user_id: int, now: float) -> list[_Window]:
        windows = self._windows.get(user_id)
        if windows is None:
            moves = self._assumed.windows
            windows = [_Window(span, limit, moves) for span, limit in self._spans]
            self._windows[user_id] = windows
        for window in windows:
            window.move(now)
        return windows


def _headers(window: _Window, now: float) -> dict[str, str]:
    oldest = window.stamps[0] if window.stamps else now
    reset = datetime.fromtimestamp(window.left_at(oldest), UTC)
    return {
        "x-rate-limit-limit": _LABELS[window.span],
        "x-rate-limit-remaining": str(max(window.limit - len(window.stamps), 0)),
        "x-rate-limit-reset": f"{reset:%Y-%m-%dT%H:%M:%S.%f}0Z",
    }
