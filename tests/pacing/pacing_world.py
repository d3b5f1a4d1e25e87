"""Runs against a sandbox that keeps Reply's limits, with a past that can be moved back."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from console_script import SCRIPTS, environment
from messages import Message, lines
from messages import update as make_update
from sqlalchemy import update
from target_runs import KEY, Ended, Stage

from reply_tasks.ledger.database import open_engine, writing
from reply_tasks.ledger.quota_tables import quota_calls
from reply_tasks.sandbox import Call, SandboxServer, User

OK, TOO_MANY = 200, 429
#: What a process may take, on a busy machine, from its start to its first call.
PATIENCE = 120.0


@dataclass
class Clock:
    """The sandbox's clock: the machine's, moved ahead."""

    ahead: float = 0.0
    _stands_at: float | None = None

    def __call__(self) -> float:
        """Epoch seconds."""
        return time.time() + self.ahead if self._stands_at is None else self._stands_at

    def stand(self) -> None:
        """Let no time pass."""
        self._stands_at = self()

    def go(self) -> None:
        """Go on where it stood."""
        if self._stands_at is not None:
            self.ahead, self._stands_at = self._stands_at - time.time(), None


@dataclass
class PacedStage(Stage):
    """A stage whose quota is that of its sandbox."""

    clock: Clock = field(default_factory=Clock)

    def let_pass(self, seconds: float) -> None:
        """Everything that was spent so far was spent so much earlier."""
        self.clock.ahead += seconds
        engine = open_engine(self.settings["ledger_url"])
        try:
            with writing(engine) as connection:
                connection.execute(
                    update(quota_calls).values(at_ms=quota_calls.c.at_ms - round(seconds * 1000))
                )
        finally:
            engine.dispose()

    def start(self, name: str, *messages: Message, **settings: Any) -> "RunningTarget":
        """Start the console script on these messages; several may run at once."""
        config, given = self.folder / f"{name}.json", self.folder / f"{name}.singer"
        config.write_text(json.dumps({**self.settings, **settings}))
        given.write_text(lines(*messages))
        with given.open() as source:
            process = subprocess.Popen(
                [SCRIPTS / "target-reply-tasks", "--config", config],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
                cwd=self.folder,
            )
        return RunningTarget(process)

    @contextmanager
    def standing_until_refused(self, then: Callable[[], object] = lambda: None) -> Iterator[None]:
        """The sandbox's clock stands until a call was refused, however slow this machine is.

        Args:
            then: What happens at that moment.
        """
        self.clock.stand()
        ended = Event()

        def watch() -> None:
            while TOO_MANY not in self.statuses() and not ended.wait(0.005):
                pass
            self.clock.go()
            then()

        with ThreadPoolExecutor(1) as watcher:
            watched = watcher.submit(watch)
            try:
                yield
            finally:
                ended.set()
            watched.result()

    def arrivals(self, status: int = OK) -> list[float]:
        """When the calls with this status arrived, in order."""
        return sorted(call.at for call in self.sandbox.calls if call.status == status)

    def statuses(self) -> set[int | None]:
        """Every status that was answered."""
        return {call.status for call in self.sandbox.calls}


@dataclass(frozen=True)
class RunningTarget:
    """A console script that runs."""

    process: "subprocess.Popen[str]"

    def end(self) -> Ended:
        """Wait for its end."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.communicate()
        return Ended(self.process.returncode, [json.loads(line) for line in out.splitlines()], err)


@contextmanager
def paced(
    folder: Path,
    *,
    tasks: int,
    per_minute: int | None = 100,
    per_hour: int | None = 3000,
    latency: float = 0.0,
    users: int = 1,
) -> Iterator[PacedStage]:
    """A sandbox with these limits, and a target that knows them."""
    folder.mkdir(exist_ok=True)
    clock = Clock()
    keys = {KEY: [User(number, f"user{number}@example.com") for number in range(1, users + 1)]}
    with SandboxServer(
        keys=keys,
        requests_per_minute=per_minute,
        requests_per_hour=per_hour,
        latency=latency,
        clock=clock,
    ) as sandbox:
        for number in range(1, tasks + 1):
            sandbox.create_task(number)
        limits = {"requests_per_minute": per_minute, "requests_per_hour": per_hour}
        yield PacedStage(sandbox, folder, settings=dict(limits), clock=clock)


def updates(first: int, last: int, **members: Any) -> Sequence[Message]:
    """Updates of the tasks from ``first`` to ``last``."""
    return [
        make_update(number, taskType="manualEmail", **members) for number in range(first, last + 1)
    ]


def waits(ended: Ended) -> list[str]:
    """The lines that tell of a wait."""
    return [line for line in ended.log.splitlines() if "Waiting" in line and "Progress" not in line]


def after_the_first_refusal(calls: Sequence[Call]) -> list[float]:
    """When calls arrived after the first that was answered with 429, in seconds after that one."""
    refused = min(call.at for call in calls if call.status == TOO_MANY)
    return sorted(call.at - refused for call in calls if call.at > refused)
