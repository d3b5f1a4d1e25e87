"""A query that is prepared once gives what SQLAlchemy gives for it each time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from reply_tasks.ledger import Ledger
from reply_tasks.ledger.prepared import IDS, IDS_A_QUERY, Query
from reply_tasks.ledger.tables import lookups, sequences, verdicts

SINCE = datetime(2026, 11, 26, 8, 30, 15, 250_000, tzinfo=UTC)
#: One, so many that a statement is padded, and more than one statement takes.
SIZES = (1, 7, 100, IDS_A_QUERY, IDS_A_QUERY + 3)


def _fill(connection: Connection, many: int) -> None:
    connection.execute(
        insert(verdicts),
        [
            {
                "key": f"key {number} %s é",
                "operation_id": f"{number:032}",
                "task_id": None if number % 3 else number,
                "outcome": "rejected",
                "asked": bool(number % 2),
                "at": SINCE + timedelta(seconds=number),
            }
            for number in range(many)
        ],
    )


@pytest.mark.parametrize("many", SIZES)
def test_rows_of_ids_are_those_that_sqlalchemy_reads(ledger: Ledger, many: int) -> None:
    """Instants, truths, nulls and texts, for ids that are numbers and for ids that are texts."""
    statement = select(verdicts)
    of_tasks = Query(statement.where(verdicts.c.task_id.in_(IDS)))
    of_keys = Query(statement.where(verdicts.c.key.in_(IDS)))
    with ledger.write() as connection:
        _fill(connection, many)
        expected = {row.key: tuple(row) for row in connection.execute(statement)}
        found = {tuple(row) for row in of_keys.rows_of(connection, expected)}
        assert found == set(expected.values())
        tasks = {row[2]: row for row in expected.values() if row[2] is not None}
        assert {tuple(row) for row in of_tasks.rows_of(connection, tasks)} == set(tasks.values())
        assert list(of_tasks.rows_of(connection, [])) == []


def test_values_beside_the_ids_and_rows_of_an_update(ledger: Ledger) -> None:
    """Values are bound as their columns want them; an update gives what it returns."""
    before = Query(
        select(verdicts.c.key).where(verdicts.c.task_id.in_(IDS), verdicts.c.at < bindparam("at"))
    )
    count_on = Query(
        update(sequences)
        .where(sequences.c.name == bindparam("counter"))
        .values(value=sequences.c.value + bindparam("count"))
        .returning(sequences.c.value)
    )
    with ledger.write() as connection:
        _fill(connection, 7)
        (found,) = before.rows_of(connection, [0, 3, 6], at=SINCE + timedelta(seconds=3))
        assert found[0].startswith("key 0 ")
        (first,) = count_on.rows(connection, counter="operations", count=3)
        (second,) = count_on.rows(connection, counter="operations", count=2)
        assert second[0] - first[0] == 2


def test_what_the_database_refuses_is_told_as_ever(ledger: Ledger) -> None:
    """So that an outage is known for one, whoever made the statement."""
    query = Query(select(lookups.c.value))
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE lookups")
        with pytest.raises(DBAPIError):
            query.rows(connection)
        connection.rollback()
