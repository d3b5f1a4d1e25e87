"""Stopping: what is in flight settles, state stays before the first unsettled record, one line."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fault_rows import POST
from messages import execution, record, schema, state, update
from target_process import TargetProcess
from target_runs import Ended, Stage

from reply_tasks.sandbox import FaultKind

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

SLOW, STRUCK, LATER = execution(1, externalId=1), execution(2), execution(3, externalId=3)
STATES = [{"records": n} for n in (1, 2, 3)]


def _strike(kind: FaultKind) -> Callable[[Stage], object]:
    return lambda stage: stage.sandbox.fault(kind, task_id=2, times=None)


def _nothing(_stage: Stage) -> None:
    """Arrange nothing: the input is the cause."""


@dataclass(frozen=True)
class Stop:
    """A cause that ends a run.

    Attributes:
        line: What is in the input after a record that is still in flight.
        told: What the one line must say.
        arrange: Prepares the sandbox.
        settings: Of the run. With one call at a time nothing else is in flight.
        covered: Whether the record that is the cause is settled, so that its STATE leaves.
        closes: Whether the input ends right there.
    """

    line: Any
    told: tuple[str, ...]
    arrange: Callable[[Stage], object] = _nothing
    settings: dict[str, Any] = field(default_factory=lambda: {"concurrency": 1})
    covered: bool = False
    closes: bool = False


TWO_LANES: dict[str, Any] = {"concurrency": 2, "max_retries": 0}
BATCH = {
    "type": "BATCH",
    "stream": "task_executions",
    "encoding": {"format": "jsonl", "compression": "gzip"},
    "manifest": ["file:///tasks.jsonl.gz"],
}
STOPS = {
    "401": Stop(STRUCK, ("401", "api_key"), _strike(FaultKind.UNAUTHORIZED), TWO_LANES),
    "403": Stop(STRUCK, ("403", "tasks:operate"), _strike(FaultKind.FORBIDDEN), TWO_LANES),
    "Reply down": Stop(
        update(2), ("503", "task 2", "run again"), _strike(FaultKind.UNAVAILABLE), TWO_LANES
    ),
    "max_rejected": Stop(
        execution("no id"),
        ("1 records were rejected", "max_rejected is 0"),
        settings={"concurrency": 1, "max_rejected": 0},
        covered=True,
    ),
    "unknown stream": Stop(schema("crm_rows"), ("'crm_rows'", "stream_maps", "__alias__")),
    "BATCH": Stop(BATCH, ("task_executions", "BATCH")),
    "no JSON": Stop("{no json}", ("Line 5", "not JSON")),
    "truncated": Stop('{"type": "RECO', ("Line 5", "not JSON"), closes=True),
    "no schema": Stop(record("crm_rows", {"id": 2}), ("'crm_rows'", "before its SCHEMA")),
    "no UTF-8": Stop("\udcff\udcfe", ("Line 5", "UTF-8")),
    "unknown type": Stop({"type": "ROW"}, ("Line 5", "'ROW'")),
}


@pytest.mark.parametrize("cause", STOPS)
def test_a_stop_settles_what_is_in_flight_and_says_why_in_one_line(
    cause: str, stage: Stage
) -> None:
    """Even while the input stays open: exit 1, the safe STATE is out, and a rerun does the rest."""
    stop = STOPS[cause]
    stop.arrange(stage)
    stage.sandbox.fault(FaultKind.LATENCY, endpoint=POST, task_id=1, seconds=0.7)
    with TargetProcess(stage, **stop.settings) as process:
        process.write(SLOW, state(STATES[0]))
        stage.sandbox.wait_for_calls(1, POST, task_id=1)
        if stop.closes:
            process.write_raw(stop.line)
        else:
            process.write(stop.line, state(STATES[1]), LATER, state(STATES[2]))
        ended = process.end(close=stop.closes)
    _check_one_line(ended, stop.told)
    assert ended.exit_code == 1
    assert ended.states == STATES[: 2 if stop.covered else 1]
    assert [sent.task_id for sent in stage.sandbox.outbox] == [1]
    assert stage.runs()[0]["exit_code"] == 1
    stage.sandbox.faults.clear()
    assert stage.run(SLOW, LATER, state(STATES[2])).states == [STATES[2]]
    assert sorted(sent.task_id for sent in stage.sandbox.outbox) == [1, 3]
    assert stage.claims() == []


def _check_one_line(ended: Ended, told: tuple[str, ...]) -> None:
    (line,) = [line for line in ended.log.splitlines() if "| ERROR" in line]
    assert "Stopped: " in line
    assert all(words in line for words in told), line
    assert "Traceback" not in ended.log
    assert "Exception ignored" not in ended.log
    assert "records read: 1 applied" in ended.last_line.replace(", 1 rejected", "")


def test_a_server_that_went_away_stops_the_run(stage: Stage) -> None:
    """Nobody listens any more: nothing was sent, no claim stays, and the line says so."""
    with TargetProcess(stage, max_retries=1) as process:
        process.write(SLOW, state(STATES[0]))
        process.wait_for_states(1)
        stage.sandbox.stop()
        process.write(execution(2, externalId=2), state(STATES[1]))
        ended = process.end(close=False)
    _check_one_line(ended, ("could not connect", "task 2", "run again"))
    assert (ended.exit_code, ended.states, stage.claims()) == (1, STATES[:1], [])
    stage.sandbox.start()
    again = stage.run(SLOW, state(STATES[0]), execution(2, externalId=2), state(STATES[1]))
    assert (again.exit_code, again.states) == (0, STATES[:2])
    assert [sent.task_id for sent in stage.sandbox.outbox] == [1, 2]


def test_a_key_that_is_refused_stops_the_run_while_upstream_idles(stage: Stage) -> None:
    """One call, one line, and no wait for input that may never come."""
    with TargetProcess(stage, api_key="no-such-key", concurrency=1) as process:
        process.write(execution(1), state(STATES[0]))
        ended = process.end(close=False)
    assert (ended.exit_code, ended.states, stage.claims()) == (1, [], [])
    assert len(stage.sandbox.calls) == 1
    assert "1 records read: none settled, 1 left for the next run; 1 calls made." in ended.last_line
    assert "no-such-key" not in ended.log


def test_a_reader_that_left_loses_nothing(stage: Stage) -> None:
    """Standard output is closed: what is in flight settles, one line says it, the exit is not 0."""
    stage.sandbox.fault(FaultKind.LATENCY, endpoint=POST, task_id=2, seconds=0.7)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with TargetProcess(stage, stdout=writer, concurrency=2) as process:
            process.write(execution(2, externalId=2))
            stage.sandbox.wait_for_calls(1, POST, task_id=2)
            process.write(state(STATES[0]), execution(1, externalId=1), state(STATES[1]))
            ended = process.end(close=False)
    finally:
        os.close(writer)
    (line,) = [line for line in ended.log.splitlines() if "| ERROR" in line]
    assert "standard output" in line
    assert "Traceback" not in ended.log
    assert "Exception ignored" not in ended.log
    assert ended.exit_code == 1
    assert "2 records read: 2 applied; 2 calls made." in ended.last_line
    assert stage.claims() == []
    again = stage.run(execution(2, externalId=2), execution(1, externalId=1), state(STATES[1]))
    assert (again.exit_code, again.states) == (0, [STATES[1]])
    assert sorted(sent.task_id for sent in stage.sandbox.outbox) == [1, 2]
