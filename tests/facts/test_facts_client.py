"""The client against the facts: which operations it calls, how, and what it makes of refusals."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.answers import Answer, read_answer
from reply_tasks.api.calls import Call
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import decide
from reply_tasks.api.dialect import CURRENT_FORM, FORMS, auth_headers
from reply_tasks.api.identity import EMAIL_HEADER, TEAM_HEADER, USER_HEADER
from reply_tasks.contract.outcomes import Reason
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer, Task
from reply_tasks.sandbox import Call as LoggedCall
from tools.api_facts import Members, differences, document_facts, said_facts

FACTS = document_facts()
#: The name of each documented operation, by call.
CALLS = {each.call: each.name for each in FACTS.operations.values()} | {
    each.call: each.name for each in FACTS.neighbours.values()
}
UPDATE = {
    "taskType": 7,
    "startAt": "2026-09-01T10:00:00Z",
    "dueTo": "2026-09-02T10:00:00Z",
    "template": {"body": "Hello", "subject": None, "attachmentIdList": [1]},
    "contactId": 1001,
    "linkedInTaskType": None,
}
EXECUTION = {"content": {"body": "Hello", "subject": "Hi"}, "emailAccountId": 2**40}
FILTER = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "taskType": 7, "status": 0}
METHODS: dict[str, Callable[[ReplyClient], Answer]] = {
    "update_task": lambda client: client.update_task(1, UPDATE),
    "execute_task": lambda client: client.execute_task(1, EXECUTION),
    "get_task": lambda client: client.get_task(1, include_content=True),
    "list_tasks": lambda client: client.list_tasks(1, 0),
    "filter_tasks": lambda client: client.filter_tasks(FILTER, 1000, 0),
    "whoami": lambda client: client.whoami(),
    "create_task": lambda client: client.create_task(UPDATE),
    "complete_task": lambda client: client.complete_task(
        2, {"callResolution": 0, "finishProspectInSequence": True}
    ),
    "assign_task": lambda client: client.assign_task(1, 1),
    "delete_task": lambda client: client.delete_task(3),
    "complete_tasks": lambda client: client.complete_tasks([1]),
    "assign_tasks": lambda client: client.assign_tasks([1], 1),
    "delete_tasks": lambda client: client.delete_tasks([1]),
    "find_contacts": lambda client: client.find_contacts("ada+1@example.com"),
    "list_users": lambda client: client.list_users(),
    "find_mailboxes": lambda client: client.find_mailboxes("rep@example.com"),
    "list_mailboxes": lambda client: client.list_mailboxes(25, 0),
}


@pytest.fixture(scope="module")
def made() -> dict[str, LoggedCall]:
    """What arrives when each method of the client is called, in the current dialect."""
    calls = {}
    with SandboxServer(tasks=[Task(1), Task(2), Task(3)]) as sandbox:
        connection = ReplyAccess(sandbox.url, DEFAULT_API_KEY, CURRENT_FORM)
        with ReplyClient(connection) as client:
            for name, method in METHODS.items():
                assert method(client).succeeded, name
                calls[name] = sandbox.calls[-1]
    return calls


def call_of(logged: LoggedCall) -> str:
    """Method and path as the document writes them."""
    return f"{logged.method} {re.sub(r'/[0-9]+', '/{id}', logged.path)}"


def test_every_method_is_tried_here() -> None:
    """A new one has to be compared with the facts, too."""
    public = {name for name in vars(ReplyClient) if not name.startswith("_")}
    assert public == set(METHODS)


def test_the_client_calls_documented_operations_only(made: dict[str, LoggedCall]) -> None:
    """What it does not call is listed, with the reason."""
    called = {call_of(logged) for logged in made.values()}
    assert called <= set(CALLS)
    listed = {line for each in differences() if each.part == "client" for line in each.lines()}
    missing = {f"client {CALLS[call]} is not called" for call in set(CALLS) - called}
    assert missing == listed


@pytest.mark.parametrize("method", METHODS)
def test_a_call_has_only_what_the_document_has(made: dict[str, LoggedCall], method: str) -> None:
    """Parameters by name, and a body whose members have the documented types and values."""
    logged = made[method]
    name = CALLS[call_of(logged)]
    if name in FACTS.neighbours:
        neighbour = FACTS.neighbours[name]
        assert set(logged.query) <= neighbour.parameters
        assert set(logged.body or {}) <= neighbour.body
        return
    facts = FACTS.operations[name]
    in_query = {name for name, each in facts.parameters.items() if each["in"] == "query"}
    assert set(logged.query) <= in_query
    assert (logged.body is None) == (facts.body is None)
    if facts.body is not None:
        assert logged.headers["content-type"] == "application/json"
        assert list(misfits(logged.body, facts.body)) == []


def misfits(value: Any, members: Members, path: str = "") -> Iterator[str]:
    """The members of a body that the document does not have, or not with such a value."""
    for name, part in value.items():
        where = f"{path}.{name}".lstrip(".")
        facts = members.get(where)
        if facts is None:
            yield f"{where} is not documented"
        elif part is None:
            if not facts.get("nullable"):
                yield f"{where} may not be null"
        elif type(part).__name__ != _TYPES[facts["type"]]:
            yield f"{where} is no {facts['type']}"
        elif "enum" in facts and part not in facts["enum"]:
            yield f"{where} has no {part}"
        elif isinstance(part, dict):
            yield from misfits(part, members, where)


_TYPES = {
    "string": "str",
    "integer": "int",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}


def test_a_misfit_would_be_seen() -> None:
    """The comparison itself sees each kind."""
    body = {"taskType": 7, "startAt": None, "notes": "x", "template": {"body": 1}}
    members = FACTS.schemas["TaskUpdateRequest"]
    assert list(misfits(body, members)) == [
        "taskType is no string",
        "startAt may not be null",
        "notes is not documented",
        "template.body is no string",
    ]
    assert list(misfits({"taskType": "fax"}, members)) == ["taskType has no fax"]


def test_the_key_and_the_acting_user_go_where_they_belong() -> None:
    """Each generation has its header."""
    said = said_facts()["headers"]
    for dialect in FORMS:
        assert set(auth_headers(FORMS[dialect], "k")) == {said["key"][dialect]}
    acting = {"team": TEAM_HEADER, "user": USER_HEADER, "email": EMAIL_HEADER}
    assert acting == said["acting"]


REASONS = {
    ("UpdateTask", "task.unknown"): {Reason.TASK_NOT_NEW},
    ("UpdateTask", "task.notFound"): {Reason.TASK_NOT_FOUND},
    ("ExecuteTask", "task.notFound"): {Reason.TASK_NOT_FOUND},
    ("ExecuteTask", "task.cannotComplete"): {Reason.TASK_NOT_NEW},
    ("ExecuteTask", "task.renderError"): {Reason.RENDER_ERROR},
}


@pytest.mark.parametrize(("operation", "code"), REASONS)
def test_a_documented_refusal_has_its_reason(operation: str, code: str) -> None:
    """By its code, whatever the sentence, and by the sentences that the document shows."""
    call = Call.EXECUTE if operation == "ExecuteTask" else Call.UPDATE
    answers = FACTS.operations[operation].answers
    status = next(status for status, answer in answers.items() if code in answer.codes)
    sentences = answers[status].sentences if len(answers[status].codes) == 1 else {"No."}
    found = set()
    for sentence in sentences:
        body = f'{{"title":"No","status":{status},"detail":"{sentence}","code":"{code}"}}'
        answer = read_answer(int(status), {}, body.encode())
        found.add(decide(call, answer, task_id=42).reason)
    assert found == REASONS[operation, code]


def test_every_documented_refusal_is_tried_here() -> None:
    """Save those that stop a run or that only a list can have."""
    documented = {
        (operation, code)
        for operation in ("UpdateTask", "ExecuteTask")
        for status, answer in FACTS.operations[operation].answers.items()
        for code in answer.codes
        if status != "403"
    }
    assert documented == set(REASONS)


def test_each_rule_by_its_name_has_its_reason() -> None:
    """Rules of an update share one code; where only the rule's name is told, it is enough."""
    expected = {
        "canOnlyEditNewTasks": Reason.TASK_NOT_NEW,
        "cannotChangeSequenceTaskType": Reason.SEQUENCE_IMMUTABLE,
        "cannotChangeSequenceTaskContact": Reason.SEQUENCE_IMMUTABLE,
        "invalidDates": Reason.API_REJECTED,
        "renderError": Reason.RENDER_ERROR,
    }
    assert set(expected) == set(said_facts()["ruleNames"]["UpdateTask"])
    for rule, reason in expected.items():
        body = f'{{"title":"Bad Request","status":400,"detail":"{rule}","code":"task.unknown"}}'
        answer = read_answer(400, {}, body.encode())
        assert decide(Call.UPDATE, answer, task_id=42).reason is reason
