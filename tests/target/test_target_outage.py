"""A run outlives its PostgreSQL's restart: it waits, looks what was committed, and goes on."""

from collections.abc import Iterator
from threading import Thread

import pytest
from messages import execution, state, update
from postgres_server import PostgresServer, postgres_cluster
from target_runs import Stage

from reply_tasks.sandbox.calls import Endpoint

RECORDS = 60


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
