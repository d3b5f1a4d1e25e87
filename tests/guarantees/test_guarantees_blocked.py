"""Whatever blocks: told to stop it stops within 25 seconds, and a full log stops nothing at all."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from signal import SIGINT, SIGTERM, SIGUSR1, Signals
from textwrap import dedent

import pytest
from messages import execution, state
from sqlalchemy import create_engine, text
from target_process import TargetProcess
from target_runs import Stage

#: What a process is given, and what a busy machine adds.
BOUND = 25.0 + 5.0
#: More than any pipe holds.
LARGE = "x" * 300_000


def _stops(process: TargetProcess, signum: Signals) -> None:
    """It ends in time, with the exit code of the signal."""
    began = time.monotonic()
    process.signal(signum)
    assert process.exit_code(BOUND) == 128 + signum
    assert time.monotonic() - began < BOUND


@contextmanager
def _full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that nobody reads, and that holds no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 1024)
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.mark.e2e
@pytest.mark.parametrize("signum", [SIGTERM, SIGINT])
def test_a_full_output_does_not_hold_it(stage: Stage, signum: Signals) -> None:
    """Nobody reads its STATEs: it sends what it is given, and ends when it is told to."""
    with _full_pipe() as writer, TargetProcess(stage, stdout=writer) as process:
        process.write(state({"note": LARGE}), execution(1), state({"note": LARGE}), execution(2))
        stage.sandbox.wait_for_calls(2)
        _stops(process, signum)
    assert [run["exit_code"] for run in stage.runs()] == [128 + signum]
    assert stage.claims() == []


def test_a_full_log_holds_nothing(stage: Stage) -> None:
    """Nobody reads its log: records are applied, their STATE leaves, and the exit code is right."""
    with _full_pipe() as writer, TargetProcess(stage, stderr=writer) as process:
        process.write(execution(1), state(1))
        assert process.wait_for_states(1) == [1]
        process.close()
        assert process.exit_code(BOUND) == 0
    assert stage.fates() == [(1, "applied", None)]


@pytest.mark.e2e
def test_a_full_log_does_not_hold_a_stop(stage: Stage) -> None:
    """Nobody reads its log: told to stop, it stops with the signal's exit code."""
    with _full_pipe() as writer, TargetProcess(stage, stderr=writer) as process:
        process.write(state(1))
        process.wait_for_states(1)
        _stops(process, SIGTERM)


@pytest.mark.e2e
def test_another_writer_of_the_file_does_not_hold_it(stage: Stage) -> None:
    """While somebody holds the ledger's lock, before it has begun or between two records."""
    stage.run()
    with closing(sqlite3.connect(stage.folder / "ledger.db", isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        with TargetProcess(stage) as process:
            process.wait_until_it_catches(SIGUSR1)
            _stops(process, SIGTERM)
        blocker.execute("ROLLBACK")
        with TargetProcess(stage) as process:
            process.write(state(1))
            process.wait_for_states(1)
            blocker.execute("BEGIN EXCLUSIVE")
            process.write(execution(1), state(2))
            _stops(process, SIGINT)
        blocker.execute("ROLLBACK")
    assert stage.run(execution(1)).exit_code == 0
    assert [sent.task_id for sent in stage.sandbox.outbox] == [1]


@pytest.mark.e2e
def test_a_database_that_accepts_and_says_nothing_does_not_hold_it(stage: Stage) -> None:
    """A frozen PostgreSQL, met while connecting."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{frozen.getsockname()[1]}/none"
        with TargetProcess(stage, ledger_url=url) as process:
            process.wait_until_it_catches(SIGUSR1)
            with closing(frozen.accept()[0]):
                _stops(process, SIGTERM)


@pytest.mark.e2e
def test_a_locked_database_does_not_hold_it(stage: Stage, postgres_url: str) -> None:
    """Somebody has locked the ledger's tables, and does not come back."""
    stage.settings["ledger_url"] = postgres_url
    stage.run()
    engine = create_engine(postgres_url)
    with engine.connect() as blocker, TargetProcess(stage) as process:
        process.write(state(1))
        process.wait_for_states(1)
        blocker.execute(text("LOCK TABLE operations, sequences, runs IN ACCESS EXCLUSIVE MODE"))
        process.write(execution(1), state(2))
        _stops(process, SIGTERM)
    engine.dispose()
    assert stage.sandbox.calls == []


WATCHED = """
    import logging, signal, sys, time
    from reply_tasks.watchdog import Watchdog
    logging.basicConfig(level="INFO")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    Watchdog(logging.getLogger("x"), on_stop=lambda number: time.sleep(60), bound=0.2).start()
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("signum", "exit_code"), [(SIGTERM, 143), (SIGINT, 130)])
def test_the_watchdog_ends_what_does_not_end(signum: Signals, exit_code: int) -> None:
    """Even while both the main thread and what stops it are stuck; and it says so in one line."""
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(WATCHED)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        assert process.wait(BOUND) == exit_code
        assert process.stderr is not None
        assert f"after {signum.name}" in process.stderr.read()
