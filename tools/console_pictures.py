"""Draws docs/pictures/: the console's pages on a ledger that example runs against a sandbox made.

Needs Chromium on the path, and the group ``test``: ``python -m tools.console_pictures``.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import select, update

from reply_tasks.contract.enums import TaskType
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.tables import operations, runs
from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, User
from reply_tasks.sandbox.contacts import contact_of

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
#: So that the documents stay light.
_LARGEST = 100_000
_KEY = "sk-pictures-0123456789"
_PROGRAMS = Path(sys.executable).parent
_WIDE, _NARROW = (760, 660), (390, 700)
_SHOTS: Sequence[tuple[str, str, tuple[int, int]]] = (
    ("overview", "/", (820, 740)),
    ("approve", "/held", _WIDE),
    ("find", "/find?key=crm-1042", _WIDE),
    ("phone", "/held", _NARROW),
)


def main() -> None:
    """Draw every picture anew."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        config = _example_runs(Path(folder))
        with _console(config) as address, sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-lcd-text"]
            )
            for name, path, size in _SHOTS:
                _draw(browser, address, path, size, PICTURES / f"{name}.png")
            browser.close()


def _draw(browser: Browser, address: str, path: str, size: tuple[int, int], file: Path) -> None:
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(address)
    page.goto(address.partition("/?")[0] + path)
    page.screenshot(path=file)
    page.context.close()
    bytes_drawn = file.stat().st_size
    print(f"{file.name}: {bytes_drawn:,} bytes")  # noqa: T201
    if bytes_drawn > _LARGEST:
        sys.exit(f"{file.name} is larger than {_LARGEST:,} bytes: draw less.")


@contextmanager
def _console(config: Path) -> Iterator[str]:
    """A console on the ledger, and its address."""
    command = [str(_PROGRAMS / "reply-tasks"), "console", "--config", str(config), "--port", "0"]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--by", "ann"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        lines = iter(process.stdout.readline, "") if process.stdout else iter(())
        yield next(line.strip() for line in lines if "token=" in line)
    finally:
        process.terminate()
        process.communicate()


def _example_runs(folder: Path) -> Path:
    """Two weeks of runs: nightly updates, mails, one whose answer was lost, and some that wait."""
    config = folder / "config.json"
    ledger_url = f"sqlite:///{folder / 'ledger.db'}"
    settings: dict[str, Any] = {"api_key": _KEY, "ledger_url": ledger_url, "settle_seconds": 3}
    with SandboxServer(keys={_KEY: (User(1, "owner@example.com"),)}) as sandbox:
        settings["api_url"] = sandbox.url
        for number in range(1, 61):
            sandbox.create_task(
                number, task_type=TaskType.MANUAL_EMAIL, contact_id=_contact(number)
            )
        for day in range(5):
            first = 10 * day + 1
            updates = [_update(first + each) for each in range(4 + day % 3)]
            mails = [_mail(first + each) for each in range(1 + day % 3)]
            wrong = [_update(9000 + day)] * (day % 2)
            if day == 3:  # noqa: PLR2004 - any of them
                sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=first)
            _run(config, {**settings, "on_lost_answer": "hold"}, [*updates, *wrong, *mails])
        held = {56: "1042", 57: "1043", 58: "1044"}
        waiting = [*map(_update, held), *(_mail(number, key) for number, key in held.items())]
        _run(config, {**settings, "executions_without_approval": 0}, waiting)
    _spread(ledger_url)
    return config


def _contact(number: int) -> int:
    return 1001 + number % 40


def _update(number: int) -> Mapping[str, Any]:
    members = {
        "id": number,
        "taskType": "manualEmail",
        "startAt": "2027-03-01T09:00:00Z",
        "dueTo": "2027-03-05T17:00:00Z",
        "template": {"subject": "Your renewal", "body": "Hi {{firstName}}"},
        "contactId": _contact(number),
    }
    return {"type": "RECORD", "stream": "task_updates", "record": members}


def _mail(number: int, key: str = "") -> Mapping[str, Any]:
    name = contact_of(_contact(number)).first_name
    body = (
        f"Hi {name},\n\nyour contract ends on 31 March, and I would like to keep your price for "
        "another year. Shall we talk on Thursday?\n\nAnn"
    )
    content = {"subject": f"{name}, about your renewal", "body": body}
    members = {"id": number, "content": content, "externalId": f"crm-{key or number}"}
    return {"type": "RECORD", "stream": "task_executions", "record": members}


def _run(config: Path, settings: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    config.write_text(json.dumps(settings))
    heads: list[Mapping[str, Any]] = [
        {"type": "SCHEMA", "stream": stream, "schema": {"properties": {}}, "key_properties": []}
        for stream in ("task_updates", "task_executions")
    ]
    text = "".join(f"{json.dumps(message)}\n" for message in [*heads, *records])
    subprocess.run(  # noqa: S603 - our own program
        [_PROGRAMS / "target-reply-tasks", "--config", config],
        input=text,
        text=True,
        check=True,
        capture_output=True,
    )


def _spread(ledger_url: str) -> None:
    """Put the runs some days apart, the last one where it is."""
    engine = open_engine(ledger_url, create=False)
    with writing(engine) as connection:
        found = connection.execute(select(runs).order_by(runs.c.sequence.desc())).all()
        for place, run in enumerate(found):
            back = timedelta(days=2 * place, minutes=7 * place)
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run.run_id)
                .values(started_at=run.started_at - back, ended_at=run.ended_at - back)
            )
            mine = select(operations).where(operations.c.run_id == run.run_id)
            for row in connection.execute(mine).all():
                connection.execute(
                    update(operations)
                    .where(operations.c.operation_id == row.operation_id)
                    .values(received_at=row.received_at - back, settled_at=row.settled_at - back)
                )
    engine.dispose()


if __name__ == "__main__":
    main()
