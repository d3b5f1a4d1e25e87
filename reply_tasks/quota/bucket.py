"""The log of calls in the ledger's database, as a bucket of pyrate-limiter.

One row a grant, not one a call: each holds the running total of the user's calls, so that counting
a window and finding the call that blocks it are look-ups in an index however many calls there are.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

from pyrate_limiter import AbstractBucket, Decision, Rate, RateItem, SlidingWindowLog
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from reply_tasks.quota.windows import Ceiling

#: Any fixed number: in PostgreSQL, whoever holds it decides alone. One for all users, so that
#: transactions which take for several users can't wait for each other in a circle.
QUOTA_LOCK = 7_236_214_002

metadata = MetaData()
BIG = BigInteger().with_variant(Integer, "sqlite")

calls = Table(
    "quota_calls",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("total", BIG, primary_key=True, autoincrement=False),  # calls of this user so far
    Column("calls", Integer, nullable=False),
    Column("at_ms", BIG, nullable=False),
    Index("quota_calls_by_time", "digest", "at_ms", "total"),
    sqlite_with_rowid=False,
)

#: What Reply told us to keep: a pause (``Retry-After``), and a ceiling (``Ceiling``, by column).
pauses = Table(
    "quota_pauses",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("paused_until_ms", BIG, nullable=False, server_default="0"),
    Column("remaining", BIG),
    Column("reset_ms", BIG),
    Column("base", BIG),
    Column("in_flight", BIG),
    Column("until_ms", BIG),
)


def create_tables(connection: Connection) -> None:
    """Make the tables where they are missing, in a write transaction of the caller's."""
    lock(connection)
    metadata.create_all(connection)


def lock(connection: Connection) -> None:
    """Let nobody else decide until this transaction ends; a write of SQLite's is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)


@dataclass(frozen=True, slots=True)
class Told:
    """What Reply told us about one user."""

    paused_until_ms: int = 0
    ceiling: Ceiling | None = None


class CallLog(AbstractBucket):
    """One user's calls, within one transaction and at one instant.

    Not made through ``AbstractBucket.rates``, whose setter refuses pairs that are fine here, such
    as 100 a minute with 6,000 an hour.
    """

    is_async = False
    _algorithm = SlidingWindowLog()

    def __init__(
        self, connection: Connection, digest: str, rates: Sequence[Rate], now_ms: int
    ) -> None:
        self._connection = connection
        self.digest = digest
        self._rates = list(rates)
        self.now_ms = now_ms
        self._read()

    def _read(self) -> None:
        """Fetch everything that a decision needs, in one statement."""
        starts = {
            f"start_{index}": self._algorithm.window_start(rate, self.now_ms)
            for index, rate in enumerate(self._rates)
        }
        row: Sequence[Any] = self._connection.execute(
            _state(len(self._rates)), {"of": self.digest, **starts}
        ).one()
        total, last_ms, paused_until_ms, remaining, *rest = row
        self.total: int = total or 0
        self.last_ms: int = last_ms or 0
        ceiling = None if remaining is None else Ceiling(remaining, *rest[:4])
        self.told = Told(paused_until_ms or 0, ceiling)
        self.counts = [0 if before is None else self.total - before for before in rest[4:]]

    def rewind(self) -> None:
        """Make calls that lie in the future happen now: the clock was put back.

        So that a clock that was wrong for a while costs one window at most.
        """
        if self.last_ms > self.now_ms:
            self._connection.execute(_REWIND, {"of": self.digest, "now": self.now_ms})
            self._read()

    def now(self) -> int:
        """The instant of this log."""
        return self.now_ms

    @property
    def room(self) -> int:
        """How many more calls fit into every window."""
        return max(
            min(rate.limit - count for rate, count in zip(self._rates, self.counts, strict=True)), 0
        )

    @property
    def said_room(self) -> int | None:
        """How many more calls Reply's own word allows; None when it says nothing."""
        ceiling = self.told.ceiling
        return None if ceiling is None else ceiling.room(self.total, self.now_ms)

    def put(self, item: RateItem) -> bool:
        """Add calls, if all of them fit."""
        decision = self._algorithm.decide(
            self._rates, self.counts, item.weight, item.timestamp, self._peek_ms
        )
        if not self._record(item, decision):
            return False
        if item.weight:
            self.total += item.weight
            self.counts = [count + item.weight for count in self.counts]
            self._connection.execute(
                _INSERT,
                {
                    "digest": self.digest,
                    "total": self.total,
                    "calls": item.weight,
                    "at_ms": item.timestamp,
                },
            )
        return True

    def one_more(self, index: int) -> Decision:
        """Whether one more call fits into the window at ``index``, and when it will."""
        return self._algorithm.decide(
            [self._rates[index]], [self.counts[index]], 1, self.now_ms, self._peek_ms
        )

    def oldest_ms(self, index: int) -> int | None:
        """When the oldest call in the window at ``index`` was made."""
        count = self.counts[index]
        return self._peek_ms(count - 1) if count else None

    def _peek_ms(self, offset: int) -> int | None:
        at_ms: int | None = self._connection.scalar(
            _PEEK, {"of": self.digest, "place": self.total - offset}
        )
        return at_ms

    def peek(self, index: int) -> RateItem | None:
        """The call at ``index``, counted from the latest."""
        at_ms = self._peek_ms(index)
        return None if at_ms is None else RateItem(self.digest, at_ms)

    def count(self) -> int:
        """How many calls the log holds."""
        return self._connection.scalar(_COUNT, {"of": self.digest}) or 0

    def leak(self, current_timestamp: int | None = None) -> int:
        """Forget the grants that no window counts any more; of all users, since some never return.

        A user's latest grant stays: it holds the running total.
        """
        now_ms = self.now_ms if current_timestamp is None else current_timestamp
        bound = self._algorithm.leak_bound(self._rates, now_ms)
        return self._connection.execute(_LEAK, {"bound": bound}).rowcount

    def flush(self) -> None:
        """Forget this user's calls."""
        self._connection.execute(_FLUSH, {"of": self.digest})
        self.failing_rate = None
        self._last_wait = None
        self._read()

    def tell(self, told: Told) -> None:
        """Write down what Reply told us."""
        ceiling = asdict(told.ceiling) if told.ceiling is not None else _NO_CEILING
        values = {"of": self.digest, "paused": told.paused_until_ms, **ceiling}
        if not self._connection.execute(_TELL, values).rowcount:
            self._connection.execute(_TELL_FIRST, values)
        self.told = told


@cache
def _state(windows: int) -> Select[Any]:
    """Everything a decision needs: the total, the latest call, what we were told, each window."""
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
    told = (
        pauses.c.paused_until_ms,
        pauses.c.remaining,
        pauses.c.reset_ms,
        pauses.c.base,
        pauses.c.in_flight,
        pauses.c.until_ms,
    )
    return select(*last, *told, *before).select_from(
        user.outerjoin(pauses, pauses.c.digest == user.c.digest)
    )


_OF: BindParameter[str] = bindparam("of", type_=String)
_LOCK = select(func.pg_advisory_xact_lock(literal(QUOTA_LOCK, BigInteger)))
_INSERT = insert(calls)
_PEEK = (
    select(calls.c.at_ms)
    .where(
        calls.c.digest == _OF,
        calls.c.total >= bindparam("place"),
        calls.c.total - calls.c.calls < bindparam("place"),
    )
    .order_by(calls.c.total)
    .limit(1)
)
_COUNT = select(func.sum(calls.c.calls)).where(calls.c.digest == _OF)
_REWIND = (
    update(calls)
    .where(calls.c.digest == _OF, calls.c.at_ms > bindparam("now"))
    .values(at_ms=bindparam("now"))
)
_FLUSH = delete(calls).where(calls.c.digest == _OF)
_NO_CEILING: dict[str, int | None] = {field.name: None for field in fields(Ceiling)}
_WORD: dict[str, Any] = {name: bindparam(name) for name in _NO_CEILING}
_WORD["paused_until_ms"] = bindparam("paused")
_TELL = update(pauses).where(pauses.c.digest == _OF).values(_WORD)
_TELL_FIRST = insert(pauses).values({"digest": _OF, **_WORD})
_LATER = calls.alias("later")
_LEAK = delete(calls).where(
    calls.c.at_ms < bindparam("bound"),
    select(text("1"))
    .where(_LATER.c.digest == calls.c.digest, _LATER.c.total > calls.c.total)
    .correlate(calls)
    .exists(),
)
