"""What a quota decides, as values: its windows, a grant, a wait, and what Reply says is left.

Instants are whole milliseconds since 1970, UTC.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

#: How much longer than Reply's our windows are. A call reaches Reply some time after its slot was
#: taken; as long as that time varies by less than this, Reply never counts more than the limit in
#: a window of its own. So a slot is for a call that leaves now, never one to keep for later.
SLACK_MS = 1_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
#: After a reset that Reply announced: how long one call alone may go ahead to see what is left.
PROBE_MS = 10_000
#: With fewer calls than this left until the reset, every answer's word is written down; with more,
#: only one that lowers the ceiling.
NEAR_THE_END = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class WaitReason(StrEnum):
    """What a call waits for."""

    MINUTE = "minute"
    HOUR = "hour"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window: at most ``limit`` calls in any ``span_ms`` milliseconds."""

    name: WaitReason
    limit: int
    span_ms: int

    def starts_ms(self, now_ms: int) -> int:
        """The first instant whose calls count now."""
        return now_ms - self.span_ms

    def frees_ms(self, at_ms: int) -> int:
        """When a call of that instant counts no more."""
        return at_ms + self.span_ms + 1


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a request for slots.

    Attributes:
        granted: How many calls may be sent, at once.
        wait: Seconds until another try makes sense; 0 when all were granted.
        why: What the others wait for; None when all were granted.
    """

    granted: int
    wait: float = 0.0
    why: WaitReason | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that has begun, for a log line; ``user`` is the start of the quota's digest."""

    seconds: float
    why: WaitReason
    user: str


@dataclass(frozen=True, slots=True)
class WindowLeft:
    """What is left of one window.

    Attributes:
        name: Which window.
        limit: Its size, in calls.
        left: How many calls it would grant now; 0 during a pause.
        frees_at: When it will grant more, UTC; None when nothing of it is used.
    """

    name: WaitReason
    limit: int
    left: int
    frees_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What Reply last said is left of its hour, as a bound on our own count of calls.

    Other programs spend the same quota, so Reply's count can be ahead of ours. Its word becomes a
    number that the running total of granted calls must not pass before the reset. Nothing is added
    to the log: a later word replaces an earlier one, and the reset takes it away.

    Reply's hour may be fixed or slide; we can't know which. After the reset one call goes first,
    and the rest follow when its answer has told what is left, or after ``PROBE_MS``. This costs
    one answer's latency, only in an hour that others helped to use up.

    Attributes:
        remaining: What Reply said.
        reset_ms: Until when, as Reply said it: tells one window of Reply's from the next.
        base: The running total when it was said, plus ``remaining``.
        in_flight: Calls in that total which Reply may not have counted yet.
        until_ms: Until when it binds, by our clock.
    """

    remaining: int
    reset_ms: int
    base: int
    in_flight: int
    until_ms: int

    def room(self, total: int, now_ms: int) -> int | None:
        """How many more calls it allows after ``total``; None when it binds no more."""
        if now_ms >= self.until_ms + PROBE_MS:
            return None
        probe = 1 if now_ms >= self.until_ms else 0
        return max(self.base - self.in_flight + probe - total, 0)

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until it allows more."""
        end = self.until_ms if now_ms < self.until_ms else self.until_ms + PROBE_MS
        return end - now_ms

    @classmethod
    def said(
        cls, remaining: int, reset_ms: int, *, in_flight: int, total: int, now_ms: int
    ) -> Self:
        """The ceiling that an answer sets.

        A reset that has passed by our clock but not by Reply's binds for ``SLACK_MS``; one that is
        more than an hour away shows that the clocks differ, and binds for an hour.
        """
        reset = min(max(reset_ms, now_ms), now_ms + HOUR_MS)
        return cls(
            remaining=remaining,
            reset_ms=reset_ms,
            base=total + remaining,
            in_flight=min(in_flight, remaining),
            until_ms=reset + SLACK_MS,
        )

    def followed_by(self, later: "Ceiling", *, total: int, now_ms: int) -> "Ceiling":
        """Which ceiling holds after one more answer; ``self`` when nothing is to be written.

        Answers overtake each other. Within one window of Reply's, ``remaining`` only falls: an
        answer with more is an older one, and tells only that fewer calls are in flight.
        """
        if now_ms >= self.until_ms or later.reset_ms > self.reset_ms:
            return later
        if later.reset_ms < self.reset_ms:
            return self
        if later.remaining > self.remaining:
            return replace(self, in_flight=min(self.in_flight, later.in_flight))
        near = self.base - self.in_flight - total <= NEAR_THE_END
        lower = later.base - later.in_flight < self.base - self.in_flight
        return later if near or lower else self


def windows(per_minute: int | None, per_hour: int | None) -> tuple[Window, ...]:
    """The windows of these limits, the shorter first; a limit that is None has none.

    Raises:
        ValueError: A limit is less than 1.
    """
    limits = (
        (WaitReason.MINUTE, per_minute, MINUTE_MS),
        (WaitReason.HOUR, per_hour, HOUR_MS),
    )
    for name, limit, _ in limits:
        if limit is not None and limit < 1:
            raise ValueError(f"requests_per_{name} is {limit}: a quota is 1 or more, or null.")
    return tuple(
        Window(name, limit, span_ms + SLACK_MS)
        for name, limit, span_ms in limits
        if limit is not None
    )


def milliseconds(instant: datetime) -> int:
    """The instant in whole milliseconds since 1970."""
    return (instant - _EPOCH) // _MILLISECOND


def instant(ms: int) -> datetime:
    """The instant that ``milliseconds`` counted to."""
    return _EPOCH + ms * _MILLISECOND
