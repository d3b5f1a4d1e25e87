"""What the sandbox answers in every way that it can be asked, to be held against the facts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.sandbox import Key, SandboxServer, Task, Template, User

DENIED = User(3, denied=frozenset({"ViewTask", "ManageTask"}))
SPENT = User(9)
KEYS = {
    "owner": Key([User(1, "owner@example.com")]),
    "denied": Key([DENIED]),
    "unscoped": Key([User(1)], scopes=[]),
    "organization": Key([User(1)], of_organization=True),
    "spent": Key([SPENT]),
}
#: Everything that an update and an execution may hold, in the current dialect.
UPDATE: dict[str, Any] = {
    "taskType": "manualEmail",
    "startAt": "2026-09-01T10:00:00Z",
    "dueTo": "2026-09-02T10:00:00Z",
    "contactId": 1001,
    "linkedInTaskType": None,
    "template": {"body": "Hello", "subject": "Hi", "attachmentIdList": [1]},
}
EXECUTION: dict[str, Any] = {
    "content": {"body": "Hello", "subject": "Hi"},
    "emailAccountId": 2**40,
}
FILTER: dict[str, Any] = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2027-01-01T00:00:00Z",
    "taskType": "manualEmail",
    "status": "new",
    "sequenceIds": [1],
    "sequenceStepIds": [1],
    "timeZoneIds": ["America/New_York"],
    "contactId": 1001,
    "assignedUserId": 1,
    "overdue": True,
}
CLOSED, UNRENDERABLE, MISSING = 2, 3, 99
TASKS = [
    Task(1, sequence_id=1, sequence_step_id=1),
    Task(CLOSED, status=TaskStatus.FINISHED),
    Task(UNRENDERABLE, template=Template("{{Nobody}}")),
    Task(4, task_type=TaskType.CALL),
]


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox, asked in the current dialect."""

    server: SandboxServer
    session: requests.Session

    def ask(
        self, call: str, body: object = None, key: str = "owner", headers: Mapping[str, str] = {}
    ) -> requests.Response:
        """Any call, e.g. ``GET /v3/tasks/1``; without a body when it is None."""
        method, _, target = call.partition(" ")
        return self.session.request(
            method,
            self.server.root + target,
            json=body,
            headers={"Authorization": f"Bearer {key}", **headers},
            timeout=10,
        )


@contextmanager
def world() -> Iterator[World]:
    """A fresh one."""
    with SandboxServer(tasks=TASKS, keys=KEYS) as server, requests.Session() as session:
        server.spend(100, SPENT.id)
        yield World(server, session)


#: A call of each operation that is served, and its body.
GOOD: dict[str, tuple[str, object]] = {
    "GetTasks": ("GET /v3/tasks?top=2&skip=0", None),
    "FilterTasks": ("POST /v3/tasks/filter?top=2&skip=0", FILTER),
    "GetTaskById": ("GET /v3/tasks/1?includeContent=true", None),
    "UpdateTask": ("PUT /v3/tasks/1", UPDATE),
    "ExecuteTask": ("POST /v3/tasks/1/execute", EXECUTION),
    "Whoami": ("GET /v3/whoami", None),
}

Trial = Callable[[World], requests.Response]


def _good(call: str, body: object, key: str) -> Trial:
    return lambda world: world.ask(call, body, key)


def _everywhere() -> Iterator[tuple[str, Trial]]:
    for operation, (call, body) in GOOD.items():
        for key in ("owner", "nobody", "denied", "unscoped", "organization", "spent"):
            yield operation, _good(call, body, key)


#: Each operation, asked so that it is refused.
TRIALS: list[tuple[str, Trial]] = [
    *_everywhere(),
    ("GetTasks", lambda world: world.ask("GET /v3/tasks?top=x")),
    ("GetTasks", lambda world: world.ask("GET /v3/tasks?top=1001")),
    ("FilterTasks", lambda world: world.ask("POST /v3/tasks/filter?top=1001", {})),
    ("GetTaskById", lambda world: world.ask("GET /v3/tasks/0")),
    ("GetTaskById", lambda world: world.ask(f"GET /v3/tasks/{MISSING}")),
    (
        "GetTaskById",
        lambda world: world.ask(f"GET /v3/tasks/{UNRENDERABLE}?includeContent=true"),
    ),
    ("UpdateTask", lambda world: world.ask("PUT /v3/tasks/1", {})),
    ("UpdateTask", lambda world: world.ask(f"PUT /v3/tasks/{CLOSED}", UPDATE)),
    ("UpdateTask", lambda world: world.ask(f"PUT /v3/tasks/{MISSING}", UPDATE)),
    ("ExecuteTask", lambda world: world.ask("POST /v3/tasks/4/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{CLOSED}/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{UNRENDERABLE}/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{MISSING}/execute", {})),
    (
        "Whoami",
        lambda world: world.ask("GET /v3/whoami", key="owner", headers={"X-USER-ID": "7"}),
    ),
]


def paths_of(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each member of a JSON value by its path, as the facts write it."""
    if isinstance(value, dict):
        for name, part in value.items():
            where = f"{path}.{name}".lstrip(".")
            yield where, part
            yield from paths_of(part, where)
    elif isinstance(value, list):
        for part in value:
            yield f"{path}[]", part
            yield from paths_of(part, f"{path}[]")
