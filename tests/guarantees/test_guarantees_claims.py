"""Claims: the intent is in the ledger before the first byte leaves, and gone when it is settled."""

import sqlite3

import pytest
from messages import execution, update
from pipeline import observe
from target_runs import Stage

from reply_tasks.sandbox import Call, Fault
from reply_tasks.sandbox.faults import Faults

TASKS = range(11, 51)


@pytest.fixture
def unclaimed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The tasks of writing calls that arrived at Reply while the ledger held no claim on them."""
    found: list[int | None] = []
    strike = Faults.strike

    def look(self: Faults, call: Call) -> Fault | None:
        if call.method != "GET" and not _is_claimed(stage, call.task_id):
            found.append(call.task_id)
        return strike(self, call)

    monkeypatch.setattr(Faults, "strike", look)
    return found


def _is_claimed(stage: Stage, task_id: int | None) -> bool:
    """Whether another process that opens the ledger now finds a claim on this task."""
    ledger = sqlite3.connect(stage.folder / "ledger.db", timeout=30)
    try:
        claims = ledger.execute(
            "SELECT 1 FROM operations WHERE task_id = ? AND outcome IS NULL", (task_id,)
        )
        return claims.fetchone() is not None
    finally:
        ledger.close()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_no_call_that_changes_something_arrives_before_its_claim(
    concurrency: int, stage: Stage, unclaimed: list[int | None]
) -> None:
    """Whoever opens the ledger when Reply gets the call finds the claim in it."""
    for task_id in TASKS:
        stage.sandbox.create_task(task_id)
    messages = [
        execution(task_id) if task_id % 4 else update(task_id, contactId=task_id)
        for task_id in TASKS
    ]
    seen = observe(stage, *messages, concurrency=concurrency)
    assert seen.exit_code == 0
    assert len(stage.sandbox.calls) == len(TASKS)
    assert unclaimed == []
    assert stage.claims() == []
