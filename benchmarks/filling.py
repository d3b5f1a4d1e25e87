"""Fills a ledger with years of history: a small one's own rows, over and over, by the database.

The rows are those that a real run has left, so that what a row takes and what the indexes hold is
what a ledger would have. Copies are numbered on, and spread over as many tasks as are asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select, text, update

from reply_tasks.ledger.tables import metadata, operations, runs, sequences, tasks

#: Copies that one statement makes: a transaction that either database takes well.
_AT_ONCE = 10
#: How a database makes the id of a row's copy, and numbers the copies.
_ID = {
    "sqlite": "printf('%08x', copy) || substr({0}, 9)",
    "postgresql": "lpad(to_hex(copy), 8, '0') || substr({0}, 9)",
}
_COPIES = {
    "sqlite": "WITH RECURSIVE copies(copy) AS "
    "(SELECT {0} UNION ALL SELECT copy + 1 FROM copies WHERE copy < {1})",
    "postgresql": "WITH copies AS (SELECT copy FROM generate_series({0}, {1}) AS copy)",
}


def fill(engine: Engine, *, to_tasks: int, to_operations: int) -> None:
    """Bring a ledger, in which one run updated each task once, to so many tasks and operations.

    Args:
        engine: Of the ledger, whose tasks are numbered from 1 on without a gap.
        to_tasks: So many tasks, a multiple of those that there are.
        to_operations: So many settled operations, a multiple likewise.
    """
    with engine.connect() as connection:
        seed = connection.scalar(select(func.count()).select_from(tasks)) or 0
    copies, spread = to_operations // seed, to_tasks // seed
    for first in range(1, copies, _AT_ONCE):
        last = min(first + _AT_ONCE, copies) - 1
        with engine.begin() as connection:
            _take_your_time(connection)
            made = _Copies(connection, seed, first, last)
            made.operations(spread)
            made.runs()
            if first < spread:
                _Copies(connection, seed, first, min(last, spread - 1)).tasks()
    with engine.begin() as connection:
        for name, number in (("operations", operations.c.sequence), ("runs", runs.c.sequence)):
            last_number = select(func.max(number)).scalar_subquery()
            connection.execute(
                update(sequences).where(sequences.c.name == name).values(value=last_number)
            )
    _settle_in(engine)


@dataclass(frozen=True, slots=True)
class _Copies:
    """Some copies of the first rows.

    Attributes:
        connection: In a transaction.
        seed: How many tasks and operations there were.
        first: The number of the first copy.
        last: And of the last.
    """

    connection: Connection
    seed: int
    first: int
    last: int

    def operations(self, spread: int) -> None:
        self._make(
            "operations",
            {
                "operation_id": self._id("operation_id"),
                "sequence": f"sequence + copy * {self.seed}",
                "task_id": f"task_id + (copy % {spread}) * {self.seed}",
                "run_id": self._id("run_id"),
            },
            f"sequence <= {self.seed}",
        )

    def tasks(self) -> None:
        changed = {
            "task_id": f"task_id + copy * {self.seed}",
            "detail_operation_id": self._id("detail_operation_id"),
        }
        self._make("tasks", changed, f"task_id <= {self.seed}")

    def runs(self) -> None:
        changed = {"run_id": self._id("run_id"), "sequence": "sequence + copy"}
        self._make("runs", changed, "sequence = 1")

    def _id(self, column: str) -> str:
        return _ID[self.connection.dialect.name].format(column)

    def _make(self, table: str, changed: Mapping[str, str], which: str) -> None:
        columns = metadata.tables[table].columns.keys()
        chosen = ", ".join(changed.get(column, column) for column in columns)
        copies = _COPIES[self.connection.dialect.name].format(self.first, self.last)
        self.connection.execute(
            text(
                f"INSERT INTO {table} ({', '.join(columns)}) {copies} "  # noqa: S608 - all ours
                f"SELECT {chosen} FROM {table}, copies WHERE {which} ORDER BY copy, {columns[0]}"
            )
        )


def _settle_in(engine: Engine) -> None:
    """What a database does by itself in years: PostgreSQL counts its rows, SQLite ends its WAL."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _take_your_time(connection)
        postgres = connection.dialect.name == "postgresql"
        connection.execute(text("VACUUM ANALYZE" if postgres else "PRAGMA wal_checkpoint"))


def _take_your_time(connection: Connection) -> None:
    """Lift the bound that a ledger's connection sets on each statement."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET statement_timeout = 0"))
