"""A ledger as two processes of one host hold it."""

from collections.abc import Iterator

import pytest

from reply_tasks.ledger import Ledger


@pytest.fixture
def other(ledger: Ledger, ledger_url: str) -> Iterator[Ledger]:
    """The same ledger as another process of this host would hold it."""
    assert ledger
    with Ledger.open(ledger_url) as opened:
        yield opened
