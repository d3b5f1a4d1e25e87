"""Who reads the ledger while two targets write to it misses nothing."""

from pathlib import Path
from threading import Event, Thread

import pytest
from crash_sides import Side, Tap, rows_of, wait_for_runs
from sqlalchemy import Engine

from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import FaultKind, SandboxServer

# Each starts two targets.
pytestmark = pytest.mark.e2e
LATENCY = 0.002


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_reader_that_polls_while_two_targets_write_misses_nothing(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """What is read by steps, each from the last number seen, is what is read at once afterwards."""
    ids = [server.create_task().id for _ in range(150)]
    polled: list[int] = []
    ended = Event()

    def poll() -> None:
        last_look = False
        while not last_look:
            last_look = ended.is_set()
            with engine.connect() as connection:
                rows = settled_operations(connection, after=polled[-1] if polled else 0)
                polled.extend(row["sequence"] for row in rows)

    reader = Thread(target=poll)
    with (
        Side(tmp_path / "one", server, ledger_url, concurrency=8) as one,
        Side(tmp_path / "two", server, ledger_url, concurrency=8) as two,
    ):
        wait_for_runs(engine, 2)
        reader.start()
        try:
            one.updates((task_id, "one") for task_id in ids).executes(*ids[:50])
            two.updates((task_id, "two") for task_id in ids).executes(*ids[50:])
            one.end()
            two.end()
        finally:
            ended.set()
            reader.join()
    assert polled == [row.sequence for row in rows_of(engine)]
    assert len(polled) == 450


def test_a_tap_that_polls_while_two_targets_write_misses_nothing(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Every stream of the ledger, run after run from the last state, against one run afterwards."""
    ids = [server.create_task().id for _ in range(400)]
    server.fault(FaultKind.LATENCY, times=None, seconds=0.02)
    polling = Tap(tmp_path / "polling", ledger_url)
    with (
        Side(tmp_path / "one", server, ledger_url, concurrency=4) as one,
        Side(tmp_path / "two", server, ledger_url, concurrency=4) as two,
    ):
        wait_for_runs(engine, 2)
        ending = [
            Thread(target=lambda: one.updates((id_, "one") for id_ in ids).executes(*ids).end()),
            Thread(target=lambda: two.updates((id_, "two") for id_ in ids).executes(*ids).end()),
        ]
        for thread in ending:
            thread.start()
        looks = 0
        while any(thread.is_alive() for thread in ending):
            polling.run()
            looks += 1
        for thread in ending:
            thread.join()
    assert looks >= 3
    polling.run()
    afterwards = Tap(tmp_path / "afterwards", ledger_url)
    afterwards.run()
    assert polling.records == afterwards.records
    assert len(polling.records["task_operations"]) == 1600
    assert len(polling.records["runs"]) == 2
