"""Where no source says what Reply does, the sandbox can be told; each answer does what it says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sandbox_client import CURRENT_UPDATE, UPDATE, Client, client_of, sandbox

from reply_tasks.contract.enums import LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox import (
    DEFAULT_API_KEY,
    Dialect,
    EffectKind,
    FaultKind,
    Task,
    Template,
    User,
)
from reply_tasks.sandbox.assumptions import QUESTIONS, Assumptions, read_assumptions

ONE, TWO = Template("Hi {{firstName}}", "S", (7,)), Template("Hi {{FirstName}}")
TASKS = [
    Task(1, template=ONE),
    Task(2, template=TWO),
    Task(3, status=TaskStatus.CANCELLED),
    Task(4, fails_delivery=True),
    Task(5, contact_id=None, template=Template("Hello")),
    Task(6, task_type=TaskType.LINKED_IN, linked_in_task_type=LinkedInTaskType.CONNECT),
    Task(7, template=Template("{{Nobody}}")),
]
#: The sandbox's clock, where a case sets it.
NOW = [0.0]
_AS_OWNER: dict[str, Any] = {"json": {}, "headers": {"X-API-Key": DEFAULT_API_KEY}, "timeout": 10}
BARE = {name: UPDATE[name] for name in ("taskType", "startAt", "dueTo")} | {
    "template": {"body": "new"}
}


def told(answer: requests.Response) -> object:
    """What a refusal is about: its code, else the first pointer."""
    document = answer.json()
    return document.get("code") or document["errors"][0]["pointer"]


def texts(api: Client, *tasks: int) -> list[object]:
    """What each execution sends, or why it does not."""
    for task in tasks:
        answer = api.execute(task)
        if answer.status_code != 200:
            return [*[sent.body for sent in api.server.outbox], told(answer)]
    return [sent.body for sent in api.server.outbox]


def left_out(api: Client) -> object:
    """A task after an update that leaves out what may be, and one that empties it."""
    api.update(1, BARE)
    api.update(6, BARE | {"taskType": 5, "contactId": None, "linkedInTaskType": None})
    one, six = api.server.task(1), api.server.task(6)
    emptied = (six.contact_id, six.linked_in_task_type)
    return one.contact_id, one.template.subject, one.template.attachment_ids, emptied


def partial(api: Client) -> object:
    """What is sent of a content with only a body, and with only a subject."""
    for task, content in ((1, {"body": "B"}), (2, {"subject": "T"})):
        answer = api.execute(task, {"content": content})
        if answer.status_code != 200:
            return told(answer)
    return [(sent.subject, sent.body) for sent in api.server.outbox]


def ended(task: int) -> Callable[[Client], object]:
    """How an execution ends: the status, then what the answer says of the task."""

    def look(api: Client) -> object:
        answer = api.execute(task)
        assert api.server.outbox == []
        if answer.status_code != 200:
            return told(answer)
        return answer.json()["status"], answer.json()["isFailed"]

    return look


def mailbox(api: Client) -> object:
    """The statuses of an execution from a foreign mailbox and from the user's own."""
    foreign = api.execute(1, {"emailAccountId": 5})
    return foreign.status_code, api.execute(2, {"emailAccountId": 1}).status_code


def listed(api: Client) -> object:
    """The first two tasks of a list."""
    return [item["id"] for item in api.call("GET", "/tasks?top=2").json()["items"]]


def found(api: Client) -> object:
    """Whether a filter without a status finds the cancelled task."""
    page = api.call("POST", "/tasks/filter", json={"to": "2099-01-01T00:00:00Z"}).json()
    return 3 in [item["id"] for item in page["items"]]


def misspelt(api: Client) -> object:
    """The pointers of members that the document does not have."""
    template = {"body": "B", "subjekt": "S"}
    answer = api.update(1, UPDATE | {"template": template, "status": 0})
    return [error["pointer"] for error in answer.json().get("errors", ())]


def spelt(api: Client) -> object:
    """The statuses of an update by the exact name of an enum, and by another case of it."""
    api.session.headers.pop("X-API-Key")
    api.session.headers["Authorization"] = "Bearer sandbox-key"
    update = [CURRENT_UPDATE, CURRENT_UPDATE | {"taskType": "ManualEmail"}]
    return [api.update(1, body).status_code for body in update]


def shown(api: Client) -> object:
    """What a task that cannot be rendered shows as its content."""
    answer = api.get(7, params={"includeContent": "true"})
    return told(answer) if answer.status_code != 200 else answer.json()["content"]


def large(api: Client) -> object:
    """Whether a task and a contact with an id beyond 32 bits can be named."""
    api.server.create_task(2**31)
    return api.get(2**31).status_code, api.update(1, UPDATE | {"contactId": 2**40}).status_code


def at_once(api: Client) -> object:
    """How many of two executions send, and of two completions count, that arrive together."""
    api.server.fault(FaultKind.LATENCY, seconds=0.5, times=4)
    with ThreadPoolExecutor(4) as callers:
        for call in ("1/execute", "2/complete") * 2:
            callers.submit(requests.post, f"{api.server.url}/tasks/{call}", **_AS_OWNER)
    assert api.execute(1).status_code == 409, "afterwards the task is finished"
    return len(api.server.outbox), len(api.server.effects_of(EffectKind.COMPLETED, 2))


def across_a_minute(api: Client) -> object:
    """The statuses of calls, three a minute, around the turn of a minute; at last a wait."""
    return _statuses(api, (40.0, 59.0, 59.5, 59.9, 60.1, 61.0, 99.9, 101.0))


def refused_again(api: Client) -> object:
    """The statuses of calls, three a minute, of somebody who goes on calling."""
    return _statuses(api, (0.0, 1.0, 2.0, 30.0, 59.0, 60.5, 61.5, 91.0))


def _statuses(api: Client, moments: tuple[float, ...]) -> list[int]:
    found = []
    for at in moments:
        NOW[0] = at
        found.append(api.call("GET", "/whoami").status_code)
    return found


def created(api: Client) -> object:
    """Whether a filter finds a new task, and whether it does six seconds later."""
    NOW[0] = 1_800_000_000.0
    made = api.call("POST", "/tasks", json=UPDATE).json()["id"]
    assert api.get(made).status_code == 200
    found = []
    for _ in range(2):
        page = api.call("POST", "/tasks/filter", json={"from": UPDATE["startAt"]}).json()
        found.append(made in [item["id"] for item in page["items"]])
        NOW[0] += 6
    return found


def deleted(api: Client) -> object:
    """The statuses of reading and of deleting again what was deleted."""
    gone = api.call("DELETE", "/tasks/1").status_code
    return gone, api.get(1).status_code, api.call("DELETE", "/tasks/1").status_code


def undeletable(api: Client) -> object:
    """What a bulk deletion says of a cancelled task."""
    answer = api.call("POST", "/tasks/bulk-delete", json={"ids": [1, 3]}).json()
    return {task: item["error"] for task, item in answer.items()}


def searched(api: Client) -> object:
    """How many contacts and mailboxes have an address, and one that it is a part of."""
    for address in ("Ann@Example.com", "joann@example.com"):
        api.server.create_contact(email=address)
        api.server.create_mailbox(email=address)
    query, body = {"email": "ann@example.com"}, {"email": "ann@example.com"}
    contacts = api.call("GET", "/contacts", params=query).json()["items"]
    mailboxes = api.call("POST", "/email-accounts/filter", json=body).json()["items"]
    return len(contacts), len(mailboxes)


def team(api: Client) -> object:
    """The users of the list, in an organization of two teams."""
    keys = {"k": [User(1), User(2, team_id=2)]}
    with (
        sandbox(keys=keys, assumed=api.server.assumed) as other,
        client_of(other.server, key="k") as client,
    ):
        return [user["userId"] for user in client.call("GET", "/whoami/team-users").json()]


CASES: list[tuple[str, Callable[[Client], object], object]] = [
    ("variables=either-case", lambda api: texts(api, 1, 2), ["Hi Bo", "Hi Bo"]),
    ("variables=documented-case", lambda api: texts(api, 1, 2), ["Hi Bo", "task.renderError"]),
    ("omitted=cleared", left_out, (None, None, None, (None, None))),
    ("omitted=kept", left_out, (1001, "S", (7,), (None, None))),
    ("partial-content=from-template", partial, [("S", "B"), ("T", "Hi Bo")]),
    ("partial-content=empty", partial, [(None, "B"), ("T", "")]),
    ("partial-content=refused", partial, "/content/subject"),
    ("failed-delivery=is-failed", ended(4), (1, True)),
    ("failed-delivery=still-new", ended(4), (0, False)),
    ("no-recipient=render-error", ended(5), "task.renderError"),
    ("no-recipient=is-failed", ended(5), (1, True)),
    ("foreign-mailbox=accepted", mailbox, (200, 200)),
    ("foreign-mailbox=refused", mailbox, (400, 200)),
    ("closed-tasks=hidden", found, False),
    ("closed-tasks=shown", found, True),
    ("order=oldest-first", listed, [1, 2]),
    ("order=newest-first", listed, [7, 6]),
    ("unknown-members=dropped", misspelt, []),
    ("unknown-members=refused", misspelt, ["/status", "/template/subjekt"]),
    ("enum-names=any-case", spelt, [200, 200]),
    ("enum-names=exact", spelt, [200, 400]),
    ("unrenderable=refused", shown, "task.unknown"),
    ("unrenderable=null", shown, None),
    ("ids=32-bit", large, (400, 400)),
    ("ids=64-bit", large, (200, 200)),
    ("at-once=one-sends", at_once, (1, 1)),
    ("at-once=each-sends", at_once, (2, 2)),
    ("windows=sliding", across_a_minute, [200, 200, 200, 429, 429, 429, 429, 200]),
    ("windows=fixed", across_a_minute, [200, 200, 200, 429, 200, 200, 200, 429]),
    ("refused-calls=free", refused_again, [200, 200, 200, 429, 429, 200, 200, 200]),
    ("refused-calls=counted", refused_again, [200, 200, 200, 429, 429, 429, 429, 429]),
    ("created-tasks=at-once", created, [True, True]),
    ("created-tasks=later", created, [False, True]),
    ("deleted-tasks=readable", deleted, (204, 200, 400)),
    ("deleted-tasks=gone", deleted, (204, 404, 404)),
    ("undeletable=not-found", undeletable, {"3": 1}),
    ("undeletable=nothing", undeletable, {}),
    ("email-search=exact", searched, (1, 1)),
    ("email-search=part", searched, (2, 2)),
    ("team-users=every-team", team, [1, 2]),
    ("team-users=own-team", team, [1]),
]


@pytest.mark.parametrize(("assumed", "look", "expected"), CASES)
def test_an_assumption_does_what_it_says(
    assumed: str, look: Callable[[Client], object], expected: object
) -> None:
    """Seen over HTTP, or in the outbox."""
    limits: dict[str, Any] = {}
    if look in {across_a_minute, refused_again}:
        limits = {"requests_per_minute": 3, "clock": lambda: NOW[0]}
    if look is created:
        limits = {"clock": lambda: NOW[0]}
    told_so = read_assumptions([assumed])
    with sandbox(Dialect.PREVIEW, tasks=TASKS, assumed=told_so, **limits) as api:
        assert look(api) == expected


def test_every_answer_is_tried_and_the_first_is_the_usual_one() -> None:
    """So that the list of ``--help`` is true."""
    every = [
        f"{name}={answer.value}" for name, question in QUESTIONS.items() for answer in question
    ]
    assert [assumed for assumed, *_ in CASES] == every
    usual = [f"{name}={next(iter(question)).value}" for name, question in QUESTIONS.items()]
    assert read_assumptions(usual) == Assumptions()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("omited=kept", "there is no 'omited': choose from variables, omitted"),
        ("omitted", "omitted cannot be '': write omitted=cleared or omitted=kept"),
        ("order=random", "order cannot be 'random'"),
    ],
)
def test_what_is_no_assumption_is_named_with_what_there_is(text: str, why: str) -> None:
    """A typing error is no silent default."""
    with pytest.raises(ValueError, match=why):
        read_assumptions([text])
