"""Targets that run side by side on one ledger, as real processes, and the tap that watches them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from signal import Signals
from typing import Any, Self

from console_script import run_script
from crash_input import STREAMS
from sqlalchemy import Engine, Row, select

from reply_tasks.ledger.tables import operations, runs
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer

#: How long a busy machine may take for anything here.
SECONDS = 120.0
#: The target's command line in a process that looks for dead holders all the time.
_WATCHFUL = """
from target_reply_tasks import target
from target_reply_tasks.engine import backlog
backlog.ORPHAN_CHECK = 0.2
target.TargetReplyTasks.cli()
"""


class Side:
    """One target. Its input is open until ``end``."""

    def __init__(
        self, folder: Path, server: SandboxServer, ledger_url: str, **settings: Any
    ) -> None:
        folder.mkdir()
        config = folder / "config.json"
        config.write_text(json.dumps(common(server, ledger_url) | settings))
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _WATCHFUL, "--config", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                cwd=folder,
            )
        for stream in STREAMS.values():
            schema = {"properties": {"id": {"type": "integer"}}}
            self._write(
                {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]}
            )

    def executes(self, *task_ids: int, prefix: str = "") -> Self:
        """Write executions, whose ``externalId`` is the task's id."""
        for task_id in task_ids:
            record = {"id": task_id, "externalId": f"{prefix}{task_id}"}
            self._write({"type": "RECORD", "stream": "task_executions", "record": record})
        return self

    def sends(self, task_id: int, body: str) -> Self:
        """Write an execution that brings its own text."""
        record = {"id": task_id, "content": {"subject": "S", "body": body}}
        self._write({"type": "RECORD", "stream": "task_executions", "record": record})
        return self

    def updates(self, bodies: Iterable[tuple[int, str]]) -> Self:
        """Write full replacements, by task and body."""
        for task_id, body in bodies:
            record = {
                "id": task_id,
                "taskType": 7,
                "startAt": "2026-09-08T12:00:00Z",
                "dueTo": "2026-09-09T12:00:00Z",
                "template": {"body": body, "subject": "On Friday"},
            }
            self._write({"type": "RECORD", "stream": "task_updates", "record": record})
        return self

    def says(self, operation: str, **members: object) -> Self:
        """Write a record of any operation."""
        self._write({"type": "RECORD", "stream": STREAMS[operation], "record": members})
        return self

    def merges(self, task_id: int, **members: object) -> Self:
        """Write an update of some members."""
        record = {"id": task_id, **members}
        self._write({"type": "RECORD", "stream": "task_updates", "record": record})
        return self

    def end(self) -> str:
        """Close its input, wait until it has settled all of it; what it logged."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        exit_code = self.process.wait(SECONDS)
        assert exit_code == 0, self._log.read_text()
        return self._log.read_text()

    def signal(self, signum: Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(signum)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()


def common(server: SandboxServer, ledger_url: str) -> dict[str, Any]:
    """The settings of every side."""
    return {
        "api_url": server.url,
        "api_dialect": "preview",
        "api_key": DEFAULT_API_KEY,
        "ledger_url": ledger_url,
        "requests_per_minute": None,
        "requests_per_hour": None,
        "settle_seconds": 0,
        "keep_repeats": True,
    }


def wait_until(holds: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return when it holds; TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def wait_for_runs(engine: Engine, count: int) -> None:
    """Return when so many runs have started on a ledger."""
    wait_until(lambda: len(_rows(engine, select(runs.c.run_id))) >= count)


def rows_of(engine: Engine, *conditions: Any) -> list[Row[Any]]:
    """Rows of operations in the order settled."""
    return _rows(engine, select(operations).where(*conditions).order_by(operations.c.sequence))


def _rows(engine: Engine, statement: Any) -> list[Row[Any]]:
    with engine.connect() as connection:
        return list(connection.execute(statement).all())


class Tap:
    """The tap as a pipeline runs it: again and again, each time from the state of the last."""

    def __init__(self, folder: Path, ledger_url: str) -> None:
        folder.mkdir()
        self._state = folder / "state.json"
        self._config = folder / "config.json"
        self._config.write_text(json.dumps({"ledger_url": ledger_url}))
        self.records: dict[str, list[dict[str, Any]]] = {
            "task_details": [],
            "task_operations": [],
            "runs": [],
        }

    def run(self) -> None:
        """Read what is new."""
        arguments = ["--config", str(self._config)]
        if self._state.exists():
            arguments += ["--state", str(self._state)]
        done = run_script("tap-reply-tasks", *arguments)
        assert done.returncode == 0, done.stderr
        for message in map(json.loads, done.stdout.splitlines()):
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])
            elif message["type"] == "STATE":
                self._state.write_text(json.dumps(message["value"]))
