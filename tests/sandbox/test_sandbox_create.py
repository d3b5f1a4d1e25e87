"""POST of a task: what is taken, what it becomes, and that nothing tells two equal calls apart."""

from typing import Any

import pytest
from sandbox_client import CURRENT_UPDATE, UPDATE, client_of, sandbox

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox import Dialect, EffectKind, Endpoint, Key, Task, User, When

TO_DO = {name: value for name, value in UPDATE.items() if name != "contactId"} | {"taskType": 0}


@pytest.mark.parametrize("dialect", Dialect)
def test_a_created_task_is_new_and_the_callers(dialect: Dialect) -> None:
    """201 with the whole task, in the caller's dialect, and read back the same."""
    body = UPDATE if dialect is Dialect.PREVIEW else CURRENT_UPDATE
    keys = {"k": [User(1), User(4)]}
    with (
        sandbox(tasks=[Task(7)], keys=keys, clock=lambda: 1_800_000_000.0) as api,
        client_of(api.server, dialect, "k", {"X-USER-ID": "4"}) as client,
    ):
        answer = client.call("POST", "/tasks", json=body)
        made = answer.json()
        assert (answer.status_code, made["id"]) == (201, 8)
        assert client.get(8).json() == made
        task = api.server.task(8)
        (effect,) = api.server.effects
    assert made["taskType"] == body["taskType"]
    assert made["creationSource"] == (0 if dialect is Dialect.PREVIEW else "user")
    assert made["createdAt"] == "2027-01-15T08:00:00+00:00"
    assert made["template"] == body["template"] | {"attachmentIdList": None}
    assert (task.status, task.creation_source) == (TaskStatus.NEW, CreationSource.USER)
    assert (task.assigned_user_id, task.contact_id, task.is_scheduled) == (4, 1001, False)
    assert (effect.kind, effect.task, effect.user_id) == (EffectKind.CREATED, task, 4)


def test_the_same_call_again_creates_another_task() -> None:
    """There is no key that would tell them apart; which call made which is in the effects."""
    with sandbox() as api:
        ids = [api.call("POST", "/tasks", json=UPDATE).json()["id"] for _ in range(3)]
        made = api.server.effects_of(EffectKind.CREATED)
        calls = api.server.calls_of(Endpoint.CREATE)
        assert len(set(ids)) == len(made) == 3
        assert [effect.task.id for effect in made] == ids
        assert [effect.call for effect in made] == [call.number for call in calls] == [1, 2, 3]
        assert len(api.server.effects_of(EffectKind.CREATED, ids[1])) == 1


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"contactId": None}, ["/contactId"]),
        ({"taskType": None, "contactId": None}, ["/taskType", "/contactId"]),
        ({"contactId": 0}, ["/contactId"]),
        ({"dueTo": UPDATE["startAt"]}, ["/dueTo"]),
        ({"startAt": "2014-12-31T23:59:59Z"}, ["/startAt"]),
        ({"template": {"subject": "S"}}, ["/template/body"]),
        ({"template": {"body": " "}}, ["/template/body"]),
        ({"template": None}, ["/template"]),
        ({"linkedInTaskType": 1}, ["/linkedInTaskType"]),
        ({"taskType": "manualEmail"}, ["/taskType"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_created(
    change: dict[str, Any], pointers: list[str]
) -> None:
    """Everything at once, as Reply's example has it."""
    with sandbox() as api:
        answer = api.call("POST", "/tasks", json=UPDATE | change)
        assert (answer.status_code, api.server.store.visible()) == (400, [])
        assert api.server.effects == []
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_only_a_to_do_needs_no_contact() -> None:
    """And only a LinkedIn task has a LinkedIn action."""
    with sandbox() as api:
        made = api.call("POST", "/tasks", json=TO_DO).json()
        linked = UPDATE | {"taskType": 5, "linkedInTaskType": 2}
        other = api.call("POST", "/tasks", json=linked).json()
        assert api.server.task(made["id"]).contact_id is None
        assert api.server.task(other["id"]).task_type is TaskType.LINKED_IN
        assert api.server.task(other["id"]).linked_in_task_type is LinkedInTaskType.IN_MAIL


def test_what_a_creation_cannot_set_is_not_set() -> None:
    """Assignee, status and sequence have no member; as ever, what is unknown is dropped."""
    more = {"assignedUserId": 9, "status": 1, "sequenceId": 3, "externalId": "x"}
    with sandbox() as api:
        made = api.call("POST", "/tasks", json=UPDATE | more).json()
    assert (made["assignedUserId"], made["status"], made["sequenceId"]) == (1, 0, None)
    assert "externalId" not in made


def test_a_created_task_is_found_by_what_it_is() -> None:
    """By a filter on its start, type and contact; then it can be updated and executed."""
    instant = UPDATE["startAt"]
    wanted = {"from": instant, "to": instant, "taskType": 7, "contactId": 1001}
    with sandbox(tasks=5) as api:
        made = api.call("POST", "/tasks", json=UPDATE).json()
        page = api.call("POST", "/tasks/filter", json=wanted).json()
        assert [item["id"] for item in page["items"]] == [made["id"]]
        assert api.update(made["id"]).status_code == 200
        assert api.execute(made["id"]).status_code == 200
        assert [sent.task_id for sent in api.server.outbox] == [made["id"]]


@pytest.mark.parametrize("when", When)
def test_the_lost_answer_of_a_creation(when: When) -> None:
    """Only the effects tell whether there is a task now; a spoiled success is a 201."""
    with sandbox() as api:
        api.server.fault("garbage", endpoint=Endpoint.CREATE, when=when)
        answer = api.call("POST", "/tasks", json=UPDATE)
        (call,) = api.server.calls
        assert len(api.server.effects) == (when is When.AFTER) == call.effect
    assert (answer.status_code, answer.text[:6]) == (201, "<html>")


def test_a_creation_needs_its_scope() -> None:
    """tasks:write; neither read nor operate will do."""
    keys = {"k": Key([User(1)], ["tasks:read", "tasks:operate"])}
    with sandbox(keys=keys) as api, client_of(api.server, key="k") as client:
        answer = client.call("POST", "/tasks", json=UPDATE)
        assert api.server.effects == []
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
