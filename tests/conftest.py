"""What tests of every kind stand on: PostgreSQL, ledgers, and a folder that is fast to sync."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["postgres_server", "ledgers"]


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder of this test's own, in memory where there is such a thing: no commit waits."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def program_cache(request: pytest.FixtureRequest) -> Path:
    """Where environments of other programs are kept: workers and later sessions share them."""
    return Path(request.config.cache.mkdir("programs"))
