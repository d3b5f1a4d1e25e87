"""A ledger in each kind of database, for the promises that hold in either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_tasks.ledger import Ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, quick_folder: Path) -> str:
    """The URL of a ledger that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{quick_folder}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An open ledger."""
    with Ledger.open(ledger_url) as opened:
        yield opened
