"""What the tests of the Meltano project stand on: the real Meltano, real plugins, a real CRM.

Meltano and the plugins are installed once a session from PyPI; each test gets a project of its own
that shares them, with its own state, ledger, databases and sandbox.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psycopg
import requests
from console_script import SCRIPTS
from meltano_home import Home, environment
from psycopg.rows import dict_row
from sqlalchemy import Table, select

from reply_tasks.ledger import open_engine
from reply_tasks.ledger.tables import operations, runs

WRITE_BACK = ("tap-postgres", "target-reply-tasks")
WAREHOUSE = ("tap-reply-tasks", "target-postgres")
STATE_ID = "sandbox:tap-postgres-to-target-reply-tasks"
PATIENCE = 60.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in a process of its own, seen through its control endpoints."""

    url: str

    def control(self, path: str, method: str = "GET", document: object = None) -> Any:
        """Ask or change something past the API."""
        root = self.url.removesuffix("/v3")
        answer = requests.request(method, f"{root}/_sandbox/{path}", json=document, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def calls(self, *endpoints: str) -> list[Row]:
        """Every call that arrived, or those at these endpoints."""
        calls: list[Row] = self.control("calls")
        return [call for call in calls if not endpoints or call["endpoint"] in endpoints]

    def task(self, task_id: int) -> Row:
        """A task as the sandbox has it."""
        task: Row = self.control(f"tasks/{task_id}")
        return task

    def sent(self) -> list[int]:
        """The task of every email that went out, in order."""
        return [each["task_id"] for each in self.control("outbox")]


@contextmanager
def sandbox_process(folder: Path, **options: object) -> Iterator[Sandbox]:
    """``reply-tasks sandbox`` with New emails and without limits, until the block ends."""
    ready = folder / "sandbox.url"
    options = {
        "tasks": 400,
        "mix": "emails",
        "requests_per_minute": 0,
        "requests_per_hour": 0,
        **options,
    }
    words = [
        str(word)
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    program = [str(SCRIPTS / "reply-tasks"), "sandbox", "--port", "0"]
    command = [*program, "--ready-file", str(ready), *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment()) as process:
        try:
            wait_until(lambda: ready.exists() and bool(ready.read_text()))
            yield Sandbox(ready.read_text())
        finally:
            process.terminate()


@dataclass(frozen=True)
class Database:
    """A PostgreSQL database of a test's own."""

    url: str

    @property
    def plain_url(self) -> str:
        """Its URL without a driver, and with the password that tap-postgres insists on."""
        return self.url.replace("+psycopg", "").replace("postgres@", "postgres:unused@")

    def run(self, *statements: str) -> None:
        """Run statements, each file of SQL being one."""
        with psycopg.connect(self.plain_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, query: str) -> list[Row]:
        """Ask."""
        with psycopg.connect(self.plain_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()


@dataclass
class Run:
    """A ``meltano`` process that was started."""

    process: subprocess.Popen[str]
    log: Path
    output: IO[str]

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(timeout=180)
        self.output.close()
        return code

    def signal_group(self, number: signal.Signals) -> None:
        """Signal Meltano and every plugin that it started."""
        os.killpg(self.process.pid, number)

    def plugin(self, name: str) -> int:
        """The process of a plugin that it runs now."""
        (found,) = [
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if _group(folder) == self.process.pid and name in _program(folder)
        ]
        return found

    @property
    def text(self) -> str:
        """What it and its plugins said."""
        return self.log.read_text()


def _group(process: Path) -> int | None:
    with suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[2])
    return None


def _program(process: Path) -> str:
    with suppress(OSError):
        return " ".join((process / "cmdline").read_text().split("\0")[:2])
    return ""


@dataclass
class Project:
    """A Meltano project: the root's ``meltano.yml`` in a folder of its own."""

    home: Home
    folder: Path
    sandbox: Sandbox
    ledger_url: str
    crm: Database
    warehouse: Database
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(
            self.home.project, self.folder, symlinks=True, ignore=lambda *_: {".meltano", "output"}
        )
        for kind in ("extractors", "loaders"):
            shared = self.home.project / ".meltano" / kind
            (self.folder / ".meltano").mkdir(exist_ok=True)
            (self.folder / ".meltano" / kind).symlink_to(shared)
        self.settings = {
            "NO_COLOR": "1",
            "MELTANO_AUTO_INSTALL": "false",
            "CRM_DATABASE_URL": self.crm.plain_url,
            "WAREHOUSE_DATABASE_URL": self.warehouse.url,
            "TARGET_REPLY_TASKS_API_URL": self.sandbox.url,
            "TARGET_REPLY_TASKS_API_DIALECT": "preview",
            "TARGET_REPLY_TASKS_LEDGER_URL": self.ledger_url,
            "TARGET_REPLY_TASKS_REQUESTS_PER_MINUTE": "100000",
            "TARGET_REPLY_TASKS_REQUESTS_PER_HOUR": "100000",
            "TARGET_REPLY_TASKS_SETTLE_SECONDS": "1",
            "TARGET_REPLY_TASKS_CONCURRENCY": "4",
            "TAP_REPLY_TASKS_LEDGER_URL": self.ledger_url,
            **self.settings,
        }

    def start(self, *words: str) -> Run:
        """Start a ``meltano`` command as the leader of a process group."""
        log = self.folder / f"meltano-{time.monotonic_ns()}.log"
        output = log.open("w")
        process = subprocess.Popen(
            [str(self.home.meltano), *words],
            cwd=self.folder,
            env=environment() | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return Run(process, log, output)

    def meltano(self, *words: str, code: int = 0) -> str:
        """Run a ``meltano`` command to its end, and return all that was said."""
        run = self.start(*words)
        assert run.wait() == code, run.text
        return run.text

    def state(self, state_id: str = STATE_ID) -> dict[str, Row]:
        """The bookmarks that Meltano has saved, by stream."""
        done = subprocess.run(
            [self.home.meltano, "state", "get", state_id],
            cwd=self.folder,
            env=environment() | self.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        state = json.loads(done.stdout)
        return dict(state.get("singer_state", {}).get("bookmarks", {}))

    def operations(self) -> list[Row]:
        """Every operation of the ledger; outcome None: claimed."""
        return self._ledger(operations)

    def runs(self) -> list[Row]:
        """Every run of the ledger."""
        return self._ledger(runs)

    def wait_for_calls(self, count: int) -> None:
        """Return when so many updates and executions have arrived at Reply."""
        wait_until(lambda: len(self.sandbox.calls("update", "execute")) >= count)

    def _ledger(self, table: Table) -> list[Row]:
        engine = open_engine(self.ledger_url, create=False)
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(select(table)).mappings()]
        finally:
            engine.dispose()


def fates(rows: list[Row]) -> dict[str, list[tuple[str | None, str | None]]]:
    """Outcome and reason of every operation, by the CRM's own key, in the order settled."""
    settled = sorted((row for row in rows if row["outcome"]), key=lambda row: int(row["sequence"]))
    found: dict[str, list[tuple[str | None, str | None]]] = {}
    for row in settled:
        found.setdefault(row["external_id"], []).append((row["outcome"], row["reason"]))
    return found


def moment(text: str | datetime) -> datetime:
    """An instant, however it is written; without an offset it is UTC."""
    read = datetime.fromisoformat(text) if isinstance(text, str) else text
    return read.replace(tzinfo=None) if read.tzinfo is None else read


def wait_until(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Return as soon as something holds in another process, which can only be asked."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
