"""The tap spends the quota that every process on the ledger shares."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tap_world import Running, emit

from reply_tasks.ledger import open_engine
from reply_tasks.ledger.database import clock, writing
from reply_tasks.quota.quota import Quota
from reply_tasks.sandbox import SandboxServer


def test_calls_count_in_the_shared_quota(server: SandboxServer, config: dict[str, Any]) -> None:
    """What the tap spends, every run on this ledger sees as spent."""
    emit(config | {"page_size": 5}, "tasks")
    with _quota(config) as (quota, engine), engine.connect() as connection:
        left = {w.name: (w.limit, w.left) for w in quota.left(connection, None)}
    assert left == {"minute": (100, 95), "hour": (3000, 2995)}
    assert len(server.calls) == 5


def test_what_reply_says_is_left_is_kept_to(server: SandboxServer, config: dict[str, Any]) -> None:
    """Calls of other programs show in Reply's headers, and every run here learns of them."""
    server.spend(2900, seconds_ago=600)
    emit(config, "tasks")
    with _quota(config) as (quota, engine), engine.connect() as connection:
        left = {w.name: w.left for w in quota.left(connection, None)}
    assert left == {"minute": 99, "hour": 99}


def test_no_call_is_made_beyond_the_quota(
    server: SandboxServer, config: dict[str, Any], tmp_path: Path
) -> None:
    """With all but one call spent by others on this ledger, the tap makes one and waits."""
    with _quota(config) as (quota, engine), writing(engine) as connection:
        quota.take(connection, None, 99)
    with Running(tmp_path, config | {"page_size": 10}, selected=["tasks"]) as tap:
        tap.wait_for_log("for the quota (minute)")
        output = tap.stop(signal.SIGTERM)
    assert output.exit_code == 143
    assert [call.status for call in server.calls] == [200]


@contextmanager
def _quota(config: dict[str, Any]) -> Iterator[tuple[Quota, Engine]]:
    """The quota of these settings, as another process on the same ledger sees it."""
    engine = open_engine(config["ledger_url"])
    try:
        quota = Quota(
            write=partial(writing, engine),
            api_key=config["api_key"],
            per_minute=100,
            per_hour=3000,
            now=clock,
        )
        yield quota, engine
    finally:
        engine.dispose()
