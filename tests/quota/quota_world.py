"""A ledger, a clock that only moves when told to, and processes that spend one quota."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from reply_tasks.ledger.database import clock, open_engine, writing
from reply_tasks.quota.quota import Grant, Pause, Quota, Wait, WindowLeft
from reply_tasks.quota.windows import instant

START_MS = 1_780_000_000_000
KEY = "sk-live-5f3c9d77"


class Context:
    """One ledger and one clock; a ``Quota`` made here stands for a process of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now_ms = START_MS
        self.naps: list[float] = []

    def quota(
        self, per_minute: int | None = 100, per_hour: int | None = 3000, api_key: str = KEY
    ) -> Quota:
        """A quota as another process would open it."""
        return Quota(
            write=self.write,
            api_key=api_key,
            per_minute=per_minute,
            per_hour=per_hour,
            now=lambda _: self.now,
            sleep=self.sleep,
            monotonic=lambda: self.now_ms / 1000,
        )

    @property
    def now(self) -> datetime:
        """The clock's time."""
        return instant(self.now_ms)

    def after(self, seconds: float) -> datetime:
        """The time so many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction."""
        with writing(self.engine, durable=False) as connection:
            yield connection

    def sleep(self, stop: threading.Event, seconds: float) -> bool:
        """Let the time pass at once."""
        self.naps.append(seconds)
        self.pass_(seconds)
        return stop.is_set()

    def pass_(self, seconds: float) -> None:
        """Move the clock, by whole milliseconds."""
        self.now_ms += round(seconds * 1000)

    def take(self, quota: Quota, at_most: int, user: str | None = None) -> Grant:
        """Take in a transaction of its own."""
        with self.write() as connection:
            return quota.take(connection, user, at_most)

    def pause(self, quota: Quota, seconds: float, user: str | None = None) -> Pause:
        """Pause in a transaction of its own."""
        with self.write() as connection:
            return quota.pause(connection, user, seconds)

    def accept(self, quota: Quota, user: str | None = None) -> None:
        """Accept in a transaction of its own."""
        with self.write() as connection:
            quota.accepted(connection, user)

    def correct(
        self,
        quota: Quota,
        remaining: int,
        reset: datetime,
        in_flight: int = 0,
        user: str | None = None,
    ) -> None:
        """Correct in a transaction of its own."""
        with self.write() as connection:
            quota.correct(connection, user, remaining=remaining, reset=reset, in_flight=in_flight)

    def left(self, quota: Quota, user: str | None = None) -> tuple[WindowLeft, ...]:
        """What is left, read."""
        with self.engine.connect() as connection:
            return quota.left(connection, user)

    def acquire(self, quota: Quota, user: str | None = None) -> list[Wait]:
        """Acquire one slot; the waits it told of."""
        waits: list[Wait] = []
        assert quota.acquire(user, stop=threading.Event(), on_wait=waits.append)
        return waits


@contextmanager
def in_memory() -> Iterator[Context]:
    """A world that is gone afterwards."""
    engine = open_engine("sqlite://")
    try:
        yield Context(engine)
    finally:
        engine.dispose()


def spend_side_by_side(ledger_url: str, per_minute: int, processes: int) -> list[int]:
    """Let processes take what they can get, all at once; how many calls each was granted."""
    spenders = [
        subprocess.Popen(
            [sys.executable, __file__, ledger_url, str(per_minute)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for spender in spenders:
            assert spender.stdout is not None
            assert spender.stdout.readline() == "ready\n"
        return [int(spender.communicate(timeout=60)[0]) for spender in _started(spenders)]
    finally:
        for spender in spenders:
            spender.kill()
            spender.communicate()


def _started(spenders: Sequence["subprocess.Popen[str]"]) -> Sequence["subprocess.Popen[str]"]:
    for spender in spenders:
        assert spender.stdin is not None
        spender.stdin.write("go\n")
        spender.stdin.flush()
    return spenders


def _spend(ledger_url: str, per_minute: int) -> int:
    engine = open_engine(ledger_url)
    print("ready", flush=True)  # noqa: T201 - the protocol with the parent
    sys.stdin.readline()
    quota = Quota(
        write=lambda: writing(engine, durable=False),
        api_key=KEY,
        per_minute=per_minute,
        per_hour=10 * per_minute,
        now=clock,
    )
    spent = 0
    with engine.connect() as connection:
        connection.execution_options(writes=True)
        while True:
            with connection.begin():
                grant = quota.take(connection, None, 3)
            spent += grant.granted
            if grant.why is not None:
                break
    engine.dispose()
    return spent


if __name__ == "__main__":
    print(_spend(sys.argv[1], int(sys.argv[2])))  # noqa: T201 - the protocol with the parent
