"""Ledgers for targets that die, in either kind of database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text


@contextmanager
def sqlite_ledger(folder: Path, number: int) -> Iterator[str]:
    """The URL of a ledger file of this case's own, gone afterwards."""
    path = folder / f"ledger-{number}.db"
    try:
        yield f"sqlite:///{path}"
    finally:
        for left in folder.glob(f"{path.name}*"):
            left.unlink()


@contextmanager
def postgres_ledger(url: str) -> Iterator[str]:
    """The URL of a ledger in an empty database, which is empty again afterwards."""
    try:
        yield url
    finally:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
