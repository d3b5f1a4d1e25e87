"""How long so many calls take at a quota, and how a person is told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from reply_tasks.quota.windows import WaitReason, Window, WindowLeft, windows


def seconds_for(calls: int, of: Sequence[Window]) -> float:
    """Seconds until the last of so many calls may leave, with nothing of the quota used yet.

    Args:
        calls: How many, all of one Reply user.
        of: The quota's windows; none: no limit.
    """
    if calls <= 0 or not of:
        return 0.0
    alone = [(calls - 1) // window.limit * window.span_ms for window in of]
    left, together = calls - 1, 0
    for window in sorted(of, key=lambda window: -window.span_ms):
        full, left = divmod(left, window.limit)
        together += full * window.span_ms
    return max(*alone, together) / 1000


def seconds_until_done(calls: int, left: Sequence[WindowLeft], now: datetime) -> float:
    """The same from now on, given what is left of each window.

    Args:
        calls: How many.
        left: What is left; empty where there is no limit.
        now: The database's time.
    """
    free = min((window.left for window in left), default=calls)
    if calls <= free:
        return 0.0
    limits = {window.name: window.limit for window in left}
    of = windows(limits.get(WaitReason.MINUTE), limits.get(WaitReason.HOUR))
    spent = [window.frees_at for window in left if window.left <= free and window.frees_at]
    wait = max(((at - now).total_seconds() for at in spent), default=0.0)
    return max(wait, 0.0) + seconds_for(calls - free, of)


def in_words(seconds: float) -> str:
    """A length of time for a person, to the minute."""
    if seconds < _MINUTE:
        return "less than a minute"
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def time_in(seconds: float) -> str:
    """What time it is in so many seconds, for a person."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%H:%M:%S} UTC"


_MINUTE = 60
