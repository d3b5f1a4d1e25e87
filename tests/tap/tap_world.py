"""The tap as its users start it, and what it writes."""

import json
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Self

from console_script import SCRIPTS, environment, run_script

from tap_reply_tasks.tap import TapReplyTasks

KEY = "tap-key-2718281828459045"


@dataclass
class Output:
    """What a tap wrote: its messages in order, the log, the exit code."""

    messages: list[dict[str, Any]]
    log: str = ""
    exit_code: int | str | None = 0
    records: dict[str, list[dict[str, Any]]] = field(init=False)

    def __post_init__(self) -> None:
        self.records = defaultdict(list)
        for message in self.messages:
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])

    @property
    def state(self) -> dict[str, Any]:
        """The value of the last STATE."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return dict(states[-1])

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The SCHEMA messages by stream."""
        return {m["stream"]: m for m in self.messages if m["type"] == "SCHEMA"}

    def ids(self, stream: str, key: str = "sequence") -> list[Any]:
        """One column of a stream."""
        return [record[key] for record in self.records[stream]]


def catalog(*selected: str) -> dict[str, Any]:
    """The catalog in which just these streams are selected."""
    discovered = make_tap({}, validate_config=False).catalog_dict
    for stream in discovered["streams"]:
        for entry_ in stream["metadata"]:
            if not entry_["breadcrumb"]:
                entry_["metadata"]["selected"] = stream["tap_stream_id"] in selected
    return discovered


def make_tap(config: Mapping[str, Any], **arguments: Any) -> TapReplyTasks:
    """A tap that leaves the signal handlers of this process as they are."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return TapReplyTasks(config=dict(config), **arguments)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def emit(
    config: Mapping[str, Any], *selected: str, state: Mapping[str, Any] | None = None
) -> Output:
    """Run a tap in this process; without ``selected``, the default streams."""
    arguments: dict[str, Any] = {"catalog": catalog(*selected)} if selected else {}
    tap = make_tap(config, state=json.loads(json.dumps(state or {})), **arguments)
    exit_code: int | str | None = 0
    with redirect_stdout(StringIO()) as written:
        try:
            tap.sync_all()
        except SystemExit as left:
            exit_code = left.code
    return Output(_messages(written.getvalue().splitlines()), exit_code=exit_code)


def run(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
    selected: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
) -> Output:
    """Run the console script to its end."""
    given = words(folder, config, *arguments, state=state, selected=selected)
    done = run_script("tap-reply-tasks", *given, folder=folder, env=env)
    lines = done.stdout.splitlines() if "--about" not in arguments else []
    return Output(_messages(lines), done.stderr, done.returncode)


def words(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
    selected: Iterable[str] = (),
) -> list[str]:
    """What follows the console script's name, its files written into ``folder``."""
    made = [*arguments, "--config", _file(folder / "config.json", config)]
    if state is not None:
        made += ["--state", _file(folder / "state.json", state)]
    if selected:
        made += ["--catalog", _file(folder / "catalog.json", catalog(*selected))]
    return made


class Running:
    """The console script while it runs; a context manager that ends it, if the test did not."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        state: Mapping[str, Any] | None = None,
        selected: Iterable[str] = (),
    ) -> None:
        self._log = folder / "tap.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    SCRIPTS / "tap-reply-tasks",
                    *words(folder, config, state=state, selected=selected),
                ],
                cwd=folder,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def read(self, lines: int) -> None:
        """Take so many lines of output; more stay in the pipe."""
        assert self._process.stdout is not None
        self._lines += [self._process.stdout.readline() for _ in range(lines)]

    def wait_for_log(self, text: str) -> None:
        """Wait until the log says something."""
        deadline = time.monotonic() + 20
        while text not in self._log.read_text():
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def hang_up(self) -> None:
        """Read no more: the tap's next line has nowhere to go."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def exit_code(self, seconds: float = 20) -> int:
        """Wait for its end."""
        return self._process.wait(timeout=seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, and read nothing."""
        self._process.send_signal(number)

    def stop(self, *signals: signal.Signals) -> Output:
        """Send signals and read all that is left; what has not ended after 20 seconds is killed."""
        assert self._process.stdout is not None
        watchdog = threading.Timer(20, self._process.kill)
        watchdog.start()
        for number in signals:
            self._process.send_signal(number)
        lines = [
            *self._lines,
            *self._process.stdout,
        ]  # not communicate: it forgets what is buffered
        exit_code = self._process.wait()
        watchdog.cancel()
        return Output(_messages(lines), self._log.read_text(), exit_code)


def _file(path: Path, content: Mapping[str, Any]) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def _messages(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]
