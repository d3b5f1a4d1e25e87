"""What is left of a quota: for showing it, without a key and without taking anything."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from reply_tasks.ledger.quota_tables import quota_calls, quota_pauses
from reply_tasks.quota.call_log import CallLog
from reply_tasks.quota.windows import (
    WaitReason,
    Window,
    WindowLeft,
    instant,
    milliseconds,
    windows,
)


def left_of(
    connection: Connection, digest: str, of: Sequence[Window], now: datetime
) -> tuple[WindowLeft, ...]:
    """What is left of each window of the user whom this digest stands for."""
    log = CallLog(connection, digest, of, milliseconds(now))
    return tuple(_left(log, index, window) for index, window in enumerate(of))


def left_of_all(
    connection: Connection, *, per_minute: int | None, per_hour: int | None, now: datetime
) -> Mapping[str, tuple[WindowLeft, ...]]:
    """What is left for each user that a window counts calls of, or that is paused, by digest.

    Args:
        connection: Any connection.
        per_minute: The limit of any minute; None means no such window.
        per_hour: The limit of any hour; None means no such window.
        now: The database's time.
    """
    of = windows(per_minute, per_hour)
    digests = _users(connection, of, milliseconds(now)) if of else ()
    return {digest: left_of(connection, digest, of, now) for digest in digests}


def _users(connection: Connection, of: Iterable[Window], now_ms: int) -> list[str]:
    since = min(window.starts_ms(now_ms) for window in of)
    limited = or_(quota_pauses.c.paused_until_ms > now_ms, quota_pauses.c.until_ms > now_ms)
    spent = select(quota_calls.c.digest).where(quota_calls.c.at_ms >= since)
    return sorted(connection.scalars(spent.union(select(quota_pauses.c.digest).where(limited))))


def _left(log: CallLog, index: int, window: Window) -> WindowLeft:
    left = max(window.limit - log.counts[index], 0)
    frees_ms = log.frees_ms(index) if left else log.now_ms + log.wait_ms(index)
    ceiling = log.limits.ceiling
    said = log.room_by_reply
    if window.name is WaitReason.HOUR and ceiling is not None and said is not None and said < left:
        left = said
        frees_ms = log.now_ms + ceiling.wait_ms(log.now_ms)
    if log.limits.refusals.room(log.now_ms) == 0:
        left = 0
        frees_ms = max(log.now_ms + log.limits.refusals.wait_ms(log.now_ms), frees_ms or 0)
    frees_at = None if frees_ms is None else instant(frees_ms)
    return WindowLeft(window.name, window.limit, left, frees_at)
