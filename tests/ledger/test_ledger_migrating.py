"""A ledger of the first version is upgraded in place, and everything in it still counts.

Its tables are what that version's code made, its rows one of each state that it knew.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from entries import entry
from ledger_rows import settle_all, settlement
from sqlalchemy import Engine, create_engine, inspect, select

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import Ledger, open_engine
from reply_tasks.ledger.approved import approved_operations
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import approve
from reply_tasks.ledger.identity import position
from reply_tasks.ledger.orphans import take_over_orphans
from reply_tasks.ledger.pruning import prune
from reply_tasks.ledger.queries import (
    finished_runs,
    known_tasks,
    settled_operations,
    uncertain_claims,
)
from reply_tasks.ledger.runs import close_dead_runs
from reply_tasks.ledger.tables import identity
from reply_tasks.ledger.verdicts import Verdict, known_verdicts, remember_verdicts

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


@pytest.mark.parametrize("counted", [True, False], ids=["counted calls", "counted none"])
def test_an_upgraded_ledger_has_the_tables_of_a_fresh_one(
    old_ledger_url: str, tmp_path: Path, request: pytest.FixtureRequest, *, counted: bool
) -> None:
    """Every table, column, default, key and index: what runs on the one runs on the other.

    The first version made the quota's tables when it counted its first call.
    """
    if not counted:
        engine = create_engine(old_ledger_url)
        with engine.begin() as connection:
            for name in ("quota_calls", "quota_pauses"):
                connection.exec_driver_sql(f"DROP TABLE {name}")
        engine.dispose()
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
            settled = settled_operations(connection, after=0)
            assert [(row["task_id"], row["outcome"], row["reason"]) for row in settled] == [
                (1, "applied", None),
                (3, "applied", None),
                (1, "unchanged", None),
                (1, "superseded", None),
                (None, "rejected", "invalid_record"),
                (4, "uncertain", None),
            ]
            known = known_tasks(connection, [1, 3, 4])
            assert known[1].body_hash == "digest"
            executions = [known[task_id].execution for task_id in (3, 4)]
            assert [each and each.outcome for each in executions] == ["applied", "uncertain"]
            (doubt,) = uncertain_claims(connection)
            assert (doubt.entry.record, doubt.attempts[0].error) == ({"id": 4}, "timeout")
            assert [row["crashed"] for row in finished_runs(connection, after=0)] == [False, True]
            assert connection.scalar(select(identity.c.api_origin)) == "https://api.reply.io"


def test_an_upgraded_ledger_holds_remembers_and_prunes(old_ledger_url: str) -> None:
    """What came with later versions works on it, and what it held before counts in it."""
    held = entry(5)
    with Ledger.open(old_ledger_url) as ledger:
        settle_all(ledger, settlement(held, Outcome.HELD, claimed=False))
        with ledger.write() as connection:
            (shown,) = held_operations(connection)
            record, at = shown.claim.entry.record, datetime.now(UTC)
            assert approve(connection, shown, record=record, by="ann", at=at)
        with ledger.write() as connection:
            refused = Verdict(
                "k", held.operation_id, 6, Outcome.REJECTED, None, None, asked=True, at=at
            )
            remember_verdicts(connection, [refused])
            assert known_verdicts(connection, ["k"]) == {"k": refused}
        pruned = prune(ledger.engine, before=datetime.now(UTC))
        assert (pruned.operations, pruned.runs) == (3, 1)
        with ledger.read() as connection:
            left = [row["task_id"] for row in settled_operations(connection, after=0)]
            assert left == [1, 3, 4, 5]
            assert known_tasks(connection, [3])[3].execution is not None
            assert [each.entry.task_id for each in approved_operations(connection)] == [5]


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
                column["name"]: (
                    _kind(str(column["type"])),
                    column["nullable"],
                    _default(column["default"]),
                )
                for column in look.get_columns(table)
            },
            look.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (
                    str(index["name"]),
                    tuple(index["column_names"]),
                    bool(index["unique"]),
                    " ".join(
                        str(index["dialect_options"].get(f"{look.dialect.name}_where")).split()
                    ),
                )
                for index in look.get_indexes(table)
            ),
        )
        for table in look.get_table_names()
    }


def _kind(sql_type: str) -> str:
    """The type as the database treats it: SQLite's whole numbers are all of one kind."""
    return {"BIGINT": "INTEGER", "TEXT": "VARCHAR"}.get(sql_type, sql_type.partition("(")[0])


def _default(value: str | None) -> str | None:
    """A default without the cast and the quotes that a database may write around it."""
    return None if value is None else value.partition("::")[0].strip("'")
