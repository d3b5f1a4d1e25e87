"""The console script as a process whose standard streams a test holds, event by event."""

import json
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from threading import Condition, Thread
from typing import IO, Any, Self

from console_script import SCRIPTS, environment
from messages import Message, schema
from target_runs import Ended, Stage

from target_reply_tasks.reading.json_text import read_json

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Written:
    """The lines that a stream has brought so far."""

    lines: list[str]
    changed: Condition

    def follow(self, stream: IO[str]) -> None:
        """Take every line until the stream ends."""
        for line in stream:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        stream.close()

    def wait_for(self, count: int, holding: str = "") -> list[str]:
        """The lines that hold a text, once there are so many; TimeoutError otherwise."""
        with self.changed:
            found = self.changed.wait_for(lambda: len(self._holding(holding)) >= count, SECONDS)
            if not found:
                raise TimeoutError(f"no {holding!r} in {self.lines}")
            return self._holding(holding)

    def _holding(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]


class TargetProcess:
    """A running target; its input stays open until it is closed here."""

    def __init__(
        self,
        stage: Stage,
        *,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        **settings: Any,
    ) -> None:
        config = stage.folder / "config.json"
        config.write_text(json.dumps({**stage.settings, "request_timeout": 10, **settings}))
        self._process = subprocess.Popen(
            [SCRIPTS / "target-reply-tasks", "--config", str(config)],
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="surrogateescape",  # so that a test can write what is not UTF-8
            env=environment(),
            cwd=stage.folder,
        )
        self.stdout, self.stderr = Written([], Condition()), Written([], Condition())
        self._followers = [
            Thread(target=written.follow, args=(stream,), daemon=True)
            for written, stream in (
                (self.stdout, self._process.stdout),
                (self.stderr, self._process.stderr),
            )
            if stream is not None
        ]
        for follower in self._followers:
            follower.start()
        self.write(schema("task_updates"), schema("task_executions"))

    def write(self, *messages: Message | str) -> None:
        """Write messages to its input, which stays open."""
        self.write_raw("".join(f"{m if isinstance(m, str) else json.dumps(m)}\n" for m in messages))

    def write_raw(self, text: str) -> None:
        """Write text as it is."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def wait_for_states(self, count: int) -> list[Any]:
        """The STATEs that have left, once there are so many."""
        return [json.loads(line) for line in self.stdout.wait_for(count)]

    def signal(self, *signals: Signals) -> None:
        """Send signals; each is delivered before the next is sent, so that none are merged."""
        for each in signals:
            self._process.send_signal(each)
            wait_until_delivered(self._process.pid, each)

    def wait_until_it_catches(self, signum: Signals) -> None:
        """Return when it has a handler for this signal."""
        _wait_for_mask(self._process.pid, signum, "SigCgt", among=True)

    def close(self) -> None:
        """Close its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def exit_code(self, seconds: float) -> int:
        """Wait so long for its end."""
        return self._process.wait(seconds)

    def end(self, *, close: bool = True) -> Ended:
        """Wait for its end; ``close`` closes its input first."""
        if close:
            self.close()
        exit_code = self._process.wait(SECONDS)
        for follower in self._followers:
            follower.join(SECONDS)
        log = "".join(f"{line}\n" for line in self.stderr.lines)
        return Ended(exit_code, [read_json(line) for line in self.stdout.lines], log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        for follower in self._followers:
            follower.join()


def wait_until_delivered(pid: int, signum: Signals) -> None:
    """Return when a process has taken a signal that was sent to it."""
    _wait_for_mask(pid, signum, "ShdPnd", among=False)


def _wait_for_mask(pid: int, signum: Signals, name: str, *, among: bool) -> None:
    """Wait until a signal is, or is not, in one of the masks that the kernel shows."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return  # it has ended
        masks = dict(line.split(":", 1) for line in status.splitlines())
        if bool(int(masks[name], 16) >> (signum - 1) & 1) is among:
            return
        time.sleep(0.002)
    raise TimeoutError(f"{signum} never changed in {name}")
