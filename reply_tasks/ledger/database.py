"""Opens the ledger's database, a SQLite file or PostgreSQL, and brings its tables up to date."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool, StaticPool

from reply_tasks.ledger import quota_tables  # noqa: F401 - makes them known to the metadata
from reply_tasks.ledger.errors import (
    LedgerAwayError,
    LedgerError,
    MissingLedgerError,
    OlderLedgerError,
)
from reply_tasks.ledger.files import LedgerFile, private_file
from reply_tasks.ledger.json_text import dump_json
from reply_tasks.ledger.migrations import MIGRATIONS, identify
from reply_tasks.ledger.tables import COUNTERS, metadata, migrations, sequences
from reply_tasks.ledger.urls import cause, shown, usable

#: Any fixed number: it keeps two processes from migrating one PostgreSQL ledger at once.
MIGRATION_LOCK = 7_236_214_001
#: How long a writer waits for another process's transaction.
BUSY_SECONDS = 10
#: The connections of one process: the engine's, the lease's, and two for whoever else needs one,
#: who waits for it.
_POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
#: What a server that stands still or went away may cost before it is noticed; a run is told to stop
#: with 25 seconds' notice. A name in ``ledger_url``'s query wins.
_POSTGRES_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}
_POSTGRES_SESSION = (
    f"SET lock_timeout = '{BUSY_SECONDS}s'",
    "SET statement_timeout = '20s'",
    "SET idle_in_transaction_session_timeout = '60s'",
)
#: What PostgreSQL says when it stops, starts, has no room, or a lock was not to be had in time. In
#: each case the transaction was not made, unless its commit was under way.
_AWAY_STATES = frozenset({"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53300"})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

__all__ = [
    "LedgerAwayError",
    "LedgerError",
    "MissingLedgerError",
    "OlderLedgerError",
    "cause",
    "clear_errors",
    "clock",
    "open_engine",
    "shown",
    "writing",
    "writing_on",
]


def open_engine(ledger_url: str, *, create: bool = True, migrate: bool = True) -> Engine:
    """An engine on a ledger whose tables are up to date.

    Args:
        ledger_url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://…``.
        create: Make the ledger where there is none; otherwise its absence is an error.
        migrate: Upgrade a ledger that an older version wrote; otherwise that is an error.

    Raises:
        LedgerError: The URL is not usable, the database does not answer, or it is of a newer
            version.
    """
    url = usable(ledger_url)
    try:
        engine = (
            _sqlite_engine(url, create=create)
            if url.get_backend_name() == "sqlite"
            else _postgres_engine(url)
        )
    except (SQLAlchemyError, ValueError) as error:
        raise LedgerError(f"ledger_url can't be used: {cause(error)}") from None
    try:
        missing = _missing_migrations(engine)
        _refuse_absent(missing, url, create=create, migrate=migrate)
        if missing:
            _migrate(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise LedgerError(f"The ledger at {shown(url)} can't be opened: {cause(error)}") from None
    except LedgerError:
        engine.dispose()
        raise
    return engine


def _postgres_engine(url: URL) -> Engine:
    given = {name: value for name, value in _POSTGRES_CONNECTION.items() if name not in url.query}
    engine = create_engine(
        url,
        json_serializer=dump_json,
        isolation_level="READ COMMITTED",  # whatever the database's default is
        pool_pre_ping=True,
        connect_args=given,
        **_POOL,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's
        for statement in _POSTGRES_SESSION:
            connection.execute(statement)
        connection.commit()

    return engine


def _sqlite_engine(url: URL, *, create: bool) -> Engine:
    in_memory = not url.database or url.database == ":memory:"
    options: dict[str, Any] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    file = None
    if in_memory:
        engine = create_engine(
            url, json_serializer=dump_json, poolclass=StaticPool, connect_args=options
        )
    else:
        private_file(Path(str(url.database)), create=create)
        file = LedgerFile.of(url)
        # rw: SQLite itself would make a file that anybody may read.
        place = f"file:{quote(str(Path(str(url.database)).absolute()))}?mode=rw"
        engine = create_engine(
            url,
            json_serializer=dump_json,
            creator=lambda: sqlite3.connect(place, uri=True, **options),
            poolclass=QueuePool,
            **_POOL,
        )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        if create:  # it stays with the file, and one that is not a ledger must stay as it is
            if in_memory or not Path(str(url.database)).stat().st_size:
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-1024")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if file is not None:
            file.check()
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: Engine, *, durable: bool = True) -> Iterator[Connection]:
    """A write transaction.

    Args:
        engine: The ledger's engine.
        durable: Whether the commit must survive a loss of power. A commit that is not durable
            still survives the end of the process.
    """
    with engine.connect() as connection, writing_on(connection, durable=durable):
        yield connection


@contextmanager
def writing_on(connection: Connection, *, durable: bool) -> Iterator[None]:
    """A write transaction on a connection that the caller keeps open."""
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
        connection.execution_options(writes=True)
    with connection.begin():
        if connection.dialect.name == "postgresql" and not durable:
            connection.execute(text("SET LOCAL synchronous_commit TO OFF"))
        yield


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what the database raises into one clear line.

    Raises:
        LedgerAwayError: The database is away or busy.
        LedgerError: It refused.
    """
    try:
        yield
    except SQLAlchemyError as error:
        kind = LedgerAwayError if _is_away(error) else LedgerError
        raise kind(f"The ledger did not take a transaction: {cause(error)}") from error


def _is_away(error: SQLAlchemyError) -> bool:
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # it came from no server: there is no connection
        return isinstance(error, OperationalError)
    return state in _AWAY_STATES or state.startswith("08")


def clock(connection: Connection) -> datetime:
    """The ledger's own time, UTC: the one clock that several hosts share."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)


def _missing_migrations(engine: Engine) -> list[str]:
    """The migrations that a database lacks: all if it is no ledger yet. Waits for no writer."""
    with engine.connect() as connection:
        if not connection.dialect.has_table(connection, migrations.name):
            return [*MIGRATIONS]
        done = set(connection.scalars(select(migrations.c.name)))
    _refuse_newer(done)
    return [name for name in MIGRATIONS if name not in done]


def _refuse_absent(missing: list[str], url: URL, *, create: bool, migrate: bool) -> None:
    if missing == [*MIGRATIONS] and not create:
        raise MissingLedgerError(f"There is no ledger in {shown(url)}.")
    if missing and not migrate:
        raise OlderLedgerError(
            f"The ledger in {shown(url)} is of an older version: the next run of the target "
            "upgrades it in place."
        )


def _refuse_newer(done: Collection[str]) -> None:
    unknown = set(done) - set(MIGRATIONS)
    if unknown:
        raise LedgerError(
            f"A newer version of reply-tasks wrote this ledger ({min(unknown)}): upgrade."
        )


def _migrate(engine: Engine) -> None:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        fresh = not connection.dialect.has_table(connection, migrations.name)
        if fresh:
            metadata.create_all(connection)
            connection.execute(
                insert(sequences),
                [{"name": name, "value": 0} for name in COUNTERS],
            )
            identify(connection)
        done = set(connection.scalars(select(migrations.c.name)))
        _refuse_newer(done)
        for name, migrate in MIGRATIONS.items():
            if name not in done:
                if not fresh:
                    migrate(connection)
                connection.execute(
                    insert(migrations), {"name": name, "applied_at": datetime.now(UTC)}
                )
