"""What is left of the quota of each Reply user, and when more of it is back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from reply_tasks.ledger.database import clock
from reply_tasks.ledger.tables import operations
from reply_tasks.quota.left import left_of, left_of_all
from reply_tasks.quota.quota import digest
from reply_tasks.quota.windows import WindowLeft, windows

#: So much of a digest tells a user from all others, as the log of a run shows it.
_SHOWN_DIGEST = 8
#: Who acted lately is looked up in so many of the last operations: more than two hours' calls.
_LATEST = 10_000


@dataclass(frozen=True, slots=True)
class UserQuota:
    """What is left for one Reply user.

    Attributes:
        user: The id or address that calls act as, or ``own`` for the key's own user; where the key
            is not known, the beginning of the digest that stands for them.
        windows: What is left of the minute and of the hour; empty where there are no limits.
    """

    user: str
    windows: tuple[WindowLeft, ...]

    @property
    def left(self) -> int | None:
        """How many calls could be made now; None means as many as one likes."""
        return min((window.left for window in self.windows), default=None)

    @property
    def back_at(self) -> datetime | None:
        """When more is back, where nothing is left now."""
        spent = [window.frees_at for window in self.windows if not window.left]
        return max((at for at in spent if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class WhoseQuota:
    """Whose quota is asked for.

    Attributes:
        per_minute: Calls in any minute; None means no such limit.
        per_hour: Calls in any hour; None means no such limit.
        api_key: The key, where it is known: with it users have names, and one that has made no call
            yet is listed too.
        acting_user: Whom the key acts as by the settings; None means its own user.
    """

    per_minute: int | None
    per_hour: int | None
    api_key: str | None = None
    acting_user: str | None = None


def quota_left(connection: Connection, whose: WhoseQuota) -> tuple[UserQuota, ...]:
    """What is left for each user whose calls the ledger counts."""
    now = clock(connection)
    found = dict(
        left_of_all(connection, per_minute=whose.per_minute, per_hour=whose.per_hour, now=now)
    )
    if whose.api_key is None:
        return tuple(UserQuota(name[:_SHOWN_DIGEST], left) for name, left in found.items())
    own = digest(whose.api_key, whose.acting_user)
    if found and own not in found:
        found[own] = left_of(connection, own, windows(whose.per_minute, whose.per_hour), now)
    names = _names(connection, whose.api_key, whose.acting_user)
    ordered = sorted(found, key=lambda each: (each != own, names.get(each, "~"), each))
    return tuple(UserQuota(names.get(each, each[:_SHOWN_DIGEST]), found[each]) for each in ordered)


def _names(connection: Connection, api_key: str, acting_user: str | None) -> Mapping[str, str]:
    """Digest -> user, for those whose calls the last operations made."""
    last = connection.scalar(select(func.max(operations.c.sequence))) or 0
    acted = (
        select(operations.c.act_as_user_id)
        .distinct()
        .where(operations.c.sequence > last - _LATEST, operations.c.act_as_user_id.is_not(None))
    )
    names = {digest(api_key, None): "own"}
    names |= {digest(api_key, str(user)): str(user) for user in connection.scalars(acted)}
    if acting_user is not None:
        names[digest(api_key, acting_user)] = acting_user
    return names
