"""Certain answers: what surely did nothing is sent again, or rejected at once; no read-back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_rows import CERTAIN, POST, PUT, Certain
from messages import execution, state, update
from pipeline import IMPATIENT, Fate, fates, new_stage, observe, sandbox
from target_runs import Stage

from reply_tasks.api.backoff import Backoff
from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.sandbox import FaultKind, SandboxServer, TaskMembers, Template

TASKS: dict[str, TaskMembers] = {
    "409 status": {"status": TaskStatus.CANCELLED},
    "409 render": {"template": Template("Hi {{NoSuchVariable}}")},
    "400 type": {"task_type": TaskType.CALL},
    "failed": {"fails_delivery": True},
}


@dataclass(frozen=True, slots=True)
class ServerComesBack(Backoff):
    """A backoff that starts the sandbox in the place of waiting."""

    server: SandboxServer | None = None

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """No wait."""
        del attempt, random
        assert self.server is not None
        self.server.start()
        return 0.0


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_a_certain_answer_needs_no_read_back(case: Certain, quick_folder: Path) -> None:
    """An execution is sent again after what did nothing, and rejected where Reply refused it."""
    with sandbox() as server:
        if case.name != "404":
            server.create_task(7, **TASKS.get(case.name, {}))
        stage = new_stage(server, quick_folder / "run")
        backoff = IMPATIENT
        attempts = len(case.calls.split())
        if case.name == "429":
            server.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=POST, retry_after=1)
        if case.name == "refused":
            server.stop()
            backoff = ServerComesBack(server=server)
            attempts += 1  # the one that reached nobody
        seen = observe(stage, execution(7, externalId=1), state({"records": 1}), backoff=backoff)
        assert fates(stage, executes=True)[7] == Fate(
            case.calls, case.effects, case.outcome, case.reason, attempts=attempts
        )
        assert seen.exit_code == (0 if case.reason is None else 2)
        assert (seen.states, seen.early, stage.claims()) == ([{"records": 1}], [], [])


def test_a_429_stops_every_lane_for_as_long_as_it_says(stage: Stage) -> None:
    """After a 429 no call of any record leaves before Retry-After has passed."""
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=POST, task_id=1, retry_after=2)
    stage.sandbox.fault(FaultKind.LATENCY, endpoint=POST, task_id=2, seconds=0.4)
    messages = [execution(task_id, externalId=task_id) for task_id in range(1, 6)]
    observe(stage, *messages, concurrency=2)
    calls = stage.sandbox.calls
    refused = next(call for call in calls if call.status == 429)
    later = [call.at - refused.at for call in calls if call.at > refused.at]
    assert sum(seconds < 1.9 for seconds in later) <= 1  # what was in flight beside it
    assert sorted(sent.task_id for sent in stage.sandbox.outbox) == [1, 2, 3, 4, 5]
    assert len(calls) == 6


@pytest.mark.e2e
def test_no_execution_goes_out_on_a_connection_that_idled(stage: Stage) -> None:
    """After a pause a fresh connection is opened; without one the connection is kept."""
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=POST, task_id=2, retry_after=4)
    observe(stage, execution(1), execution(2), concurrency=1)
    first, refused, again = stage.sandbox.calls
    assert (first.task_id, refused.task_id, again.task_id) == (1, 2, 2)
    assert first.connection == refused.connection != again.connection


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.RESET, FaultKind.UNAVAILABLE])
def test_the_http_library_repeats_nothing(kind: FaultKind, stage: Stage) -> None:
    """Each call that reaches Reply is one that the ledger knows of, kept-alive socket or not."""
    stage.sandbox.fault(kind, endpoint=POST, task_id=2, times=None)
    stage.sandbox.fault(kind, endpoint=PUT, task_id=3, times=2)
    observe(stage, execution(1), execution(2), update(3), concurrency=1, on_lost_answer="hold")
    for row in stage.operations():
        reached = [call for call in stage.sandbox.calls if call.task_id == row["task_id"]]
        assert row["api_calls"] == len(reached) == len(row["attempts"])
    assert len(stage.sandbox.calls_of(POST, 2)) == 1
    assert len(stage.sandbox.calls_of(PUT, 3)) == 3
