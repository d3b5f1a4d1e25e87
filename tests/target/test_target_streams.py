"""Streams and messages: which operation a record asks for, and what is refused before any call."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from messages import BODY, Message, execution, record, schema, state, update
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus

ROW = {"id": 1, **BODY}


def test_an_alias_makes_any_stream_one_of_ours(stage: Stage) -> None:
    """Stream maps run first: the alias decides, and is what the ledger names."""
    stage.sandbox.create_task(1)
    stage.run(
        schema("public-tasks", *ROW),
        record("public-tasks", ROW),
        stream_maps={"public-tasks": {"__alias__": "task_updates"}},
    )
    assert stage.fate()["stream"] == "task_updates"
    assert stage.fates() == [(1, "applied", None)]


def test_a_filter_leaves_records_out(stage: Stage) -> None:
    """What a stream map filters was never asked for: no call, no row."""
    stage.sandbox.create_task(1)
    ended = stage.run(
        schema("crm", *ROW, "open"),
        record("crm", {**ROW, "open": False}),
        state({"at": 1}),
        stream_maps={"crm": {"__alias__": "task_updates", "__filter__": "open"}},
    )
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])
    assert not stage.operations()


def test_a_record_s_own_operation_wins_over_its_stream(stage: Stage) -> None:
    """Both ways, in any case."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(
        record("task_updates", {"id": 1, "operation": "EXECUTE"}),
        record("task_executions", {**ROW, "id": 2, "operation": "update"}),
    )
    assert stage.sandbox.task(1).status is TaskStatus.FINISHED
    assert {row["task_id"]: row["operation"] for row in stage.operations()} == {
        1: "execute",
        2: "update",
    }


def test_the_default_operation_is_for_the_other_streams(stage: Stage) -> None:
    """It does not touch the two that name their operation."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(
        schema("rows"),
        record("rows", {"id": 1}),
        update(2),
        default_operation="execute",
    )
    assert {row["task_id"]: row["operation"] for row in stage.operations()} == {
        1: "execute",
        2: "update",
    }


@pytest.mark.parametrize("operation", ["upsert", 7, None, {"a": 1}])
def test_an_operation_that_can_not_be_read_rejects_its_record(
    stage: Stage, operation: object
) -> None:
    """A row that does not say what it wants is no reason to stop the others."""
    stage.sandbox.create_task(1)
    stage.run(
        schema("rows", "id", "operation"),
        record("rows", {**ROW, "operation": operation}),
        record("rows", {**ROW, "operation": "update"}),
    )
    fates = stage.fates()
    assert sorted(outcome for _, outcome, _ in fates) == ["applied", "rejected"]
    (rejected,) = [row for row in stage.operations() if row["outcome"] == "rejected"]
    (error,) = rejected["problem"]["errors"]
    assert error["pointer"] == "/operation"
    shown = {"upsert": "'upsert'", "7": "7", "None": "is required"}.get(str(operation), "object")
    assert shown in error["detail"]


@pytest.mark.parametrize(
    ("stream", "alias"),
    [
        ("public-tasks", "task_updates"),
        ("crm-reply_executions", "task_executions"),
        ("to_send", "task_executions"),
        ("send_updates", "task_updates"),
    ],
)
def test_a_stream_without_an_operation_stops_the_run_before_any_call(
    stage: Stage, stream: str, alias: str
) -> None:
    """The line shows the alias that the stream's name suggests; state stays before it."""
    stage.sandbox.create_task(1)
    ended = stage.run(schema(stream, *ROW), record(stream, ROW), state({"at": 1}))
    assert (ended.exit_code, ended.states) == (1, [])
    assert not stage.sandbox.calls
    (line,) = [line for line in ended.log.splitlines() if line.startswith("Stopped:")]
    assert f"{stream!r}" in line
    assert f'{{"{stream}": {{"__alias__": "{alias}"}}}}' in line


def test_what_came_before_an_unknown_stream_is_not_lost(stage: Stage) -> None:
    """What was under way is settled, and its STATE leaves; nothing new is sent."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)

    def messages() -> Iterator[Message]:
        yield update(1)
        yield state({"at": 1})
        stage.sandbox.wait_for_calls(1)
        yield update(2)
        yield state({"at": 2})
        yield schema("other", *ROW)
        yield record("other", ROW)

    ended = stage.run_while(messages())
    assert (ended.exit_code, ended.states) == (1, [{"at": 1}])
    assert stage.fates() == [(1, "applied", None)]
    assert "1 left for the next run" in ended.last_line


def test_batch_messages_are_refused(stage: Stage) -> None:
    """The SDK would lose their rows; the line names the stream and the tap's setting."""
    batch = {
        "type": "BATCH",
        "stream": "task_updates",
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": ["file:///nowhere.json.gz"],
    }
    ended = stage.run(batch, state({"at": 1}))
    assert (ended.exit_code, ended.states) == (1, [])
    assert "batch_config" in ended.log
    assert "Traceback" not in ended.log


def test_activate_version_is_ignored(stage: Stage) -> None:
    """It means something to tables only."""
    stage.sandbox.create_task(1)
    ended = stage.run(
        {"type": "ACTIVATE_VERSION", "stream": "task_updates", "version": 1}, update(1)
    )
    assert ended.exit_code == 0
    assert stage.fates() == [(1, "applied", None)]


BROKEN: dict[str, tuple[Any, str]] = {
    "cut off": ('{"type": "RECORD", "stream": "task_up', "Line 5"),
    "no object": ("[1, 2]", "Line 5"),
    "too deep": ("[" * 100_000, "Line 5"),
    "a number too long": ('{"type": ' + "9" * 5000 + "}", "Line 5"),
    "no type": ('{"stream": "task_updates"}', "Line 5"),
    "unknown type": ('{"type": "ROW", "stream": "task_updates"}', "'ROW'"),
    "no record": ('{"type": "RECORD", "stream": "task_updates"}', "record"),
    "no schema yet": (json.dumps(record("unheard", {"id": 1})), "'unheard'"),
    "no value": ('{"type": "STATE"}', "value"),
}


@pytest.mark.parametrize(("line", "told"), BROKEN.values(), ids=BROKEN)
def test_broken_input_is_one_clear_line(stage: Stage, line: str, told: str) -> None:
    """What came before is settled, its STATE leaves; the line's content is not quoted."""
    stage.sandbox.create_task(1)
    ended = stage.run(update(1), state({"at": 1}), line, update(1, contactId=7), state({"at": 2}))
    assert (ended.exit_code, ended.states) == (1, [{"at": 1}])
    assert stage.fates() == [(1, "applied", None)]
    assert "Traceback" not in ended.log
    (stopped,) = [each for each in ended.log.splitlines() if each.startswith("Stopped:")]
    assert told in stopped
    assert "task_up" not in ended.log.partition("Reader")[0]


def test_blank_lines_are_no_messages(stage: Stage) -> None:
    """A stray newline at the end of a file breaks nothing."""
    stage.sandbox.create_task(1)
    assert stage.run(update(1), "", "   ", execution(1), "").exit_code == 0
    assert len(stage.operations()) == 2


def test_a_record_that_is_no_object_is_rejected(stage: Stage) -> None:
    """It is the record that is bad, not the stream."""
    stage.run({"type": "RECORD", "stream": "task_updates", "record": [1]}, state({"at": 1}))
    assert stage.fates() == [(None, "rejected", "invalid_record")]


def test_a_changed_schema_keeps_the_order(stage: Stage) -> None:
    """Records before and after a new SCHEMA of the same stream go out as they were read."""
    stage.sandbox.create_task(1)
    stage.run(
        update(1, contactId=7),
        schema("task_updates", "id", "colour"),
        update(1, contactId=8, taskType="sms"),
        execution(1),
    )
    assert stage.bodies()[-1]["contactId"] == 8
    assert stage.fates()[-1] == (1, "applied", None)


def test_every_state_leaves_in_order(stage: Stage) -> None:
    """None is merged into a later one: a caller that is killed keeps the last it saw."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    states = [{"at": number} for number in range(4)]
    ended = stage.run(
        state(states[0]),
        update(1),
        state(states[1]),
        update(2),
        state(states[2]),
        execution(3),
        state(states[3]),
    )
    assert ended.states == states
