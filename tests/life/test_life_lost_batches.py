"""A batch whose answer was lost is read back task by task: nothing is done twice, nothing lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from signal import SIGTERM
from typing import Any

import pytest
from batch_records import (
    HEADS,
    assignments,
    batches,
    completions,
    deletions,
    effects,
    make_tasks,
)
from entries import entry
from messages import Message, state, update
from target_process import TargetProcess
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Ledger, new_id
from reply_tasks.ledger.claims import claim, release
from reply_tasks.sandbox import Call, EffectKind, Endpoint, Fault, FaultKind, When
from reply_tasks.sandbox.faults import Faults

pytestmark = pytest.mark.usefixtures("unhurried")

FEW = range(1, 7)
COMPLETE, DELETE = Endpoint.BATCH_COMPLETE, Endpoint.BULK_DELETE
#: How far the call came whose answer is lost.
CAME = [
    pytest.param({"when": When.BEFORE}, id="before its effect"),
    pytest.param({"when": When.AFTER}, id="after its effect"),
    pytest.param({"done": 2}, id="in the midst of it"),
]


@pytest.mark.parametrize("came", CAME)
@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.GARBAGE, FaultKind.SERVER_ERROR])
def test_a_lost_completion_of_many_is_read_back(
    kind: FaultKind, came: dict[str, Any], stage: Stage
) -> None:
    """Each task is read by itself; only those go again, in one call, to which nothing happened."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(kind, endpoint=COMPLETE, **came)
    ended = stage.run(*HEADS, *completions(FEW))
    assert ended.exit_code == 0, ended.log
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
    assert {fate[1] for fate in stage.fates()} == {"applied"}
    assert {call.task_id for call in stage.sandbox.calls_of(Endpoint.GET)} == {*FEW}
    done = {When.BEFORE: 0, When.AFTER: len(FEW)}.get(came.get("when", ""), 2)
    again = batches(stage, COMPLETE)[1:]
    assert again == ([[*FEW][done:]] if done < len(FEW) else [])


@pytest.mark.parametrize("came", CAME)
def test_a_lost_deletion_of_many_is_read_back(came: dict[str, Any], stage: Stage) -> None:
    """What is cancelled by then was deleted; the others go again."""
    make_tasks(stage, FEW)
    stage.run(*(update(n) for n in FEW))
    stage.sandbox.fault(FaultKind.DROP, endpoint=DELETE, **came)
    ended = stage.run(*HEADS, *deletions(FEW))
    assert ended.exit_code == 0, ended.log
    assert effects(stage, EffectKind.DELETED) == dict.fromkeys(FEW, 1)
    assert {fate[1] for fate in stage.fates()} == {"applied"}


def test_what_is_gone_after_a_lost_deletion_was_there_before(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Reply has shown it, it was deleted; of a task that nobody has seen nothing is known."""
    make_tasks(stage, [1, 2])
    stage.run(update(1))
    stage.sandbox.fault(FaultKind.DROP, endpoint=DELETE)
    strike = Faults.strike

    def gone(self: Faults, call: Call) -> Fault | None:
        for task_id in (1, 2):
            stage.sandbox.edit_task(task_id, hidden=True)
        return strike(self, call)

    monkeypatch.setattr(Faults, "strike", gone)
    ended = stage.run(*HEADS, *deletions([1, 2], deleteSequenceTask=True))
    assert ended.exit_code == 0, ended.log
    assert sorted(fate[:2] for fate in stage.fates()[1:]) == [(1, "applied"), (2, "uncertain")]
    assert batches(stage, DELETE) == [[1, 2]]


def test_a_lost_assignment_of_many_is_repeated(stage: Stage) -> None:
    """Assigning twice does no harm: the call is made again, and nothing is read."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.BATCH_ASSIGN, when=When.AFTER)
    ended = stage.run(*HEADS, *assignments(FEW, userId=2))
    assert ended.exit_code == 0, ended.log
    assert batches(stage, Endpoint.BATCH_ASSIGN) == [[*FEW]] * 2
    assert len(stage.sandbox.calls) == 2


def test_with_hold_nothing_goes_again(stage: Stage) -> None:
    """What was not done is uncertain, and a replay sends none of it."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.DROP, endpoint=COMPLETE, done=2)
    stage.run(*HEADS, *completions(FEW), on_lost_answer="hold")
    assert sorted(fate[:2] for fate in stage.fates()) == [
        (n, "applied" if n <= 2 else "uncertain") for n in FEW
    ]
    stage.run(*HEADS, *completions(FEW), on_lost_answer="hold")
    assert len(batches(stage, COMPLETE)) == 1
    assert effects(stage, EffectKind.COMPLETED) == {1: 1, 2: 1}


def test_what_a_second_send_refuses_is_read_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first send took effect late: its refusal by the second is no rejection."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.DROP, endpoint=COMPLETE)
    strike = Faults.strike

    def late(self: Faults, call: Call) -> Fault | None:
        if call.endpoint is COMPLETE and len(batches(stage, COMPLETE)) == 2:
            for task_id in FEW:
                now = datetime.now(UTC)
                stage.sandbox.edit_task(task_id, status=TaskStatus.FINISHED, finished_at=now)
        return strike(self, call)

    monkeypatch.setattr(Faults, "strike", late)
    ended = stage.run(*HEADS, *completions(FEW))
    assert ended.exit_code == 0, ended.log
    assert len(batches(stage, COMPLETE)) == 2
    assert sorted(fate[:2] for fate in stage.fates()) == [(n, "applied") for n in FEW]


def test_what_another_run_has_claimed_stays_out_of_a_batch(stage: Stage) -> None:
    """The others go; this one waits until that run has let go of it."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.STALL, endpoint=Endpoint.UPDATE)
    asked = entry(3, Operation.COMPLETE, record={"id": 3})

    def records() -> Iterator[Message]:
        yield update(1)
        stage.sandbox.wait_for_calls(1, Endpoint.UPDATE)
        yield from (*HEADS, *completions(FEW))
        with Ledger.open(stage.settings["ledger_url"]) as ledger:
            with ledger.write() as connection:
                now = datetime.now(UTC)
                claim(connection, [asked], holder=ledger.holder, run_id=new_id(), at=now)
            stage.sandbox.faults.release()
            stage.sandbox.wait_for_calls(1, COMPLETE)
            with ledger.write() as connection:
                release(connection, [asked.operation_id], holder=ledger.holder)

    ended = stage.run_while(records(), concurrency=1)
    assert ended.exit_code == 0, ended.log
    assert not any(3 in ids for ids in batches(stage, COMPLETE))
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)


@pytest.mark.e2e
def test_a_429_does_nothing_and_costs_one_call(stage: Stage) -> None:
    """The whole batch waits as Reply says, and then goes in one call."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=COMPLETE, retry_after=1)
    ended = stage.run(*HEADS, *completions(FEW), requests_per_minute=100)
    assert ended.exit_code == 0, ended.log
    assert batches(stage, COMPLETE) == [[*FEW]] * 2
    assert len(stage.sandbox.calls) == 2
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
    assert stage.claims() == []
    assert stage.runs()[-1]["api_calls"] == 2


@pytest.mark.e2e
def test_reads_that_came_before_a_429_are_not_made_again(stage: Stage) -> None:
    """What was read is deleted; what could not be read is given back, and goes in another call."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=Endpoint.GET, nth=4, retry_after=1)
    ended = stage.run(*HEADS, *deletions(FEW), requests_per_minute=100)
    assert ended.exit_code == 0, ended.log
    reads = [call.task_id for call in stage.sandbox.calls_of(Endpoint.GET)]
    assert reads == [1, 2, 3, 4, 4, 5, 6]
    assert batches(stage, DELETE) == [[1, 2, 3], [4, 5, 6]]
    assert {fate[1] for fate in stage.fates()} == {"applied"}


@pytest.mark.e2e
@pytest.mark.parametrize("when", list(When))
def test_a_run_that_is_killed_after_a_batch_has_left(when: When, stage: Stage) -> None:
    """Its claims are read back one by one by the next run, which completes what was not."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.STALL, endpoint=COMPLETE, when=when)
    with TargetProcess(stage) as process:
        process.write(*HEADS, *completions(FEW))
        process.close()
        stage.sandbox.wait_for_calls(1, COMPLETE)
    stage.sandbox.faults.clear()
    assert len(stage.claims()) == len(FEW)
    ended = stage.run(*HEADS, *completions(FEW))
    assert ended.exit_code == 0, ended.log
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
    assert sorted(fate[:2] for fate in stage.fates()) == [(n, "applied") for n in FEW]
    assert stage.claims() == []


@pytest.mark.e2e
def test_a_run_that_is_told_to_stop_waits_for_its_batch(stage: Stage) -> None:
    """What is in flight settles, nothing else goes out, and the STATE behind it leaves."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.LATENCY, endpoint=COMPLETE, seconds=1.5)
    with TargetProcess(stage) as process:
        process.write(*HEADS, *completions(FEW), state(1))
        stage.sandbox.wait_for_calls(1, COMPLETE)
        process.signal(SIGTERM)
        ended = process.end(close=False)
    assert ended.exit_code == 143
    assert ended.states == [1]
    assert [fate[:2] for fate in stage.fates()] == [(n, "applied") for n in FEW]
    assert len(stage.sandbox.calls) == 1


@pytest.mark.e2e
def test_a_run_that_is_told_to_stop_after_a_429_gives_its_batch_back(stage: Stage) -> None:
    """A 429 did nothing: no claim is left behind."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=COMPLETE, retry_after=60)
    with TargetProcess(stage, requests_per_minute=100) as process:
        process.write(*HEADS, *completions(FEW))
        process.stderr.wait_for(1, "Waiting ")
        process.signal(SIGTERM)
        ended = process.end(close=False)
    assert ended.exit_code == 143
    assert stage.claims() == []
    assert len(stage.sandbox.calls) == 1


@pytest.mark.e2e
def test_a_run_that_is_told_to_stop_after_a_lost_batch_leaves_its_claims(stage: Stage) -> None:
    """It waits for no window: the next run reads every task back, and none is done twice."""
    make_tasks(stage, FEW)
    stage.sandbox.fault(FaultKind.DROP, endpoint=COMPLETE)
    with TargetProcess(stage, settle_seconds=60) as process:
        process.write(*HEADS, *completions(FEW), state(1))
        stage.sandbox.wait_for_calls(1, Endpoint.GET)
        process.signal(SIGTERM)
        ended = process.end(close=False)
    assert ended.exit_code == 143
    assert ended.states == []
    assert len(stage.claims()) == len(FEW)
    assert stage.run(*HEADS, *completions(FEW)).exit_code == 0
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
