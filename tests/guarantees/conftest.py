"""A stage for every test: a sandbox without limits, and an empty ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline import sandbox
from target_runs import Stage


@pytest.fixture
def stage(quick_folder: Path) -> Iterator[Stage]:
    """A sandbox with ten New emails, and an empty ledger."""
    with sandbox() as server:
        for task_id in range(1, 11):
            server.create_task(task_id)
        yield Stage(server, quick_folder)
