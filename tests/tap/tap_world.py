"""What the tests of the tap stand on: a ledger filled by its own functions, the tap's output."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Self

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Attempt, Entry, Ledger, RunTotals, Settlement, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.ledger.settling import settle
from tap_reply_tasks.tap import TapReplyTasks

TAP = Path(sys.executable).parent / "tap-reply-tasks"
KEY = "tap-key-2718281828459045"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: A task in the preview's form: integers, offsets, nulls present.
DETAIL: dict[str, Any] = {
    "id": 1,
    "contactId": 71,
    "taskType": 5,
    "status": 1,
    "linkedInTaskType": 2,
    "sequenceId": 9,
    "sequenceStepId": 902,
    "sequenceStepDisplayName": "Step 2",
    "assignedUserId": 4,
    "creationSource": 1,
    "createdAt": "2026-01-05T09:24:35.84+02:00",
    "startAt": "2026-03-01T12:00:00+02:00",
    "dueTo": "2026-03-08T12:00:00+00:00",
    "finishedAt": "2026-03-02T12:00:00-05:00",
    "isFailed": False,
    "isScheduled": True,
    "template": {"body": "Hi", "subject": "Hello", "attachmentIdList": [3]},
    "content": {"body": "Hi Ada", "subject": "Hello Ada"},
    "deliveryInfo": {"email": None, "phoneNumber": None, "linkedInUrl": "https://l.example/ada"},
}


def sqlite_url(folder: Path) -> str:
    """The URL of a ledger file in ``folder``, which need not be there yet."""
    return f"sqlite:///{folder / 'ledger.db'}"


class LedgerWriter:
    """Fills a ledger as the target does: through the ledger's own functions."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self.totals = RunTotals()

    @classmethod
    @contextmanager
    def open(cls, ledger_url: str) -> Iterator[Self]:
        """A writer with a run that has started; it ends when the test says so."""
        with Ledger.open(ledger_url) as ledger:
            writer = cls(ledger, new_id())
            with ledger.write() as connection:
                start_run(connection, writer.run_id)
            yield writer

    def settle(self, *settlements: Settlement) -> list[str]:
        """Settle operations in one transaction; their ids."""
        with self.ledger.write() as connection:
            settle(connection, settlements, holder=self.ledger.holder, run_id=self.run_id)
        for settlement in settlements:
            self.totals.count(settlement)
        return [settlement.entry.operation_id for settlement in settlements]

    def claim(self, task_id: int) -> Entry:
        """Claim a task and leave it unsettled."""
        claimed = entry(task_id)
        with self.ledger.write() as connection:
            claim(
                connection, [claimed], holder=self.ledger.holder, run_id=self.run_id, at=moment(1)
            )
        return claimed

    def end(self, exit_code: int = 0) -> str:
        """End the run; its id."""
        with self.ledger.write() as connection:
            end_run(connection, self.run_id, exit_code=exit_code, totals=self.totals)
        return self.run_id


def moment(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def entry(task_id: int | None, operation: Operation | None = Operation.UPDATE) -> Entry:
    """An operation as it was received."""
    return Entry(
        operation_id=new_id(),
        stream="task_updates",
        operation=operation,
        task_id=task_id,
        external_id=f"crm-{task_id}",
        act_as_user_id=5,
        body_hash="a" * 64,
        record={"id": task_id, "template": {"body": "TOP SECRET BODY"}},
        received_at=moment(0),
    )


def applied(task_id: int, operation: Operation = Operation.UPDATE, **members: object) -> Settlement:
    """An applied operation with the task that Reply returned."""
    return Settlement(
        entry=entry(task_id, operation),
        outcome=Outcome.APPLIED,
        settled_at=moment(2.5),
        http_status=200,
        attempts=(Attempt(at=moment(1), call="update", status=200, seconds=0.25),),
        task_detail=DETAIL | {"id": task_id} | members,
    )


def rejected(task_id: int | None, operation: Operation | None = Operation.UPDATE) -> Settlement:
    """An operation that Reply refused."""
    return Settlement(
        entry=entry(task_id, operation),
        outcome=Outcome.REJECTED,
        settled_at=moment(3),
        reason=Reason.TASK_NOT_NEW,
        detail="Only tasks with 'New' status can be edited.",
        problem={"title": "Bad Request", "status": 400, "code": "task.unknown"},
        http_status=400,
        attempts=(Attempt(at=moment(1), call="update", status=400, seconds=0.5),),
    )


def unchanged(task_id: int) -> Settlement:
    """An operation that needed no call."""
    return Settlement(entry=entry(task_id), outcome=Outcome.UNCHANGED, settled_at=moment(4))


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
    environment: Mapping[str, str] | None = None,
) -> Output:
    """Run the console script to its end."""
    done = subprocess.run(
        command(folder, config, *arguments, state=state, selected=selected),
        cwd=folder,
        env=plain_environment(**environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.splitlines() if "--about" not in arguments else []
    return Output(_messages(lines), done.stderr, done.returncode)


def command(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    state: Mapping[str, Any] | None = None,
    selected: Iterable[str] = (),
) -> list[str]:
    """The command line of the console script, its files written into ``folder``."""
    words = [str(TAP), *arguments, "--config", _file(folder / "config.json", config)]
    if state is not None:
        words += ["--state", _file(folder / "state.json", state)]
    if selected:
        words += ["--catalog", _file(folder / "catalog.json", catalog(*selected))]
    return words


def plain_environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of a tap."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAP_REPLY_TASKS")}
    return kept | more


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
                command(folder, config, state=state, selected=selected),
                cwd=folder,
                env=plain_environment(),
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
