"""How long so many calls take at a quota. Pure."""

from collections.abc import Sequence
from datetime import datetime

from reply_tasks.quota.windows import Window, WindowLeft


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


def seconds_until_done(
    calls: int, of: Sequence[Window], left: Sequence[WindowLeft], now: datetime
) -> float:
    """The same from now on, given what is left of each window."""
    free = min((window.left for window in left), default=calls)
    if calls <= free:
        return 0.0
    spent = [window.frees_at for window in left if window.left <= free and window.frees_at]
    wait = max((at - now).total_seconds() for at in spent) if spent else 0.0
    return max(wait, 0.0) + seconds_for(calls - free, of)
