"""A ledger of the first version is upgraded in place, and everything in it still counts."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, select

from reply_tasks.ledger import Ledger, open_engine
from reply_tasks.ledger.claims import take_over_orphans
from reply_tasks.ledger.identity import position
from reply_tasks.ledger.queries import finished_runs, known_tasks, settled_operations
from reply_tasks.ledger.runs import close_dead_runs
from reply_tasks.ledger.tables import identity

SAMPLES = Path(__file__).parent / "samples"
API = "https://api.reply.io/v3"


@pytest.fixture
def old_ledger_url(ledger_url: str) -> str:
    """A ledger as the first version left it."""
    engine = create_engine(ledger_url)
    try:
        files = (f"first_version.{engine.dialect.name}.sql", "first_version.rows.sql")
        with engine.begin() as connection:
            for name in files:
                for statement in (SAMPLES / name).read_text().split(";\n"):
                    if statement.strip():
                        connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
    return ledger_url


def test_an_upgraded_ledger_has_the_tables_of_a_fresh_one(
    old_ledger_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every table, column, type and key: what runs on the one runs on the other."""
    upgraded = open_engine(old_ledger_url)
    if upgraded.dialect.name == "sqlite":
        fresh = open_engine(f"sqlite:///{tmp_path}/fresh.db")
    else:
        server = request.getfixturevalue("postgres_server")
        server.run("CREATE DATABASE fresh_ledger")
        fresh = open_engine(server.url("fresh_ledger"))
    try:
        shape, expected = _shape(upgraded), _shape(fresh)
        assert shape == expected
    finally:
        upgraded.dispose()
        fresh.dispose()
        if upgraded.dialect.name == "postgresql":
            server.run("DROP DATABASE fresh_ledger WITH (FORCE)")


def test_what_an_upgraded_ledger_knows_still_counts(old_ledger_url: str) -> None:
    """Settled rows, tasks and the claim of a dead run: nothing is forgotten or sent again."""
    with Ledger.open(old_ledger_url, api_url=API) as ledger:
        with ledger.write() as writing:
            (claim,) = take_over_orphans(writing, holder=ledger.holder, run_id=None)
            assert (claim.entry.task_id, claim.entry.record) == (2, {"id": 2})
            assert close_dead_runs(writing, seen_from=ledger.holder.host) == ["1" * 32]
        with ledger.read() as connection:
            assert [row["task_id"] for row in settled_operations(connection, after=0)] == [1]
            assert known_tasks(connection, [1])[1].body_hash == "digest"
            assert [row["crashed"] for row in finished_runs(connection, after=0)] == [False, True]
            assert connection.scalar(select(identity.c.api_origin)) == "https://api.reply.io"


def test_an_upgraded_ledger_keeps_the_id_that_it_got(old_ledger_url: str) -> None:
    """Every bookmark names it from then on."""
    ids = set()
    for _ in range(2):
        engine = open_engine(old_ledger_url)
        with engine.connect() as connection:
            ids.add(position(connection).edition.ledger_id)
        engine.dispose()
    assert len(ids) == 1


def _shape(engine: Engine) -> dict[str, object]:
    look = inspect(engine)
    return {
        table: (
            {
                column["name"]: (_kind(str(column["type"])), column["nullable"])
                for column in look.get_columns(table)
            },
            look.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (str(index["name"]), tuple(index["column_names"]), bool(index["unique"]))
                for index in look.get_indexes(table)
            ),
        )
        for table in look.get_table_names()
    }


def _kind(sql_type: str) -> str:
    """The type as the database treats it: SQLite's whole numbers are all of one kind."""
    return {"BIGINT": "INTEGER", "TEXT": "VARCHAR"}.get(sql_type, sql_type.partition("(")[0])
