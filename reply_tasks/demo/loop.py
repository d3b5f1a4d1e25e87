"""The demo's loop: a sandbox, runs of target and tap, and a yes, each a real process."""

import json
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from reply_tasks.demo.examples import example_json, example_text
from reply_tasks.settings import COMMON_SETTINGS

API_KEY = "sandbox-key"
#: Where ``reply-tasks sandbox`` listens unless it is told another port.
STARTER_URL = "http://127.0.0.1:8300/v3"
#: The demo sends nothing that a stricter Reply would refuse or misread.
STRICT = ("variables=documented-case", "partial-content=refused", "unknown-members=refused")
#: The example to which a person says yes.
_APPROVED = "apr-03"
#: Long enough for a slow machine; every step ends by itself long before.
_PATIENCE = 120

Config = Mapping[str, Any]


class DemoError(Exception):
    """A step of the demo did not do what it must. The message names the log to read."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the tap's ``task_operations``: how one record ended."""

    run: int
    external_id: str | None
    operation: str | None
    task_id: int | None
    outcome: str
    reason: str | None
    detail: str | None
    api_calls: int


@dataclass(frozen=True, slots=True)
class Story:
    """What the loop did.

    Attributes:
        operations: Every record's end, in the order settled; ``run`` counts from 0.
        calls: How many calls each run of the target made.
        sent: How many emails and SMS had been sent after each run.
        emitted: How many records of each stream the first run of the tap emitted.
        emitted_again: How many the second did, with the first one's state.
    """

    operations: tuple[Operation, ...]
    calls: tuple[int, ...]
    sent: tuple[int, ...]
    emitted: Mapping[str, int]
    emitted_again: int


def play(folder: Path, tell: Callable[[str], None]) -> Story:
    """Run the whole loop in ``folder``, telling each step; its files stay there to be looked at.

    Raises:
        DemoError: A process failed or took too long.
    """
    with _sandbox(folder) as api_url:
        _prepare(api_url)
        replace = _config(folder, api_url)
        merge = {**replace, "update_mode": "merge"}
        creating = {**replace, "create_missing": True}
        held = {**replace, "executions_without_approval": 0}
        calls, sent = [0], []
        for text, name, messages, config in (
            ("The records of a CRM go into target-reply-tasks", "1-first", "records", replace),
            ("The same records go in again", "2-again", "records", replace),
            ("Partial records go in, in merge mode", "3-merge", "merges", merge),
            (
                "Tasks live their lives, by the CRM's key alone",
                "4-lives",
                "lives",
                creating,
            ),
            (
                "Two updates go in, and two emails that a person must approve",
                "5-held",
                "approvals",
                held,
            ),
        ):
            tell(f"{text} (run {name})")
            _write(folder, f"{name}.config.json", config)
            _run_target(folder, name, messages)
            calls.append(len(_control(api_url, "calls")))
            sent.append(len(_control(api_url, "outbox")))
        tell("A person approves one of them, and the next run sends it (run 6-approved)")
        _approve_one(folder)
        _write(folder, "6-approved.config.json", held)
        _run_target(folder, "6-approved", None)
        calls.append(len(_control(api_url, "calls")))
        sent.append(len(_control(api_url, "outbox")))
        tell("tap-reply-tasks emits what came back, and the fate of every record")
        _run_tap(folder, "7-tap")
        tell("tap-reply-tasks runs again with its state")
        _run_tap(folder, "8-tap", state="7-tap.state.json")
    _write(folder, "config.json", _starter(folder))
    records = list(_records(folder / "7-tap.jsonl"))
    emitted: dict[str, int] = {}
    for stream, _ in records:
        emitted[stream] = emitted.get(stream, 0) + 1
    return Story(
        operations=tuple(_operations(records)),
        calls=tuple(after - before for before, after in pairwise(calls)),
        sent=tuple(sent),
        emitted=emitted,
        emitted_again=len(list(_records(folder / "8-tap.jsonl"))),
    )


@contextmanager
def _sandbox(folder: Path) -> Iterator[str]:
    """A sandbox in a process of its own; yields its ``api_url``."""
    ready, log = folder / "sandbox.url", folder / "sandbox.log"
    command = [
        *(_script("reply-tasks"), "sandbox", "--port", "0", "--tasks", "0"),
        *("--api-key", API_KEY, "--ready-file", str(ready)),
        *(word for assumed in STRICT for word in ("--assume", assumed)),
    ]
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: S603 - our own script
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _PATIENCE
            while not (ready.exists() and ready.read_text()):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise DemoError(f"The sandbox did not start; see {log}.")
                time.sleep(0.05)
            yield ready.read_text().strip()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _prepare(api_url: str) -> None:
    for task in example_json("tasks.json"):
        _control(api_url, "tasks", task)
    _control(api_url, "contacts", example_json("contacts.json"))
    _control(api_url, "faults", example_json("faults.json"))


def _config(folder: Path, api_url: str) -> Config:
    return {
        "api_url": api_url,
        "api_dialect": "preview",
        "api_key": API_KEY,
        "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
        "timezone": "Europe/Berlin",
        "on_lost_answer": "hold",
        "settle_seconds": 2,
        "stream_maps": example_json("stream_maps.json"),
    }


def _starter(folder: Path) -> Config:
    """A config that works, once a sandbox is started where it says; its ledger is its own."""
    return {
        "api_url": STARTER_URL,
        "api_key": API_KEY,
        "ledger_url": f"sqlite:///{folder / 'rehearsal.db'}",
    }


def _run_target(folder: Path, name: str, messages: str | None) -> None:
    command = [_script("target-reply-tasks"), "--config", str(folder / f"{name}.config.json")]
    if messages is None:
        _run(folder, name, command, output=f"{name}.state.jsonl")
        return
    records = folder / f"{messages}.singer"
    records.write_text(example_text(records.name), encoding="utf-8")
    with records.open() as source:
        _run(folder, name, command, output=f"{name}.state.jsonl", source=source.fileno())


def _approve_one(folder: Path) -> None:
    """Say yes to one of what waits, as a person does who has read it."""
    config = ["--config", str(folder / "5-held.config.json")]
    command = [_script("reply-tasks"), "held", "--json", *config]
    _run(folder, "held", command, output="held.json")
    waits = json.loads((folder / "held.json").read_text())
    ids = [each["operation_id"] for each in waits if each["external_id"] == _APPROVED]
    command = [_script("reply-tasks"), "approve", *ids, "--by", "demo", *config]
    _run(folder, "approve", command, output="approve.txt")


def _run_tap(folder: Path, name: str, *, state: str | None = None) -> None:
    config = json.loads((folder / "1-first.config.json").read_text())
    common = {setting.name for setting in COMMON_SETTINGS}
    _write(folder, f"{name}.config.json", {k: v for k, v in config.items() if k in common})
    command = [_script("tap-reply-tasks"), "--config", str(folder / f"{name}.config.json")]
    if state is not None:
        command += ["--state", str(folder / state)]
    _run(folder, name, command, output=f"{name}.jsonl")
    states = [
        message for message in _messages(folder / f"{name}.jsonl") if message["type"] == "STATE"
    ]
    if states:
        _write(folder, f"{name}.state.json", states[-1]["value"])


def _run(
    folder: Path, name: str, command: list[str], *, output: str, source: int = subprocess.DEVNULL
) -> None:
    log = folder / f"{name}.log"
    with log.open("w") as errors, (folder / output).open("w") as out:
        try:
            code = subprocess.run(  # noqa: S603 - our own scripts
                command, stdin=source, stdout=out, stderr=errors, timeout=_PATIENCE, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise DemoError(f"{Path(command[0]).name} did not end in time; see {log}.") from None
    if code != 0:
        last = (log.read_text().strip().splitlines() or ["It said nothing."])[-1]
        raise DemoError(f"{Path(command[0]).name} ended with exit code {code}; see {log}.\n{last}")


def _script(name: str) -> str:
    """A console script of the environment that this runs in, whatever PATH says."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def _control(api_url: str, name: str, document: object = None) -> Any:  # noqa: ANN401 - JSON
    """Ask the sandbox itself, beside its API: it counts no such call."""
    url = api_url.removesuffix("/v3") + f"/_sandbox/{name}"
    method = "GET" if document is None else "POST"
    answer = requests.request(method, url, json=document, timeout=10)
    if not answer.ok:
        raise DemoError(f"The sandbox refused {method} {url}: {answer.text}")
    return answer.json()


def _messages(path: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in _messages(path):
        if message["type"] == "RECORD":
            yield message["stream"], message["record"]


def _operations(records: list[tuple[str, dict[str, Any]]]) -> Iterator[Operation]:
    rows = [record for stream, record in records if stream == "task_operations"]
    runs = list(dict.fromkeys(row["runId"] for row in rows))
    for row in rows:
        yield Operation(
            run=runs.index(row["runId"]),
            external_id=row["externalId"],
            operation=row["operation"],
            task_id=row["taskId"],
            outcome=row["outcome"],
            reason=row["reason"],
            detail=row["detail"],
            api_calls=row["apiCalls"],
        )


def _write(folder: Path, name: str, document: object) -> None:
    (folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
