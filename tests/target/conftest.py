"""A stage for every test: a sandbox without limits, and a ledger of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from target_runs import KEY, USERS, Stage

from reply_tasks.sandbox import SandboxServer


@pytest.fixture
def stage(quick_folder: Path) -> Iterator[Stage]:
    """A sandbox and an empty ledger."""
    with SandboxServer(
        keys={KEY: USERS}, requests_per_minute=None, requests_per_hour=None
    ) as sandbox:
        yield Stage(sandbox, quick_folder)
