"""A claim belongs to its holder as long as that lives, on this host or on another."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest
from crash_sides import Side, rows_of, wait_for_runs
from entries import entry
from sqlalchemy import Engine, update

from reply_tasks.contract import body_hash
from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import Entry, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.queries import finished_runs
from reply_tasks.ledger.runs import register_holder, start_run
from reply_tasks.ledger.tables import holders
from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer

# Each starts two targets.
pytestmark = pytest.mark.e2e
LATENCY = 0.002


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_a_holder_that_stands_still_on_this_host_keeps_its_claim(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Stopped, and with its lease long over, it still lives; killed, its claim is taken at once."""
    server.create_task()
    server.create_task()
    server.fault(FaultKind.LATENCY, endpoint=Endpoint.EXECUTE, seconds=0.3, times=2)
    with (
        Side(tmp_path / "one", server, ledger_url, concurrency=1) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        one.executes(1)
        server.wait_for_calls(1, Endpoint.EXECUTE, 1)
        one.signal(SIGSTOP)
        _end_leases(engine)
        two.executes(1)
        time.sleep(1.0)
        assert len(server.calls) == 1
        assert [row.outcome for row in rows_of(engine)] == [None]
        one.signal(SIGCONT)
        one.executes(2)
        server.wait_for_calls(1, Endpoint.EXECUTE, 2)
        one.signal(SIGSTOP)
        two.executes(2)
        one.signal(SIGKILL)
        two.end()
    assert Counter(sent.task_id for sent in server.outbox) == {1: 1, 2: 1}
    assert len(server.calls_of(Endpoint.EXECUTE)) == 2
    assert len(server.calls_of(Endpoint.GET, 2)) >= 1
    assert Counter((row.task_id, row.outcome) for row in rows_of(engine)) == {
        (task_id, outcome): 1
        for task_id in (1, 2)
        for outcome in (Outcome.APPLIED, Outcome.UNCHANGED)
    }


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_claim_of_another_host_is_taken_when_its_lease_has_ended(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Whether a process of another host lives is told by its lease alone."""
    server.create_task()
    elsewhere = Holder(new_id(), host="elsewhere", pid=1, process_start="long ago")
    entry = _execution_of(1)
    with writing(engine) as connection:
        register_holder(connection, elsewhere)
        start_run(connection, elsewhere.holder_id)
        claim(
            connection,
            [entry],
            holder=elsewhere,
            run_id=elsewhere.holder_id,
            at=datetime.now(UTC),
        )
    with Side(tmp_path / "here", server, ledger_url) as here:
        wait_for_runs(engine, 2)
        here.executes(1)
        time.sleep(0.8)
        assert server.calls == []
        _end_leases(engine)
        here.end()
    assert Counter(sent.task_id for sent in server.outbox) == {1: 1}
    assert [(row.operation_id == entry.operation_id, row.outcome) for row in rows_of(engine)] == [
        (True, Outcome.APPLIED),
        (False, Outcome.UNCHANGED),
    ]
    with engine.connect() as connection:
        crashed = {row["run_id"] for row in finished_runs(connection, after=0) if row["crashed"]}
    assert crashed == {elsewhere.holder_id}


def _end_leases(engine: Engine) -> None:
    with writing(engine) as connection:
        past = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(holders).values(lease_until=past))


def _execution_of(task_id: int) -> Entry:
    return entry(
        task_id,
        external_id=str(task_id),
        body_hash=body_hash(Operation.EXECUTE, {}),
        record={"id": task_id, "externalId": str(task_id)},
        received_at=datetime.now(UTC),
    )
