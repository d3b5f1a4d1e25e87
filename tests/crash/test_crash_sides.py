"""Targets side by side on one ledger send each execution once, and never take what lives."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from threading import Event, Thread
from typing import Any

import pytest
from crash_sides import Side, Tap, rows_of, wait_for_runs, wait_until
from entries import entry
from sqlalchemy import Engine, MetaData, Row, update

from reply_tasks.contract import body_hash
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Entry, new_id, open_engine
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.queries import finished_runs, settled_operations
from reply_tasks.ledger.runs import register_holder, start_run
from reply_tasks.ledger.tables import holders, operations
from reply_tasks.sandbox import DEFAULT_API_KEY, Endpoint, FaultKind, SandboxServer

EXECUTIONS = 200

# Each starts two targets.
pytestmark = pytest.mark.e2e


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(requests_per_minute=None, requests_per_hour=None, latency=0.002) as running:
        yield running


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    made = open_engine(ledger_url)
    yield made
    made.dispose()


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
