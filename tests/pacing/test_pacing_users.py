"""Bounds for a whole process: many Reply users take turns on few threads and few connections."""

from collections import Counter
from pathlib import Path

import pytest
from messages import Message
from pacing_world import OK, PacedStage, paced, updates
from sqlalchemy import NullPool, create_engine, text

from reply_tasks.sandbox import FaultKind

#: As the documents say it.
MOST_IN_FLIGHT = 64
USERS, RECORDS_EACH = 1_000, 2
#: Beside the senders: the main thread, the engine, the lease, the writer of STATEs, a watchdog.
OTHER_THREADS = 8
#: Beside one connection a call: standard streams, the ledger's files on each connection, the pipe
#: that wakes the reader.
OTHER_FILES = 30
#: Connections to PostgreSQL: the engine's, the lease's while it is renewed, and two to spare.
FEW = {"sqlite": range(1), "postgresql": range(1, 5)}


@pytest.mark.e2e
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_thousand_users_share_few_threads_and_connections(
    tmp_path: Path, postgres_url: str, database: str
) -> None:
    """64 calls are in flight, two for a user, on as many threads and sockets, and one ledger."""
    with paced(tmp_path, tasks=USERS * RECORDS_EACH, users=USERS) as stage:
        if database == "postgresql":
            stage.settings["ledger_url"] = postgres_url
        stage.sandbox.fault(FaultKind.STALL, times=None)
        target = stage.start("many", *_records_of(USERS), concurrency=2)
        stage.sandbox.wait_for_calls(MOST_IN_FLIGHT, seconds=60)
        with pytest.raises(TimeoutError):
            stage.sandbox.wait_for_calls(MOST_IN_FLIGHT + 1, seconds=2)
        assert max(_calls_by_user(stage).values()) <= 2
        assert _ledger_connections(postgres_url) in FEW[database]
        process = Path(f"/proc/{target.process.pid}")
        if process.exists():
            assert len(list((process / "task").iterdir())) <= MOST_IN_FLIGHT + OTHER_THREADS
            assert len(list((process / "fd").iterdir())) <= MOST_IN_FLIGHT + OTHER_FILES
        stage.sandbox.faults.clear()
        ended = target.end()
        assert ended.exit_code == 0, ended.log
        assert _calls_by_user(stage) == dict.fromkeys(range(1, USERS + 1), RECORDS_EACH)
        assert stage.statuses() == {OK}


def test_users_take_turns(tmp_path: Path) -> None:
    """Where two users could fill every place, a third that was read last does not wait for them."""
    users, each = 3, 90
    with paced(tmp_path, tasks=users * each, users=users, per_minute=None, latency=0.1) as stage:
        records = [
            record
            for user in range(1, users + 1)
            for record in updates((user - 1) * each + 1, user * each, actAsUserId=user)
        ]
        assert stage.run(*records, concurrency=32).exit_code == 0
        order = [call.user_id for call in stage.sandbox.calls]
        assert order.index(3) < 2 * MOST_IN_FLIGHT, "two rounds of calls at most went before"


def _ledger_connections(url: str) -> int:
    """How many connections others have to this database, as PostgreSQL counts them."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        count: int = connection.execute(text(counted)).scalar_one()
    return count - 1


def _records_of(users: int) -> list[Message]:
    return [
        record
        for user in range(1, users + 1)
        for record in updates((user - 1) * RECORDS_EACH + 1, user * RECORDS_EACH, actAsUserId=user)
    ]


def _calls_by_user(stage: PacedStage) -> Counter[int | None]:
    return Counter(call.user_id for call in stage.sandbox.calls)
