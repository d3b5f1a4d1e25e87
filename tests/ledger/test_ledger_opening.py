"""Opening a ledger: made or brought up to date, private, durable, and its errors tell no secret."""

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from entries import entry
from ledger_rows import claim_all, row_of, settle_all, settlement
from sqlalchemy import Connection, Engine, MetaData, inspect, select, text

from reply_tasks.ledger import Ledger, LedgerError, database, open_engine
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.migrations import MIGRATIONS
from reply_tasks.ledger.tables import metadata, migrations

PASSWORD = "hunter2-correct-horse"


def test_a_fresh_ledger_has_every_table_and_every_migration(ledger_url: str) -> None:
    """It is made as a whole: nothing is left to migrate."""
    engine = open_engine(ledger_url)
    assert set(metadata.tables) <= set(inspect(engine).get_table_names())
    assert _done(engine) == set(MIGRATIONS)
    engine.dispose()


def test_opening_again_changes_nothing(ledger_url: str) -> None:
    """What is in it stays."""
    with Ledger.open(ledger_url) as ledger:
        kept = entry(1)
        claim_all(ledger, kept)
        settle_all(ledger, settlement(kept))
    with Ledger.open(ledger_url) as ledger:
        assert row_of(ledger.engine, kept).sequence == 1
        assert _done(ledger.engine) == set(MIGRATIONS)


def test_an_older_ledger_runs_just_what_it_has_not_run(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each migration once, in order; a fresh ledger needs none of them."""
    open_engine(ledger_url).dispose()
    ran: list[str] = []

    def step(name: str) -> Any:
        def migrate(connection: Connection) -> None:
            connection.execute(text(f"ALTER TABLE runs ADD COLUMN {name} INTEGER"))
            ran.append(name)

        return migrate

    newer = {**MIGRATIONS, "9001_first": step("first"), "9002_second": step("second")}
    _know(monkeypatch, newer)
    for _ in range(2):
        open_engine(ledger_url).dispose()
    assert ran == ["first", "second"]
    engine = open_engine(ledger_url)
    assert {"first", "second"} <= {col["name"] for col in inspect(engine).get_columns("runs")}
    engine.dispose()


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing, and the next opening tries again."""
    open_engine(ledger_url).dispose()

    def half(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE runs ADD COLUMN half INTEGER"))
        connection.execute(text("ALTER TABLE no_such_table ADD COLUMN half INTEGER"))

    _know(monkeypatch, {**MIGRATIONS, "9001_half": half})
    with pytest.raises(LedgerError, match="no_such_table"):
        open_engine(ledger_url)
    monkeypatch.undo()
    engine = open_engine(ledger_url)
    assert "half" not in {col["name"] for col in inspect(engine).get_columns("runs")}
    engine.dispose()


def test_a_fresh_ledger_is_made_whole_where_others_migrate(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are made as they stand now: to migrate them again would fail."""

    def never(_connection: Connection) -> None:
        raise AssertionError("a fresh ledger is not migrated")

    _know(monkeypatch, {**MIGRATIONS, "9001_never": never})
    engine = open_engine(ledger_url)
    assert _done(engine) == {*MIGRATIONS, "9001_never"}
    engine.dispose()


def test_a_ledger_of_a_newer_version_is_refused(ledger_url: str) -> None:
    """What it does not know it does not touch."""
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        row = {"name": "9999_from_the_future", "applied_at": text("CURRENT_TIMESTAMP")}
        connection.execute(migrations.insert().values(row))
    engine.dispose()
    with pytest.raises(LedgerError, match=r"newer version.*9999_from_the_future.*upgrade"):
        open_engine(ledger_url)


@pytest.mark.e2e
def test_processes_that_open_a_fresh_ledger_at_once_all_get_it(ledger_url: str) -> None:
    """One makes it, the others find it."""
    code = "import sys; from reply_tasks.ledger import Ledger; Ledger.open(sys.argv[1])"
    command = [sys.executable, "-c", code, ledger_url]
    with ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(command)) for _ in range(4)]
        assert [process.wait(30) for process in processes] == [0] * 4
    engine = open_engine(ledger_url)
    assert _done(engine) == set(MIGRATIONS)
    engine.dispose()


def test_a_ledger_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It and its side files hold the texts of emails, whatever the umask is."""
    before = os.umask(0)
    try:
        with (
            Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger,
            ledger.read() as reading,
        ):
            reading.execute(select(migrations.c.name))
            claim_all(ledger, entry(1))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_readers_of_a_ledger_file_never_wait_for_its_writer(tmp_path: Path) -> None:
    """The file is in WAL mode, and a commit waits for the disk where it is worth it."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for durable, level in ((True, 2), (False, 1), (True, 2)):
            with ledger.write(durable=durable) as connection:
                pragma = connection.exec_driver_sql
                assert pragma("PRAGMA synchronous").scalar_one() == level
                assert pragma("PRAGMA journal_mode").scalar_one() == "wal"
                with ledger.read() as reading:
                    assert reading.execute(select(migrations.c.name)).all()
        with ledger.session() as transaction:
            for durable, level in ((False, 1), (True, 2)):
                with transaction(durable=durable) as connection:
                    assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == level


def test_a_commit_on_postgresql_waits_for_the_disk_where_it_is_worth_it(postgres_url: str) -> None:
    """And only there; the choice ends with its transaction."""
    with Ledger.open(postgres_url) as ledger, ledger.session() as transaction:
        for durable, setting in ((False, "off"), (True, "on")):
            with transaction(durable=durable) as connection:
                shown = connection.execute(text("SHOW synchronous_commit")).scalar_one()
                assert shown == setting


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not a SQLAlchemy URL"),
        (f"mysql://me:{PASSWORD}@host/db", "SQLite or PostgreSQL"),
        (f"postgresql+nonsense://me:{PASSWORD}@host/db", "not a SQLAlchemy URL"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/db", "can't be opened"),
        (
            f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:1/db",
            r"at postgresql\+psycopg://127.0.0.1:1/db",
        ),
        (f"postgresql://127.0.0.1:1/db?user=me&password={PASSWORD}", "can't be opened"),
        (f"postgresql://me:p@{PASSWORD}@127.0.0.1:1/db", "more than one @"),
        (f"postgresql://me:{PASSWORD}", "not a SQLAlchemy URL"),
        (f"postgresql://127.0.0.1:1/db?pasword={PASSWORD}", "can't be opened"),
        (f"postgresql://127.0.0.1/db?port=x&sslpassword={PASSWORD}", "can't be used"),
        ("sqlite:////no/such/folder/ledger.db", "folder /no/such/folder does not exist"),
        ("sqlite:////dev", "is a folder"),
    ],
)
def test_a_ledger_that_cannot_be_opened_says_why_and_tells_no_password(url: str, told: str) -> None:
    """One line that names what to change."""
    with pytest.raises(LedgerError, match=told) as refused:
        open_engine(url)
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_refused_password_is_not_told(postgres_url: str) -> None:
    """Neither by us nor in what the server said."""
    url = postgres_url.replace("postgres@", f"nobody:{PASSWORD}@")
    with pytest.raises(LedgerError, match="nobody") as refused:
        open_engine(url)
    assert PASSWORD not in str(refused.value)


def test_a_refused_transaction_tells_neither_statement_nor_values(ledger: Ledger) -> None:
    """What a database says of a row may quote the row: only its first line is told."""
    claimed = entry(1, record={"id": 1, "body": PASSWORD}, external_id="one")
    claim_all(ledger, claimed)
    with pytest.raises(LedgerError, match="did not take a transaction") as refused:
        settle_all(ledger, settlement(claimed, claimed=False))
    assert PASSWORD not in str(refused.value)
    assert "INSERT" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    """A wrong path costs nobody a file."""
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, and long enough to be looked at. " * 40)
    with pytest.raises(LedgerError, match="not a database"):
        open_engine(f"sqlite:///{path}")
    assert path.read_text().startswith("Not a database")


def test_a_ledger_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    """Who only reads leaves no empty file behind."""
    with pytest.raises(LedgerError, match="There is no ledger at"):
        open_engine(f"sqlite:///{tmp_path}/ledger.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_in_memory_works_for_one_process() -> None:
    """It is for tests and trials."""
    with Ledger.open("sqlite://") as ledger:
        assert len(claim_all(ledger, entry(1))) == 1


def test_every_table_of_the_ledger_belongs_to_one_schema() -> None:
    """A table that is defined elsewhere would not be made with the others."""
    assert isinstance(metadata, MetaData)
    assert {"operations", "runs", "tasks", "holders", "sequences"} <= set(metadata.tables)


def _done(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(migrations.c.name)))


def _know(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, Any]) -> None:
    monkeypatch.setattr(database, "MIGRATIONS", known)
