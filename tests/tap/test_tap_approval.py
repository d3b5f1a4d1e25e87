"""What a person said reaches the warehouse: who, when, and what became of it afterwards."""

from datetime import UTC, datetime

from messages import execution
from sqlalchemy import Connection
from tap_world import emit
from target_runs import Stage, stage

from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import approve, decline

__all__ = ["stage"]

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _say(connection: Connection) -> None:
    """Yes to the first task's execution, no to the second's."""
    for held in held_operations(connection):
        record = held.claim.entry.record
        if record["id"] == 1:
            assert approve(connection, held, record=record, by="ann", at=AT)
        else:
            assert decline(connection, held, why="not today", by="bob", at=AT)


def test_who_approved_what_and_when_is_emitted(stage: Stage) -> None:
    """A held operation comes again under a new number when it has its end; repeats are counted."""
    config = {"ledger_url": stage.settings["ledger_url"]}
    records = []
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
        records.append(execution(task_id, content={"subject": "S", "body": "Hi."}))
    stage.run(*records, executions_without_approval=0)
    first = emit(config)
    assert [
        (row["outcome"], row["approvedBy"], row["approvedAt"])
        for row in first.records["task_operations"]
    ] == [("held", None, None)] * 2
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        _say(connection)
    stage.run(*records, executions_without_approval=0)
    second = emit(config, state=first.state)
    told = {row["taskId"]: row for row in second.records["task_operations"]}
    assert {
        task_id: (row["outcome"], row["reason"], row["approvedBy"], row["approvedAt"])
        for task_id, row in told.items()
    } == {
        1: ("applied", None, "ann", "2026-03-01T12:00:00Z"),
        2: ("rejected", "not_approved", "bob", "2026-03-01T12:00:00Z"),
    }
    assert set(first.ids("task_operations", "operationId")) == set(
        second.ids("task_operations", "operationId")
    )
    assert min(second.ids("task_operations")) > max(first.ids("task_operations"))
    [held], [ended] = first.records["runs"], second.records["runs"]
    assert (held["held"], held["repeated"]) == (2, 0)
    assert (ended["applied"], ended["held"], ended["repeated"]) == (1, 0, 2)
