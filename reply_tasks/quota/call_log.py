"""The log of one user's calls in the ledger's database, and what Reply limits us of that user.

One row a grant, not one a call: each holds the running total of the user's calls, so that counting
a window and finding the call that blocks it are look-ups in an index however many calls there are.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Select,
    String,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from reply_tasks.ledger.quota_tables import quota_calls as calls
from reply_tasks.ledger.quota_tables import quota_pauses as pauses
from reply_tasks.quota.refusals import Refusals
from reply_tasks.quota.windows import HOUR_MS, SLACK_MS, Ceiling, Window

#: Any fixed number: in PostgreSQL, whoever holds it decides alone. One for all users, so that
#: transactions which take for several users can't wait for each other in a circle.
QUOTA_LOCK = 7_236_214_002

#: No window of any process on this ledger counts calls that are older.
FORGOTTEN_MS = HOUR_MS + SLACK_MS


def lock(connection: Connection) -> None:
    """Let nobody else decide until this transaction ends; a write of SQLite's is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """What Reply has said of one user's calls."""

    refusals: Refusals
    ceiling: Ceiling | None = None


class CallLog:
    """One user's calls, within one transaction and at one instant.

    Attributes:
        now_ms: The instant.
        total: How many calls the user has made so far.
        counts: How many of them each window counts.
        limits: What Reply has said of them.
    """

    def __init__(
        self, connection: Connection, digest: str, windows: Sequence[Window], now_ms: int
    ) -> None:
        self._connection = connection
        self._digest = digest
        self._windows = windows
        self.now_ms = now_ms
        self._read()

    def _read(self) -> None:
        """Fetch everything that a decision needs, in one statement."""
        starts = {
            f"start_{index}": window.starts_ms(self.now_ms)
            for index, window in enumerate(self._windows)
        }
        row: Sequence[Any] = self._connection.execute(
            _state(len(self._windows)), {"of": self._digest, **starts}
        ).one()
        total, last_ms = row[:2]
        before = row[2 + len(_LIMITS) :]
        self.total: int = total or 0
        self._last_ms: int = last_ms or 0
        self.limits = _limits_of(self.now_ms, *row[2 : 2 + len(_LIMITS)])
        self.counts = [0 if each is None else self.total - each for each in before]

    def rewind(self) -> None:
        """Make calls and pauses that lie in the future begin now: the clock was put back.

        So that a clock that was wrong for a while costs one window at most.
        """
        if self._last_ms > self.now_ms:
            self._connection.execute(_REWIND, {"of": self._digest, "now": self.now_ms})
            self._read()
        self.note_limits(refusals=self.limits.refusals.rewound(self.now_ms))

    @property
    def room(self) -> int:
        """How many more calls fit into every window."""
        pairs = zip(self._windows, self.counts, strict=True)
        return max(min(window.limit - count for window, count in pairs), 0)

    @property
    def room_by_reply(self) -> int | None:
        """How many more calls Reply's own word allows; None when it says nothing."""
        ceiling = self.limits.ceiling
        return None if ceiling is None else ceiling.room(self.total, self.now_ms)

    def add(self, granted: int) -> None:
        """Calls leave now."""
        self.total += granted
        self.counts = [count + granted for count in self.counts]
        self._connection.execute(
            _INSERT,
            {
                "digest": self._digest,
                "total": self.total,
                "calls": granted,
                "at_ms": self.now_ms,
            },
        )

    def wait_ms(self, index: int) -> int:
        """Milliseconds until one more call fits into the window at ``index``; 0: it does now."""
        window = self._windows[index]
        if self.counts[index] < window.limit:
            return 0
        return window.frees_ms(self._made_ms(self.total - window.limit + 1)) - self.now_ms

    def frees_ms(self, index: int) -> int | None:
        """When the oldest call in the window at ``index`` leaves it; None if it holds none."""
        count = self.counts[index]
        if not count:
            return None
        return self._windows[index].frees_ms(self._made_ms(self.total - count + 1))

    def _made_ms(self, place: int) -> int:
        """When the call with this running number was made."""
        made: int = self._connection.execute(
            _MADE, {"of": self._digest, "place": place}
        ).scalar_one()
        return made

    def note_limits(
        self, *, refusals: Refusals | None = None, ceiling: Ceiling | None = None
    ) -> None:
        """Write down what Reply has said, where it is new."""
        limits = ReplyLimits(refusals or self.limits.refusals, ceiling or self.limits.ceiling)
        if limits == self.limits:
            return
        values = {"of": self._digest, **_limit_columns(limits)}
        if not self._connection.execute(_UPDATE_LIMITS, values).rowcount:
            self._connection.execute(_INSERT_LIMITS, values)
        self.limits = limits


def forget_old_calls(connection: Connection, now_ms: int) -> int:
    """Delete the grants that no window counts any more; of all users, since some never return.

    A user's latest grant stays: it holds the running total.
    """
    return connection.execute(_FORGET, {"bound": now_ms - FORGOTTEN_MS}).rowcount


_LIMITS = (
    pauses.c.refused,
    pauses.c.refused_since_ms,
    pauses.c.paused_until_ms,
    pauses.c.probe_until_ms,
    pauses.c.remaining,
    pauses.c.reset_ms,
    pauses.c.base,
    pauses.c.in_flight,
    pauses.c.until_ms,
)


def _limits_of(now_ms: int, *row: Any) -> ReplyLimits:  # noqa: ANN401 - ``_LIMITS``, null without a row
    refusals = Refusals(*(value or 0 for value in row[:4])).as_of(now_ms)
    return ReplyLimits(refusals, None if row[4] is None else Ceiling(*row[4:]))


def _limit_columns(limits: ReplyLimits) -> dict[str, int | None]:
    """What Reply has said, by column."""
    ceiling = _NO_CEILING if limits.ceiling is None else asdict(limits.ceiling)
    return {
        "refused": limits.refusals.count,
        "refused_since_ms": limits.refusals.since_ms,
        "paused_until_ms": limits.refusals.paused_until_ms,
        "probe_until_ms": limits.refusals.probe_until_ms,
        **ceiling,
    }


@cache
def _state(windows: int) -> Select[Any]:
    """Everything a decision needs: the total, the latest call, what we were limits, each window."""
    user = select(bindparam("of").label("digest")).subquery()
    latest = calls.c.digest == bindparam("of")
    last = [
        select(column).where(latest).order_by(calls.c.total.desc()).limit(1).scalar_subquery()
        for column in (calls.c.total, calls.c.at_ms)
    ]
    before = [
        select(calls.c.total - calls.c.calls)
        .where(calls.c.digest == bindparam("of"), calls.c.at_ms >= bindparam(f"start_{index}"))
        .order_by(calls.c.at_ms, calls.c.total)
        .limit(1)
        .scalar_subquery()
        for index in range(windows)
    ]
    return select(*last, *_LIMITS, *before).select_from(
        user.outerjoin(pauses, pauses.c.digest == user.c.digest)
    )


_OF: BindParameter[str] = bindparam("of", type_=String)
_LOCK = select(func.pg_advisory_xact_lock(literal(QUOTA_LOCK, BigInteger)))
_INSERT = insert(calls)
_MADE = (
    select(calls.c.at_ms)
    .where(calls.c.digest == _OF, calls.c.total >= bindparam("place"))
    .order_by(calls.c.total)
    .limit(1)
)
_REWIND = (
    update(calls)
    .where(calls.c.digest == _OF, calls.c.at_ms > bindparam("now"))
    .values(at_ms=bindparam("now"))
)
_NO_CEILING: dict[str, int | None] = {field.name: None for field in fields(Ceiling)}
_WORDS: dict[str, Any] = {column.name: bindparam(column.name) for column in _LIMITS}
_UPDATE_LIMITS = update(pauses).where(pauses.c.digest == _OF).values(_WORDS)
_INSERT_LIMITS = insert(pauses).values({"digest": _OF, **_WORDS})
_LATER = calls.alias("later")
_FORGET = delete(calls).where(
    calls.c.at_ms < bindparam("bound"),
    select(text("1"))
    .where(_LATER.c.digest == calls.c.digest, _LATER.c.total > calls.c.total)
    .correlate(calls)
    .exists(),
)
