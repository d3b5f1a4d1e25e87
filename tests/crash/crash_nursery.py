"""A process that has the target imported and forks one run after another, each to be killed.

Every run is a process of its own, with its own pid, that goes through the target's command line and
dies by a real SIGKILL; only the half second of imports is shared. It reads one order a line from
its standard input and answers each with one line.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

_NAP = 0.0005


@dataclass(frozen=True, slots=True)
class Order:
    """One run of the target.

    Attributes:
        arguments: Of its command line.
        stdin: The file it reads.
        stdout: The file it writes STATEs to.
        stderr: The file it logs to.
        step: The step at which it dies.
        nth: The how manieth time.
        seconds: When it is killed, whatever it does then.
        ahead: By how many seconds its clock is ahead.
    """

    arguments: Sequence[str]
    stdin: str
    stdout: str
    stderr: str
    step: str | None = None
    nth: int = 1
    seconds: float | None = None
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: by itself with an exit code, or killed."""

    exit_code: int | None
    killed: bool
    seconds: float


class Nursery:
    """The parent's side: a context manager that lives as long as runs are wanted."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, order: Order) -> Ending:
        """Run the target once, to its end or its death."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(asdict(order)) + "\n")
        stdin.flush()
        return Ending(**json.loads(stdout.readline()))


def _serve() -> None:
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - leaves sys.stdin untouched
    answers = os.dup(1)
    while line := orders.readline():
        order = Order(**json.loads(line))
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            _become_target(order)
        status = _wait(pid, None if order.seconds is None else began + order.seconds)
        killed = os.WIFSIGNALED(status)
        ending = Ending(
            exit_code=None if killed else os.waitstatus_to_exitcode(status),
            killed=killed,
            seconds=time.monotonic() - began,
        )
        os.write(answers, (json.dumps(asdict(ending)) + "\n").encode())


def _wait(pid: int, deadline: float | None) -> int:
    while deadline is not None:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(_NAP)
    return os.waitpid(pid, 0)[1]


def _become_target(order: Order) -> None:
    flags: Mapping[int, tuple[str, int]] = {
        0: (order.stdin, os.O_RDONLY),
        1: (order.stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        2: (order.stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    }
    for number, (path, flag) in flags.items():
        opened = os.open(path, flag, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    random.seed()
    code: Any = 70
    try:
        if order.step is not None:
            plant(order.step, order.nth)
        if order.ahead:
            set_clock(order.ahead)
        sys.argv = ["target-reply-tasks", *order.arguments]
        TargetReplyTasks.cli()
    except SystemExit as left:
        code = left.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    from crash_clock import set_clock
    from crash_steps import plant

    from reply_tasks.contract.validate import Form, passes_screen
    from reply_tasks.ledger import open_engine
    from target_reply_tasks import run  # noqa: F401 - what a run imports is shared, too
    from target_reply_tasks.engine import engine  # noqa: F401
    from target_reply_tasks.target import TargetReplyTasks

    open_engine("sqlite://").dispose()
    for form in Form:
        passes_screen(form, {})
    _serve()
