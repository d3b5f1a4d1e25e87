"""A stage for every test of a task's whole life."""

import pytest
from target_runs import stage

from target_reply_tasks.engine import ready, turn

__all__ = ["stage"]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may read slowly: what may share a call waits longer for what is read next.

    The end of the input ends the wait, so that a test does not take longer.
    """
    monkeypatch.setattr(turn, "LOOK_AHEAD", 0.5)
    monkeypatch.setattr(ready, "LOOK_AHEAD", 0.5)
    monkeypatch.setattr(ready, "MOST_REST", 10.0)
