"""A ledger that lives for years: runs in which nothing happens cost no calls, rows or size."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from messages import update
from sqlalchemy.engine import make_url
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus

pytestmark = pytest.mark.e2e

#: One day at every quarter of an hour.
RUNS_A_DAY = 96
RESYNCS, RECORDS, REFUSED = 100, 50, 500
#: What 100 rows of runs may take, with their indexes: a row for each record would be 3 MB.
MOST_GROWTH = 100_000


def size(stage: Stage) -> int:
    """Bytes of the ledger's file, with all that is committed in it."""
    path = Path(str(make_url(stage.settings["ledger_url"]).database))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return path.stat().st_size


def test_a_hundred_resyncs_add_a_hundred_rows_of_runs(stage: Stage) -> None:
    """What nothing has changed in leaves a row a run, whatever its length, and no call."""
    records = [update(number) for number in range(1, RECORDS + 1)]
    for number in range(1, RECORDS + 1):
        stage.sandbox.create_task(number)
    stage.run(*records)
    rows, calls, before = len(stage.operations()), len(stage.sandbox.calls), size(stage)
    for _ in range(RESYNCS):
        assert stage.run(*records).exit_code == 0
    runs = stage.runs()[1:]
    assert len(runs) == RESYNCS
    assert {(run["unchanged"], run["repeated"]) for run in runs} == {(RECORDS, RECORDS)}
    assert (len(stage.operations()), len(stage.sandbox.calls)) == (rows, calls)
    assert size(stage) - before < MOST_GROWTH


def test_a_day_of_runs_asks_once_about_each_refused_record(stage: Stage) -> None:
    """Each run repeats what Reply has refused, and Reply is asked about each once a day."""
    records = [update(number) for number in range(1, REFUSED + 1)]
    for number in range(1, REFUSED + 1):
        stage.sandbox.create_task(number)
        stage.sandbox.edit_task(number, status=TaskStatus.FINISHED)
    for _ in range(RUNS_A_DAY):
        assert stage.run(*records, retry_rejected_hours=24).exit_code == 2
    assert len(stage.sandbox.calls) == REFUSED
    assert len(stage.operations()) == REFUSED
    assert sum(run["rejected"] for run in stage.runs()) == RUNS_A_DAY * REFUSED
