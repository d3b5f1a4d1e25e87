"""What the sandbox answers in every way that it can be asked, to be held against the facts."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.sandbox import Key, SandboxServer, Task, Template, User

#: The last two are the sandbox's own names: Reply's are not known.
FEATURES = ("ViewTask", "ManageTask", "ViewContact", "ViewEmailAccount")
DENIED = User(3, denied=frozenset(FEATURES))
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
#: A mailbox filter that finds the owner's.
MAILBOXES: dict[str, Any] = {
    "status": "connected",
    "emailAccountType": "custom",
    "email": "owner@example.com",
    "domains": ["example.com"],
    "ownerUserIds": [1],
    "tags": None,
}
CLOSED, UNRENDERABLE, MISSING, CANCELLED, STRANGER = 2, 3, 99, 5, 7
TASKS = [
    Task(1, sequence_id=1, sequence_step_id=1),
    Task(CLOSED, status=TaskStatus.FINISHED),
    Task(UNRENDERABLE, template=Template("{{Nobody}}")),
    Task(4, task_type=TaskType.CALL),
    Task(CANCELLED, status=TaskStatus.CANCELLED),
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
        server.create_contact(MISSING, hidden=True)
        server.spend(100, SPENT.id)
        yield World(server, session)


#: A call of each operation that is served, and its body.
GOOD: dict[str, tuple[str, object]] = {
    "GetTasks": ("GET /v3/tasks?top=2&skip=0", None),
    "CreateTask": ("POST /v3/tasks", UPDATE),
    "FilterTasks": ("POST /v3/tasks/filter?top=2&skip=0", FILTER),
    "GetTaskById": ("GET /v3/tasks/1?includeContent=true", None),
    "UpdateTask": ("PUT /v3/tasks/1", UPDATE),
    "DeleteTask": ("DELETE /v3/tasks/1", None),
    "AssignTask": ("PUT /v3/tasks/1/assigned-user", {"userId": 1}),
    "CompleteTask": (
        "POST /v3/tasks/1/complete",
        {"callResolution": 0, "finishProspectInSequence": True},
    ),
    "ExecuteTask": ("POST /v3/tasks/1/execute", EXECUTION),
    "BulkDeleteTasks": ("POST /v3/tasks/bulk-delete", {"ids": [1, MISSING]}),
    "BatchAssignTasks": ("POST /v3/tasks/batch/assign", {"ids": [1, MISSING], "userId": 1}),
    "BatchCompleteTasks": ("POST /v3/tasks/batch/complete", {"ids": [1, MISSING, CLOSED]}),
    "Whoami": ("GET /v3/whoami", None),
    "WhoamiTeamUsers": ("GET /v3/whoami/team-users", None),
    "GetContacts": (
        (
            "GET /v3/contacts?top=2&skip=0&email=bo.abbott.1001@example.com"
            "&linkedIn=https://www.linkedin.example/in/contact-1001"
        ),
        None,
    ),
    "GetContactById": ("GET /v3/contacts/1001", None),
    "ListEmailAccounts": ("GET /v3/email-accounts?top=2&skip=0&my=true", None),
    "FilterEmailAccounts": ("POST /v3/email-accounts/filter?top=2&skip=0", MAILBOXES),
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
    ("CreateTask", lambda world: world.ask("POST /v3/tasks", {})),
    ("UpdateTask", lambda world: world.ask("PUT /v3/tasks/1", {})),
    ("UpdateTask", lambda world: world.ask(f"PUT /v3/tasks/{CLOSED}", UPDATE)),
    ("UpdateTask", lambda world: world.ask(f"PUT /v3/tasks/{MISSING}", UPDATE)),
    ("DeleteTask", lambda world: world.ask("DELETE /v3/tasks/0")),
    ("DeleteTask", lambda world: world.ask(f"DELETE /v3/tasks/{CANCELLED}")),
    ("DeleteTask", lambda world: world.ask(f"DELETE /v3/tasks/{MISSING}")),
    ("AssignTask", lambda world: world.ask("PUT /v3/tasks/1/assigned-user", {})),
    (
        "AssignTask",
        lambda world: world.ask("PUT /v3/tasks/1/assigned-user", {"userId": STRANGER}),
    ),
    (
        "AssignTask",
        lambda world: world.ask(f"PUT /v3/tasks/{MISSING}/assigned-user", {"userId": 1}),
    ),
    ("CompleteTask", lambda world: world.ask("POST /v3/tasks/1/complete", {"callResolution": 3})),
    ("CompleteTask", lambda world: world.ask(f"POST /v3/tasks/{CLOSED}/complete", {})),
    ("CompleteTask", lambda world: world.ask(f"POST /v3/tasks/{MISSING}/complete", {})),
    ("BulkDeleteTasks", lambda world: world.ask("POST /v3/tasks/bulk-delete", {})),
    ("BatchAssignTasks", lambda world: world.ask("POST /v3/tasks/batch/assign", {})),
    (
        "BatchAssignTasks",
        lambda world: world.ask("POST /v3/tasks/batch/assign", {"ids": [1], "userId": STRANGER}),
    ),
    ("BatchCompleteTasks", lambda world: world.ask("POST /v3/tasks/batch/complete", {})),
    ("ExecuteTask", lambda world: world.ask("POST /v3/tasks/4/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{CLOSED}/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{UNRENDERABLE}/execute", {})),
    ("ExecuteTask", lambda world: world.ask(f"POST /v3/tasks/{MISSING}/execute", {})),
    (
        "Whoami",
        lambda world: world.ask("GET /v3/whoami", key="owner", headers={"X-USER-ID": "7"}),
    ),
    ("GetContacts", lambda world: world.ask("GET /v3/contacts?top=1001")),
    ("GetContactById", lambda world: world.ask("GET /v3/contacts/0")),
    ("GetContactById", lambda world: world.ask(f"GET /v3/contacts/{MISSING}")),
    ("ListEmailAccounts", lambda world: world.ask("GET /v3/email-accounts?top=1001")),
    (
        "FilterEmailAccounts",
        lambda world: world.ask("POST /v3/email-accounts/filter?top=1001", {}),
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
