"""Opens the ledger's database, a SQLite file or PostgreSQL, and brings its tables up to date."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from reply_tasks.ledger import quota_tables  # noqa: F401 - makes them known to the metadata
from reply_tasks.ledger.migrations import MIGRATIONS, identify
from reply_tasks.ledger.tables import dump_json, metadata, migrations, sequences

#: Any fixed number: it keeps two processes from migrating one PostgreSQL ledger at once.
MIGRATION_LOCK = 7_236_214_001
#: How long a writer waits for another process's transaction.
BUSY_SECONDS = 60


class LedgerError(Exception):
    """The ledger can't be opened or written. The message says what to do; it holds no secret."""


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
    url = _usable(ledger_url)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(url, create=create)
    else:
        engine = create_engine(
            url, json_serializer=dump_json, pool_pre_ping=True, pool_size=4, max_overflow=64
        )
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


def shown(url: URL) -> str:
    """The URL as a log may show it: without a password."""
    return url.render_as_string(hide_password=True)


def cause(error: SQLAlchemyError) -> str:
    """The first line of what the database said, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    return (str(origin).strip().splitlines() or [type(origin).__name__])[0][:300]


def _usable(ledger_url: str) -> URL:
    try:
        url = make_url(ledger_url)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise LedgerError(
            "ledger_url is not a SQLAlchemy URL of SQLite or PostgreSQL, e.g. "
            "sqlite:///reply_tasks.db or postgresql+psycopg://user:password@host/database"
        ) from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise LedgerError(
            f"ledger_url names {url.get_backend_name()}; a ledger is SQLite or PostgreSQL."
        )
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        try:
            import psycopg  # noqa: F401, PLC0415 - an extra: absent in a plain install
        except ImportError:
            raise LedgerError(
                "A PostgreSQL ledger needs psycopg: pip install 'reply-tasks[postgres]'"
            ) from None
    return url


def _sqlite_engine(url: URL, *, create: bool) -> Engine:
    in_memory = not url.database or url.database == ":memory:"
    if not in_memory:
        _private_file(Path(str(url.database)), create=create)
    engine = create_engine(
        url,
        json_serializer=dump_json,
        poolclass=StaticPool if in_memory else NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        if create:  # it stays with the file, and one that is no ledger must stay as it is
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-1024")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _private_file(path: Path, *, create: bool) -> None:
    """Make the file readable by its owner only; SQLite gives its side files the same mode."""
    if not path.exists():
        if not create:
            raise LedgerError(
                f"There is no ledger at {path}; the first run of the target makes it."
            )
        if not path.absolute().parent.is_dir():
            raise LedgerError(f"The ledger's folder {path.absolute().parent} does not exist.")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise LedgerError(f"The ledger {path} can't be made: {error.strerror}") from None
    elif path.is_dir():
        raise LedgerError(f"The ledger {path} is a folder, not a file.")


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


def clock(connection: Connection) -> datetime:
    """The ledger's own time, UTC: the one clock that several hosts share."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)


def _missing_migrations(engine: Engine) -> list[str]:
    """What the ledger lacks, all where it is none; found without waiting for a writer."""
    with engine.connect() as connection:
        if not connection.dialect.has_table(connection, migrations.name):
            return [*MIGRATIONS]
        done = set(connection.scalars(select(migrations.c.name)))
    _refuse_newer(done)
    return [name for name in MIGRATIONS if name not in done]


def _refuse_absent(missing: list[str], url: URL, *, create: bool, migrate: bool) -> None:
    if missing == [*MIGRATIONS] and not create:
        raise LedgerError(f"There is no ledger in {shown(url)}.")
    if missing and not migrate:
        raise LedgerError(
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
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        fresh = not connection.dialect.has_table(connection, migrations.name)
        if fresh:
            metadata.create_all(connection)
            connection.execute(
                insert(sequences),
                [{"name": "operations", "value": 0}, {"name": "runs", "value": 0}],
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
