"""A sandbox, a ledger and what starts targets; the checks of these tests explain themselves."""

from collections.abc import Iterator

import pytest
from crash_nursery import Nursery
from sqlalchemy import Engine

from reply_tasks.ledger import open_engine
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer, User

pytest.register_assert_rewrite("crash_world", "crash_life")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Starts targets fast."""
    with Nursery() as running:
        yield running


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[SandboxServer]:
    """A sandbox without limits, as slow as the module's ``LATENCY`` says."""
    latency = getattr(request.module, "LATENCY", 0.0)
    users = [User(1, "owner@example.com"), User(2, "second@example.com")]
    with SandboxServer(
        keys={DEFAULT_API_KEY: users},
        requests_per_minute=None,
        requests_per_hour=None,
        latency=latency,
    ) as running:
        yield running


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    """The ledger, to look into."""
    made = open_engine(ledger_url)
    yield made
    made.dispose()
