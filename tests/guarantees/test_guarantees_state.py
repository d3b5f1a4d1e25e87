"""State: a STATE leaves as soon as all before it is settled, and never sooner."""

import time

from fault_rows import POST
from messages import execution, record, state, update
from pipeline import observe, settled_up_to
from target_process import TargetProcess
from target_runs import Stage

from reply_tasks.sandbox import FaultKind

STATES = [{"records": n} for n in range(1, 11)]


def _wait_until_settled(stage: Stage, task_id: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(row["task_id"] == task_id for row in stage.operations()):
            return
        time.sleep(0.01)
    raise TimeoutError(f"task {task_id} was never settled")


def test_a_state_leaves_while_the_input_stays_open(stage: Stage) -> None:
    """Upstream idles after each record: its STATE comes all the same, one after another."""
    with TargetProcess(stage) as process:
        for number in (1, 2, 3):
            process.write(execution(number, externalId=number), state(STATES[number - 1]))
            assert process.wait_for_states(number) == STATES[:number]
            assert settled_up_to(stage, number) == number
        process.write(record("task_updates", {"id": "none"}), state(STATES[3]))
        assert process.wait_for_states(4) == STATES[:4]
        assert process.end().exit_code == 0


def test_no_state_overtakes_a_slow_record(stage: Stage) -> None:
    """Record 2 is settled long before record 1: no STATE leaves until record 1 is."""
    stage.sandbox.fault(FaultKind.STALL, endpoint=POST, task_id=1)
    with TargetProcess(stage, concurrency=8) as process:
        process.write(execution(1), state(STATES[0]), execution(2), state(STATES[1]))
        process.write(update(3), state(STATES[2]))
        for task_id in (2, 3):
            _wait_until_settled(stage, task_id)
        assert process.stdout.lines == []
        assert [claim["task_id"] for claim in stage.claims()] == [1]
        stage.sandbox.faults.release()
        assert process.wait_for_states(3) == STATES[:3]
        assert process.end().exit_code == 0


def test_states_without_records_between_them_all_leave(stage: Stage) -> None:
    """Each STATE that was read is written, in the order read."""
    before = {"records": 0}
    seen = observe(
        stage,
        state(before),
        execution(1, externalId=1),
        state(STATES[0]),
        state(STATES[0]),
        execution(2, externalId=2),
        state(STATES[1]),
    )
    assert seen.states == [before, STATES[0], STATES[0], STATES[1]]
    assert (seen.early, seen.exit_code) == ([], 0)


def test_a_state_after_superseded_and_unchanged_records_leaves(stage: Stage) -> None:
    """What needs no call is settled too: ten updates of one task, ten STATEs."""
    messages = []
    for number in range(1, 11):
        messages += [
            update(1, externalId=number, contactId=number % 3 + 1),
            state(STATES[number - 1]),
        ]
    seen = observe(stage, *messages)
    assert (seen.states, seen.early, seen.exit_code) == (STATES, [], 0)
