"""A stage for every test of reading: a sandbox with a few tasks, and an empty ledger."""

import pytest
from target_runs import Stage
from target_runs import stage as bare_stage

__all__ = ["bare_stage", "stage"]


@pytest.fixture
def stage(bare_stage: Stage) -> Stage:
    """A sandbox with nine tasks, and an empty ledger."""
    bare_stage.settings["keep_repeats"] = True
    for task_id in range(1, 10):
        bare_stage.sandbox.create_task(task_id)
    return bare_stage
