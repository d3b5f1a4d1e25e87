"""Stopping early: the state that is written is true, and the next run goes on from it."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tap_ledger import LedgerWriter, sqlite_url, unchanged
from tap_world import KEY, Output, Running, emit, run

from reply_tasks.ledger import LedgerError
from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import Endpoint, SandboxServer, User
from tap_reply_tasks import ledger_streams

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

ROWS = 4000


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings that name a ledger with more rows than a pipe holds."""
    ledger_url = sqlite_url(tmp_path_factory.mktemp("ledger"))
    with LedgerWriter.open(ledger_url) as writer:
        for first in range(0, ROWS, 1000):
            writer.settle(*(unchanged(first + number) for number in range(1000)))
    return {"ledger_url": ledger_url}


def _bookmark(output: Output) -> int:
    bookmark: int = output.state["bookmarks"]["task_operations"]["replication_key_value"]
    return bookmark


@pytest.mark.parametrize(
    ("signals", "exit_code"),
    [
        ((signal.SIGTERM,), 143),
        ((signal.SIGINT,), 130),
        ((signal.SIGTERM, signal.SIGTERM, signal.SIGTERM), 143),
    ],
)
def test_a_signal_leaves_a_state_to_go_on_from(
    tmp_path: Path, config: dict[str, Any], signals: tuple[signal.Signals, ...], exit_code: int
) -> None:
    """Stopped in the middle of a line, it ends the line, and no row is missed or emitted twice."""
    with Running(tmp_path, config, selected=["task_operations"]) as tap:
        tap.read(200)
        time.sleep(0.3)  # the pipe is full: the tap is blocked within a write
        stopped = tap.stop(*signals)
    assert stopped.exit_code == exit_code
    emitted = stopped.ids("task_operations")
    assert 200 <= len(emitted) < ROWS
    assert stopped.messages[-1]["type"] == "STATE"
    assert _bookmark(stopped) == emitted[-1]
    rest = run(tmp_path, config, state=stopped.state, selected=["task_operations"])
    assert emitted + rest.ids("task_operations") == list(range(1, ROWS + 1))
    assert "Traceback" not in stopped.log


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path, config: dict[str, Any]) -> None:
    """A target that dies takes the tap with it, quietly."""
    with Running(tmp_path, config, selected=["task_operations"]) as tap:
        tap.read(10)
        tap.hang_up()
        assert tap.exit_code() == 1
    assert "Traceback" not in (tmp_path / "tap.log").read_text()


def test_state_is_written_as_rows_are(config: dict[str, Any]) -> None:
    """A tap that is killed without warning costs at most a thousand rows."""
    messages = emit(config, "task_operations").messages
    bookmarks = [
        message["value"]["bookmarks"]["task_operations"]["replication_key_value"]
        for message in messages
        if message["type"] == "STATE"
    ]
    assert bookmarks[:4] == [1000, 2000, 3000, 4000]


def test_a_ledger_that_fails_half_way_leaves_a_state(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was emitted before the trouble is in the state, and the exit code is 1."""

    def breaks_off(*args: Any, **options: Any) -> Iterator[Any]:
        for number, row in enumerate(settled_operations(*args, **options)):
            if number == 1234:
                raise LedgerError("The ledger went away.")
            yield row

    monkeypatch.setattr(ledger_streams, "settled_operations", breaks_off)
    stopped = emit(config, "task_operations")
    monkeypatch.undo()
    assert stopped.exit_code == 1
    assert _bookmark(stopped) == 1234
    rest = emit(config, "task_operations", state=stopped.state)
    assert rest.ids("task_operations") == list(range(1235, ROWS + 1))


@pytest.mark.parametrize("stream", ["tasks", "task_snapshots"])
def test_a_signal_ends_a_wait_for_an_answer(tmp_path: Path, stream: str) -> None:
    """An answer that doesn't come doesn't hold the process."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    with SandboxServer(tasks=3, keys={KEY: [User(1)]}) as server:
        server.fault("stall")
        api = {
            "api_key": KEY,
            "api_url": server.url,
            "request_timeout": 300,
            "api_dialect": "preview",
        }
        with Running(tmp_path, config | api, selected=[stream]) as tap:
            server.wait_for_calls(1, Endpoint.FILTER)
            stopped = tap.stop(signal.SIGTERM)
    assert stopped.exit_code == 143
    assert "Stopping on SIGTERM." in stopped.log


#: What a process that something blocks is given, and what a busy machine adds.
BLOCKED_SECONDS = 25 + 5


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_output_that_nobody_reads_does_not_hold_it(
    tmp_path: Path, config: dict[str, Any], number: signal.Signals, exit_code: int
) -> None:
    """The pipe is full and stays so: told to stop, it is gone within the bound."""
    with Running(tmp_path, config, selected=["task_operations"]) as tap:
        tap.read(10)
        time.sleep(0.3)  # the pipe is full: the tap is blocked within a write
        tap.send(number)
        assert tap.exit_code(BLOCKED_SECONDS) == exit_code


def test_a_frozen_database_does_not_hold_it(tmp_path: Path) -> None:
    """A PostgreSQL that accepts and says nothing, met while connecting."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{frozen.getsockname()[1]}/none"
        with (
            Running(tmp_path, {"ledger_url": url}, selected=["runs"]) as tap,
            closing(frozen.accept()[0]),
        ):
            tap.send(signal.SIGTERM)
            assert tap.exit_code(BLOCKED_SECONDS) == 143
