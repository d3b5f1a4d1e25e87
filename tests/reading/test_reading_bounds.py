"""Bounds: what is in hand has a size too, and SCHEMAs that alternate leave nothing behind."""

import gc
from io import StringIO
from threading import Thread

import pytest
from messages import lines, schema, update
from target_runs import Stage, signals_kept

from target_reply_tasks.engine import gate as gate_module
from target_reply_tasks.engine.gate import Gate
from target_reply_tasks.errors import InputClosedError
from target_reply_tasks.inbox import Inbox
from target_reply_tasks.sinks import TaskSink
from target_reply_tasks.target import TargetReplyTasks


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate that admits a hundred bytes."""
    monkeypatch.setattr(gate_module, "MOST_BYTES", 100)
    return Gate(Inbox(gathering=0.0))


def test_more_bytes_wait_for_room(gate: Gate) -> None:
    """What would be too much in hand is admitted when something else has left."""
    gate.state("x" * 60)
    waiting = Thread(target=gate.state, args=("x" * 60,), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    gate.make_room(0, 60)
    waiting.join(30)
    assert not waiting.is_alive()


def test_what_is_larger_than_the_bound_is_in_hand_alone(gate: Gate) -> None:
    """A record of any size passes, once nothing else is in hand."""
    gate.state("x" * 1000)
    gate.make_room(0, 1000)
    gate.state("x" * 1000)


def test_who_waits_for_room_is_let_go_when_the_run_stops(gate: Gate) -> None:
    """A reader that waits for room ends with the run."""
    gate.state("x" * 100)
    ends: list[BaseException] = []

    def read() -> None:
        try:
            gate.state("x")
        except InputClosedError as error:
            ends.append(error)

    waiting = Thread(target=read, daemon=True)
    waiting.start()
    gate.stop(exit_code=1)
    waiting.join(30)
    assert len(ends) == 1


def test_alternating_schemas_leave_nothing_behind(stage: Stage) -> None:
    """A stream whose SCHEMA changes all the time has one sink, and names a dropped member once."""
    messages = []
    for number in range(60):
        messages += [schema("task_updates", "id", f"column_{number % 2}"), update(1, other=1)]
    before = {id(sink) for sink in _sinks()}
    with signals_kept():
        target = TargetReplyTasks(config=stage.settings)
        target.listen(StringIO(lines(*messages)))
    assert target.result.read == 60
    assert len([sink for sink in _sinks() if id(sink) not in before]) <= 2


def _sinks() -> list[TaskSink]:
    """The sinks that are in memory, of other tests' runs too."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, TaskSink)]
