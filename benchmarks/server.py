"""A sandbox in a process of its own, so that its CPU and memory are nobody else's.

It prints its address; then, for each line on standard input, how many calls it has answered and how
many of them with 429, and starts anew.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from reply_tasks.sandbox import DEFAULT_API_KEY, Mix, SandboxServer, User
from reply_tasks.sandbox.seed import make_tasks

REFUSED = 429


@dataclass(frozen=True, slots=True)
class Served:
    """What a sandbox has answered.

    Attributes:
        calls: How many calls reached it.
        refused: How many of them it answered with 429.
    """

    calls: int
    refused: int


class Sandbox:
    """A running sandbox, seen from the process that measures."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin, self._stdout = stdin, stdout
        self.url = self._read()

    def served(self) -> Served:
        """What it has answered since it was last asked; its tasks are new again."""
        self._stdin.write("\n")
        self._stdin.flush()
        return Served(**json.loads(self._read()))

    def _read(self) -> str:
        line = self._stdout.readline().strip()
        if not line:
            raise ChildProcessError("the sandbox has ended")
        return line


@contextmanager
def sandbox(
    *, tasks: int, latency: float = 0.0, per_minute: int | None = None
) -> Iterator[Sandbox]:
    """A sandbox of New email tasks with the ids 1 to ``tasks``."""
    settings = {"tasks": tasks, "latency": latency, "per_minute": per_minute}
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Sandbox(process.stdin, process.stdout)
        finally:
            process.stdin.close()


def _serve(*, tasks: int, latency: float, per_minute: int | None) -> None:
    server = SandboxServer(
        tasks=make_tasks(tasks, mix=Mix.EMAILS),
        keys={DEFAULT_API_KEY: [User(1, "owner@example.com")]},
        requests_per_minute=per_minute,
        requests_per_hour=None,
        latency=latency,
    )
    with server:
        print(server.url, flush=True)
        for _ in sys.stdin:
            statuses = [call.status for call in server.calls]
            served = {"calls": len(statuses), "refused": statuses.count(REFUSED)}
            server.reset()
            print(json.dumps(served), flush=True)


if __name__ == "__main__":
    _serve(**json.loads(sys.argv[1]))
