"""A console that really serves, in a thread of the test's own process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from threading import Thread
from typing import Any

import pytest
import requests
from messages import execution
from target_runs import Stage

from reply_tasks.console.access import Secrets
from reply_tasks.console.app import Console
from reply_tasks.console.routes import make_app
from reply_tasks.console.serving import Server, listen
from reply_tasks.contract.enums import TaskType
from reply_tasks.settings import CommonSettings

SECONDS = 30


@dataclass
class Visitor:
    """A browser of a kind: keeps cookies, follows redirects when told."""

    stage: Stage
    secrets: Secrets
    port: int
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def root(self) -> str:
        """The console's address, without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """The address that the command prints."""
        return f"{self.root}/?token={self.secrets.token}"

    def open(self) -> "Visitor":
        """Come in with the token."""
        assert self.get(f"/?token={self.secrets.token}").status_code == 200
        return self

    def get(self, path: str, **options: Any) -> requests.Response:
        """Look at a page."""
        return self.session.get(self.root + path, timeout=SECONDS, **options)

    def post(self, path: str, *fields: tuple[str, str], **options: Any) -> requests.Response:
        """Send a form, with the CSRF token of this session."""
        data = [("csrf", self.secrets.csrf), *fields]
        return self.session.post(self.root + path, data=data, timeout=SECONDS, **options)

    def shown(self) -> list[str]:
        """What the page of held executions offers to approve: operation and digest each."""
        return re.findall(r'name="chosen" value="([0-9a-f:]+)"', self.get("/held").text)


def words(page: requests.Response) -> str:
    """What a page says, without its markup."""
    return words_of(page.text)


def words_of(html: str) -> str:
    """What the main part of a page says, without its markup."""
    text = re.sub(r"<[^>]*>", " ", html.partition("<main")[2])
    return " ".join(unescape(text).split())


@contextmanager
def serving(
    stage: Stage, *, read_only: bool = False, api_key: str | None = None
) -> Iterator[Visitor]:
    """A console on the stage's ledger."""
    secrets = Secrets.fresh()
    config = {**stage.settings, "api_key": api_key}
    config = {name: value for name, value in config.items() if name in _COMMON}
    made = Console(
        settings=CommonSettings.from_config(config),
        by="ann",
        csrf=secrets.csrf,
        read_only=read_only,
        previews=api_key is not None,
    )
    with listen(0) as listening:
        server = Server(make_app(made, secrets, cookie="console"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with requests.Session() as session:
                yield Visitor(stage, secrets, listening.getsockname()[1], session)
        finally:
            server.should_exit = True
            thread.join()


_COMMON = {"api_key", "api_url", "ledger_url", "requests_per_minute", "requests_per_hour"}


@pytest.fixture
def console(stage: Stage) -> Iterator[Visitor]:
    """A console with two held executions, opened."""
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob."})
    with serving(stage) as visitor:
        yield visitor.open()


@pytest.fixture
def looking(stage: Stage) -> Iterator[Visitor]:
    """A console that is read-only, with a held execution, opened."""
    hold(stage, {1: "Hi Ada."})
    with serving(stage, read_only=True) as visitor:
        yield visitor.open()


def hold(stage: Stage, texts: dict[int, str | None]) -> None:
    """Have these texts held, by task; None means an execution without a content."""
    for task_id in texts:
        stage.sandbox.create_task(task_id, task_type=TaskType.MANUAL_EMAIL)
    stage.run(
        *(
            execution(task_id, content=body and {"subject": f"For {task_id}", "body": body})
            for task_id, body in texts.items()
        ),
        executions_without_approval=0,
    )
