"""A sandbox for the tap, and the settings that lead to it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tap_ledger import sqlite_url
from tap_world import KEY

from reply_tasks.sandbox import Mix, SandboxServer, User
from reply_tasks.sandbox.seed import make_tasks
from tap_reply_tasks import api_streams
from tap_reply_tasks.reply_reader import Effects

#: Without limits of our own.
FRESH = {"requests_per_minute": None, "requests_per_hour": None}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A Reply API with 25 tasks."""
    tasks = make_tasks(25, mix=Mix.EMAILS)
    with SandboxServer(tasks=tasks, keys={KEY: [User(1, "owner@example.com")]}) as running:
        yield running


@pytest.fixture
def config(server: SandboxServer, tmp_path: Path) -> dict[str, Any]:
    """The settings of a tap that reads from it."""
    return {
        "api_key": KEY,
        "api_url": server.url,
        "api_dialect": "preview",
        "ledger_url": sqlite_url(tmp_path),
        "request_timeout": 5,
    }


def sleepless(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let backoffs pass at once; the seconds that they would have lasted."""
    slept: list[float] = []
    monkeypatch.setattr(api_streams, "Effects", partial(Effects, sleep=slept.append))
    return slept
