"""Runs of the target as its users see them: messages in, HTTP at a sandbox, a ledger out.

``Stage.run`` goes through the command line in this process, which is fast; ``Stage.script`` starts
the console script.
"""

import json
import logging
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner
from console_script import run_script
from entries import entry
from messages import Message, lines
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url

from reply_tasks.contract import Operation, body_hash
from reply_tasks.ledger import Ledger, new_id, open_engine
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.tables import operations, runs
from reply_tasks.sandbox import Endpoint, SandboxServer, User
from target_reply_tasks.target import TargetReplyTasks

KEY = "sk-target-2718281828459045"
USERS = (User(1, "owner@example.com"), User(2, "second@example.com"))
OUR_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@dataclass(frozen=True)
class Ended:
    """How a run ended, as far as its caller sees."""

    exit_code: int
    states: list[Any]
    log: str

    @property
    def last_line(self) -> str:
        """The last line of standard error."""
        return self.log.rstrip("\n").rpartition("\n")[2]


@dataclass
class Stage:
    """A sandbox, a folder with a ledger, and the settings that join them."""

    sandbox: SandboxServer
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    _engines: dict[str, Engine] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.settings = {
            "api_key": KEY,
            "api_url": self.sandbox.url,
            "api_dialect": "preview",
            "ledger_url": f"sqlite:///{self.folder / 'ledger.db'}",
            "requests_per_minute": None,
            "requests_per_hour": None,
            "settle_seconds": 0,
            "retry_rejected_hours": 0,
            **self.settings,
        }

    def run(self, *messages: Message | str, **settings: Any) -> Ended:
        """Run the target's command line on these messages, in this process."""
        config, given = self._files(lines(*messages), settings)
        return _invoke(config, given)

    def plan(self, *messages: Message | str, **settings: Any) -> Ended:
        """Plan these messages in a dry run; what it writes stands where STATEs would stand."""
        config, given = self._files(lines(*messages), settings)
        return _invoke(config, given, "--plan-format", "jsonl")

    def run_while(self, messages: Iterable[Message], **settings: Any) -> Ended:
        """Run the target on messages that are made while it reads: an iterator may wait for it."""
        config, _ = self._files("", settings)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)

        def feed() -> None:
            with suppress(BrokenPipeError), pipe.open("w", buffering=1) as tap:
                tap.write(lines())
                for message in messages:
                    tap.write(json.dumps(message) + "\n")

        feeder = Thread(target=feed)
        feeder.start()
        try:
            return _invoke(config, pipe)
        finally:
            feeder.join()
            pipe.unlink()

    def script(
        self,
        *messages: Message | str,
        env: Mapping[str, str] | None = None,
        config: str | None = None,
        words: Sequence[str] = (),
        **settings: Any,
    ) -> Ended:
        """Run the console script on these messages; ``config`` stands for the settings' file."""
        written, given = self._files(lines(*messages), settings)
        with given.open() as source:
            arguments = ["--config", config or written, *words]
            done = run_script(
                "target-reply-tasks", *arguments, folder=self.folder, env=env, source=source
            )
        return Ended(done.returncode, _states(done.stdout), done.stderr)

    def operations(self) -> list[dict[str, Any]]:
        """Every settled row of the ledger, in the order settled."""
        return self._rows(
            select(operations)
            .where(operations.c.outcome.is_not(None))
            .order_by(operations.c.sequence)
        )

    def claims(self) -> list[dict[str, Any]]:
        """Every row of the ledger without an outcome."""
        return self._rows(select(operations).where(operations.c.outcome.is_(None)))

    def runs(self) -> list[dict[str, Any]]:
        """Every run's row."""
        return self._rows(select(runs).order_by(runs.c.started_at))

    def fates(self) -> list[tuple[int | None, str, str | None]]:
        """Task, outcome and reason of every settled row, in the order settled."""
        return [(row["task_id"], row["outcome"], row["reason"]) for row in self.operations()]

    def fate(self) -> dict[str, Any]:
        """The row that was settled last."""
        return self.operations()[-1]

    def bodies(self, endpoint: Endpoint = Endpoint.UPDATE, task_id: int | None = None) -> list[Any]:
        """What the calls of an endpoint carried, in the order in which they arrived."""
        return [call.body for call in self.sandbox.calls_of(endpoint, task_id)]

    def left_by_the_dead(
        self,
        task_id: int,
        operation: Operation = Operation.EXECUTE,
        body: Mapping[str, Any] | None = None,
        external_id: str | None = None,
    ) -> str:
        """A claim whose process is gone; its operation's id."""
        now = datetime.now(UTC)
        key = {"id": task_id} if external_id is None else {"externalId": external_id}
        left = entry(
            task_id,
            operation,
            stream="task_executions",
            body_hash=body_hash(operation, body or {}),
            external_id=external_id,
            record={**key, **(body or {})},
            received_at=now,
        )
        with Ledger.open(self.settings["ledger_url"]) as ledger, ledger.write() as connection:
            claim(connection, [left], holder=ledger.holder, run_id=new_id(), at=now)
        return left.operation_id

    def close(self) -> None:
        """Let go of the ledgers that were looked at."""
        for engine in self._engines.values():
            engine.dispose()

    def _rows(self, statement: Any) -> list[dict[str, Any]]:
        url = self.settings["ledger_url"]
        if url not in self._engines:
            self._engines[url] = open_engine(url)
        with self._engines[url].connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def _files(self, text: str, settings: Mapping[str, Any]) -> tuple[Path, Path]:
        config, given = self.folder / "config.json", self.folder / "input.singer"
        config.write_text(json.dumps({**self.settings, **settings}))
        given.write_text(text)
        return config, given


def _invoke(config: Path, given: Path, *words: str) -> Ended:
    with _log() as log, signals_kept():
        result = CliRunner().invoke(
            TargetReplyTasks.get_singer_command(),
            ["--config", str(config), "--input", str(given), *words],
        )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, _states(result.stdout), log.getvalue() + result.stderr)


@pytest.fixture
def stage(quick_folder: Path) -> Iterator[Stage]:
    """A sandbox without limits, and an empty ledger."""
    with SandboxServer(
        keys={KEY: USERS}, requests_per_minute=None, requests_per_hour=None
    ) as sandbox:
        stage = Stage(sandbox, quick_folder)
        yield stage
        stage.close()


def ledger_bytes(url: str) -> bytes:
    """All that a ledger file and its side files hold."""
    path = Path(str(make_url(url).database))
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def _states(stdout: str) -> list[Any]:
    return [json.loads(line) for line in stdout.splitlines()]


@contextmanager
def _log() -> Iterator[StringIO]:
    """What the run writes to standard error, as the console script's own handler would."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield written
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def signals_kept() -> Iterator[None]:
    """The handlers of this process, whatever the target sets."""
    handlers = {number: signal.getsignal(number) for number in OUR_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
