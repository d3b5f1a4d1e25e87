"""A plain HTTP client of the sandbox, as a user's own program would be one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from reply_tasks.sandbox import DEFAULT_API_KEY, Dialect, SandboxServer

#: A task update that breaks no rule, in either dialect.
UPDATE: dict[str, Any] = {
    "taskType": 7,
    "startAt": "2026-09-08T12:24:35.84Z",
    "dueTo": "2026-09-09T12:00:00Z",
    "template": {"body": "Hi {{FirstName}}", "subject": "For {{Company}}"},
    "contactId": 1001,
}
CURRENT_UPDATE = UPDATE | {"taskType": "manualEmail"}


class Client:
    """Speaks one dialect on one kept-alive connection."""

    def __init__(
        self, server: SandboxServer, dialect: Dialect, key: str, acting: Mapping[str, str]
    ) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.headers.update(acting)
        if dialect is Dialect.PREVIEW:
            self.session.headers["X-API-Key"] = key
        else:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any request under ``/v3``."""
        return self.session.request(method, self.server.url + path, **{"timeout": 10, **options})

    def update(self, task_id: int, body: Any = None, **options: Any) -> requests.Response:
        """PUT a task; a valid body unless another is given."""
        body = UPDATE if body is None else body
        return self.call("PUT", f"/tasks/{task_id}", json=body, **options)

    def execute(self, task_id: int, body: Any = None, **options: Any) -> requests.Response:
        """POST an execution; an empty object unless another body is given."""
        body = {} if body is None else body
        return self.call("POST", f"/tasks/{task_id}/execute", json=body, **options)

    def get(self, task_id: int, **options: Any) -> requests.Response:
        """GET a task."""
        return self.call("GET", f"/tasks/{task_id}", **options)

    def control(self, method: str, name: str, body: Any = None) -> requests.Response:
        """A control request, without a key."""
        url = f"{self.server.root}/_sandbox/{name}"
        return requests.request(method, url, json=body, timeout=10)


@contextmanager
def client_of(
    server: SandboxServer,
    dialect: Dialect = Dialect.PREVIEW,
    key: str = DEFAULT_API_KEY,
    acting: Mapping[str, str] | None = None,
) -> Iterator[Client]:
    """A client of a server that runs already."""
    client = Client(server, dialect, key, acting or {})
    with client.session:
        yield client


@contextmanager
def sandbox(speaking: Dialect = Dialect.PREVIEW, **settings: Any) -> Iterator[Client]:
    """A server of its own, without limits unless asked for, and a client of it."""
    settings = {"requests_per_minute": None, "requests_per_hour": None, **settings}
    with SandboxServer(**settings) as server, client_of(server, speaking) as client:
        yield client
