"""A run outlives its PostgreSQL's restart: it waits, looks what was committed, and goes on."""

import time
from collections.abc import Iterator
from threading import Thread

import pytest
from messages import execution, state, update
from postgres_server import PostgresServer, postgres_cluster
from target_process import TargetProcess
from target_runs import Stage

from reply_tasks.sandbox.calls import Endpoint

RECORDS = 60
#: A minute and a little: by then the run's lease has ended as well.
LONG_OUTAGE = 70.0
#: By then whatever was in a sender's hands has been answered, or waits for the ledger.
QUIET_AFTER = 15.0


@pytest.fixture
def cluster() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test's own, which it may stop."""
    with postgres_cluster() as server:
        yield server


@pytest.mark.e2e
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_run_survives_a_restart_of_its_database(
    stage: Stage, cluster: PostgresServer, mode: str
) -> None:
    """Cleanly stopped or crashed, in the middle of its turns: each record is sent once."""
    stage.settings["ledger_url"] = cluster.url("postgres")
    for task_id in range(1, RECORDS + 1):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault("latency", seconds=0.2, times=None)

    def restart() -> None:
        for calls in (10, 25):
            stage.sandbox.wait_for_calls(calls, seconds=60)
            cluster.stop(mode)
            cluster.start()

    operator = Thread(target=restart)
    operator.start()
    half = RECORDS // 2
    ended = stage.script(
        *map(execution, range(1, half)), *map(update, range(half, RECORDS + 1)), state({"at": 1})
    )
    operator.join()
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}]), ended.log
    assert "The ledger is back." in ended.log
    assert f"{RECORDS} applied" in ended.last_line
    rows = stage.operations()
    assert sorted(row["task_id"] for row in rows) == list(range(1, RECORDS + 1))
    assert len(stage.sandbox.outbox) <= half - 1
    executed = [call.task_id or 0 for call in stage.sandbox.calls_of(Endpoint.EXECUTE)]
    assert sorted(executed) == list(range(1, half))


@pytest.mark.e2e
def test_a_run_survives_a_minute_without_its_database(
    stage: Stage, cluster: PostgresServer
) -> None:
    """Nothing leaves while no claim can be written; then its lease is renewed, and all goes on."""
    stage.settings["ledger_url"] = cluster.url("postgres")
    for task_id in range(1, RECORDS + 1):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault("latency", seconds=0.3, times=None)
    calls_meanwhile: list[int] = []

    def go_away() -> None:
        stage.sandbox.wait_for_calls(8, seconds=60)
        cluster.stop("immediate")
        for seconds in (QUIET_AFTER, LONG_OUTAGE - QUIET_AFTER):
            time.sleep(seconds)
            calls_meanwhile.append(len(stage.sandbox.calls))
        cluster.start()

    operator = Thread(target=go_away)
    operator.start()
    half = RECORDS // 2
    with TargetProcess(stage, concurrency=4) as target:
        target.write(*map(execution, range(1, half)), *map(update, range(half, RECORDS + 1)))
        target.write(state({"at": 1}))
        target.close()
        exit_code = target.exit_code(LONG_OUTAGE + 120)
        ended = target.end(close=False)
    operator.join()
    assert (exit_code, ended.states) == (0, [{"at": 1}]), ended.log
    assert "Waiting for the ledger" in ended.log
    assert "The ledger is back." in ended.log
    quiet, still_quiet = calls_meanwhile
    assert quiet == still_quiet < RECORDS
    assert f"{RECORDS} applied" in ended.last_line
    executed = [call.task_id or 0 for call in stage.sandbox.calls_of(Endpoint.EXECUTE)]
    assert sorted(executed) == list(range(1, half)), "each was sent once"
    assert stage.claims() == []
