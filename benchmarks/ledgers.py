"""Makes ledgers to measure on, in a process of its own: what measures must stay small.

``python -m benchmarks.ledgers make URL``, ``grow SOURCE URL TASKS OPERATIONS`` or ``drop URL``.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

from benchmarks.filling import fill
from reply_tasks.ledger import open_engine

#: PostgreSQL's database from which others are made and dropped.
_MAINTENANCE = "postgres"


def make(url: str) -> None:
    """An empty database; a SQLite file is made by who opens it."""
    made = make_url(url)
    if made.get_backend_name() == "postgresql":
        _say(made, f"CREATE DATABASE {made.database}")


def grow(source: str, url: str, tasks: str, operations: str) -> None:
    """A copy of a ledger in which one run updated each task once, with years of history."""
    old, made = make_url(source), make_url(url)
    if made.get_backend_name() == "postgresql":
        _say(made, f"CREATE DATABASE {made.database} TEMPLATE {old.database}")
    else:
        shutil.copy(Path(str(old.database)), Path(str(made.database)))
    engine = open_engine(url)
    fill(engine, to_tasks=int(tasks), to_operations=int(operations))
    engine.dispose()


def drop(url: str) -> None:
    """Drop a database, if it is there."""
    dropped = make_url(url)
    if dropped.get_backend_name() == "postgresql":
        _say(dropped, f"DROP DATABASE IF EXISTS {dropped.database} WITH (FORCE)")


def _say(url: URL, statement: str) -> None:
    engine = create_engine(url.set(database=_MAINTENANCE), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


if __name__ == "__main__":
    jobs: dict[str, Callable[..., None]] = {"make": make, "grow": grow, "drop": drop}
    jobs[sys.argv[1]](*sys.argv[2:])
