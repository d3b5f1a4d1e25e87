"""Targets side by side on one ledger send each execution once, and never take what lives."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crash_sides import Side, rows_of, wait_for_runs, wait_until
from sqlalchemy import Engine, MetaData, Row

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.tables import operations
from reply_tasks.sandbox import DEFAULT_API_KEY, Endpoint, FaultKind, SandboxServer

EXECUTIONS = 200

# Each starts two targets.
pytestmark = pytest.mark.e2e
LATENCY = 0.002


def test_two_targets_send_each_execution_once(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Both read the same 200 executions, from either end: one sends each, the other knows it."""
    ids = [server.create_task().id for _ in range(EXECUTIONS)]
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        for forwards, backwards in zip(ids, reversed(ids), strict=True):
            one.executes(forwards)
            two.executes(backwards)
        one.end()
        two.end()
    assert Counter(sent.task_id for sent in server.outbox) == Counter(ids)
    assert len(server.calls_of(Endpoint.EXECUTE)) == EXECUTIONS
    rows = rows_of(engine)
    assert Counter(row.outcome for row in rows) == {
        Outcome.APPLIED: EXECUTIONS,
        Outcome.UNCHANGED: EXECUTIONS,
    }
    by_run = Counter((row.run_id, row.task_id) for row in rows)
    assert set(by_run.values()) == {1}
    senders = Counter(row.run_id for row in rows if row.outcome == Outcome.APPLIED)
    assert len(senders) == 2
    assert DEFAULT_API_KEY not in _everything(engine)


def test_what_two_targets_wrote_is_what_the_ledger_remembers(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Overlapping updates end with the last body recorded, so that skipping it is truthful."""
    ids = [server.create_task().id for _ in range(20)]
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        for turn in range(6):
            one.updates((task_id, f"one {turn}") for task_id in ids)
            two.updates((task_id, f"two {turn}") for task_id in ids)
            time.sleep(0.03)
        one.end()
        two.end()
    assert rows_of(engine, operations.c.outcome.is_(None)) == []
    calls = len(server.calls)
    with Side(tmp_path / "same", server, ledger_url) as same:
        same.updates((task_id, server.task(task_id).template.body) for task_id in ids).end()
    assert len(server.calls) == calls
    with Side(tmp_path / "other", server, ledger_url) as other:
        other.updates(
            (task_id, "two 5" if server.task(task_id).template.body == "one 5" else "one 5")
            for task_id in ids
        ).end()
    assert len(server.calls) == calls + len(ids)


def test_two_targets_merge_into_what_the_other_has_made_of_a_task(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """What a run keeps of a task is not laid over what another run has changed since."""
    server.create_task()
    with (
        Side(tmp_path / "one", server, ledger_url, update_mode="merge") as one,
        Side(tmp_path / "two", server, ledger_url, update_mode="merge") as two,
    ):
        one.merges(1, dueTo="2026-11-01T00:00:00Z")
        wait_until(lambda: len(_applied(engine)) == 1)
        two.merges(1, contactId=1002).end()
        one.merges(1, startAt="2026-10-01T00:00:00Z").end()
    task = server.task(1)
    assert (task.start_at, task.due_to, task.contact_id) == (
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
        1002,
    )
    assert len(_applied(engine)) == 3


def test_a_task_that_another_run_has_claimed_is_waited_for_and_judged_anew(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """The second run goes on with other tasks, then sees what became of the first one's claim."""
    for _ in range(3):
        server.create_task()
    server.fault(FaultKind.LATENCY, task_id=1, seconds=1.0)
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        one.executes(1)
        server.wait_for_calls(1, Endpoint.EXECUTE, 1)
        two.executes(1).executes(1, prefix="another ").updates([(1, "Too late")]).executes(2)
        server.wait_for_calls(1, Endpoint.EXECUTE, 2)
        assert rows_of(engine, operations.c.task_id == 1)[0].outcome is None
        one.end()
        (claimed,) = rows_of(engine, operations.c.outcome == Outcome.APPLIED, _task(1))
        two.executes(3).end()
    of_two = rows_of(engine, operations.c.run_id != claimed.run_id, _task(1))
    assert [(row.outcome, row.reason) for row in of_two] == [
        (Outcome.UNCHANGED, None),
        (Outcome.REJECTED, Reason.ALREADY_EXECUTED),
        (Outcome.REJECTED, Reason.TASK_NOT_NEW),
    ]
    assert len(server.calls_of(Endpoint.EXECUTE, 1)) == 1


def test_a_body_is_not_unchanged_while_another_run_changes_it(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """What was last applied says nothing while another body is on its way: it is waited for."""
    server.create_task(1)
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        one.updates([(1, "first")])
        wait_until(lambda: [row.outcome for row in rows_of(engine)] == [Outcome.APPLIED])
        server.fault(FaultKind.LATENCY, endpoint=Endpoint.UPDATE, seconds=1.0)
        one.updates([(1, "second")])
        server.wait_for_calls(2, Endpoint.UPDATE, 1)
        two.updates([(1, "first")])
        two.end()
        one.end()
    assert server.task(1).template.body == "first"
    assert [row.outcome for row in rows_of(engine)] == [Outcome.APPLIED] * 3


def _applied(engine: Engine) -> list[Row[Any]]:
    return rows_of(engine, operations.c.outcome == Outcome.APPLIED)


def _everything(engine: Engine) -> str:
    """All that the ledger's database holds, as text."""
    stored = MetaData()
    stored.reflect(engine)
    with engine.connect() as connection:
        tables = stored.sorted_tables
        return "".join(repr(row) for table in tables for row in connection.execute(table.select()))


def _task(task_id: int) -> object:
    return operations.c.task_id == task_id
