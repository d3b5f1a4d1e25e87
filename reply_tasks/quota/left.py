"""What is left of a quota: for showing it, without a key and without taking anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, inspect, select

from reply_tasks.quota.bucket import CallLog, calls
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
    log = CallLog(connection, digest, [window.rate for window in of], milliseconds(now))
    return tuple(_left(log, index, window) for index, window in enumerate(of))


def left_of_all(
    connection: Connection, *, per_minute: int | None, per_hour: int | None, now: datetime
) -> Mapping[str, tuple[WindowLeft, ...]]:
    """What is left for each user whose calls the ledger counts, by digest.

    Args:
        connection: Any connection.
        per_minute: The limit of any minute; None: no such window.
        per_hour: The limit of any hour; None: no such window.
        now: The database's time.
    """
    of = windows(per_minute, per_hour)
    if not of or not inspect(connection).has_table(calls.name):
        return {}
    digests = connection.scalars(select(calls.c.digest).distinct().order_by(calls.c.digest)).all()
    return {digest: left_of(connection, digest, of, now) for digest in digests}


def _left(log: CallLog, index: int, window: Window) -> WindowLeft:
    limit = window.rate.limit
    left = max(limit - log.counts[index], 0)
    frees = log.oldest_ms(index)
    frees_ms = None if frees is None else frees + window.rate.interval + 1
    ceiling = log.told.ceiling
    said = log.said_room
    if window.name is WaitReason.HOUR and ceiling is not None and said is not None and said < left:
        left = said
        frees_ms = log.now_ms + ceiling.wait_ms(log.now_ms)
    if log.told.paused_until_ms > log.now_ms:
        left = 0
        frees_ms = max(log.told.paused_until_ms, frees_ms or 0)
    return WindowLeft(window.name, limit, left, None if frees_ms is None else instant(frees_ms))
