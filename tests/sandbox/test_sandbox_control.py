"""The control endpoints and the same things in process."""

from typing import Any

import pytest
from sandbox_client import UPDATE, sandbox

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.sandbox import Endpoint, Task, Template


def test_the_log_tells_everything_but_the_key() -> None:
    """Each API call with who, when, what, how it ended; control calls are not in it."""
    with sandbox(clock=lambda: 1_800_000_000.5) as api:
        task = api.server.create_task()
        api.update(task.id)
        api.get(task.id, params={"includeContent": "true"})
        api.call("PUT", "/tasks/77", data=b"{", headers={"Content-Type": "application/json"})
        api.call("GET", "/whoami", headers={"X-API-Key": "wrong"})
        calls = api.control("GET", "calls").json()
    assert [call["endpoint"] for call in calls] == ["update", "get", "update", "whoami"]
    assert [call["status"] for call in calls] == [200, 200, 400, 401]
    assert [call["effect"] for call in calls] == [True, False, False, False]
    assert [call["task_id"] for call in calls] == [task.id, task.id, 77, None]
    assert [call["user_id"] for call in calls] == [1, 1, 1, None]
    assert [call["body"] for call in calls] == [UPDATE, None, "{", None]
    assert {call["at"] for call in calls} == {1_800_000_000.5}
    assert {call["connection"] for call in calls} == {1}
    assert calls[0]["method"] == "PUT"
    assert calls[0]["path"] == f"/v3/tasks/{task.id}"
    assert calls[1]["query"] == {"includeContent": "true"}
    assert "sandbox-key" not in str(calls)
    assert calls[0]["headers"]["content-type"] == "application/json"


def test_another_client_can_change_a_task_past_every_rule() -> None:
    """PATCH and edit_task do not care for status or sequence."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.control(
            "PATCH",
            f"tasks/{task.id}",
            {"status": "finished", "finishedAt": "2026-05-01T00:00:00Z", "contactId": None},
        )
        assert answer.json()["status"] == 1
        assert answer.json()["finishedAt"] == "2026-05-01T00:00:00+00:00"
        assert api.server.task(task.id).contact_id is None
        api.server.edit_task(task.id, status=TaskStatus.NEW)
        assert api.get(task.id).json()["status"] == 0


def test_a_task_can_be_made_over_http() -> None:
    """With any member, in any spelling of an enum, under a given or the next id."""
    with sandbox() as api:
        made = api.control(
            "POST",
            "tasks",
            {
                "id": 41,
                "taskType": "SMS",
                "template": {"body": "Hi", "attachmentIdList": [1]},
                "failsDelivery": True,
            },
        ).json()
        assert (made["id"], made["taskType"], made["failsDelivery"]) == (41, 8, True)
        assert made["template"]["attachmentIdList"] == [1]
        assert api.control("POST", "tasks", {}).json()["id"] == 42
        assert api.server.task(41).task_type is TaskType.SMS


def test_a_hidden_task_is_seen_by_the_control_alone() -> None:
    """Deleted for the API, still there for a test."""
    with sandbox() as api:
        task = api.server.create_task(hidden=True)
        assert api.get(task.id).status_code == 404
        assert api.control("GET", f"tasks/{task.id}").json()["hidden"] is True


def test_the_outbox_over_http() -> None:
    """The same entries as in process."""
    with sandbox(clock=lambda: 1_800_000_000.0) as api:
        task = api.server.create_task(template=Template("Hello", "Hi"))
        api.execute(task.id, {"emailAccountId": 5})
        assert api.control("GET", "outbox").json() == [
            {
                "task_id": task.id,
                "kind": "email",
                "to": "bo.abbott.1001@example.com",
                "subject": "Hi",
                "body": "Hello",
                "sent_at": "2027-01-15T08:00:00+00:00",
                "user_id": 1,
                "email_account_id": 5,
            }
        ]


def test_the_effects_over_http() -> None:
    """Who did what to which task, when and by which call; the task as that call left it."""
    with sandbox(clock=lambda: 1_800_000_000.0) as api:
        task = api.server.create_task()
        api.get(task.id)
        api.call("POST", f"/tasks/{task.id}/complete", json={})
        api.call("DELETE", f"/tasks/{task.id}")
        done, deleted = api.control("GET", "effects").json()
    assert (done["kind"], deleted["kind"]) == ("completed", "deleted")
    assert (done["call"], deleted["call"]) == (2, 3)
    assert (done["task"]["status"], deleted["task"]["status"]) == (1, 4)
    del done["task"]
    assert done == {
        "kind": "completed",
        "task_id": task.id,
        "user_id": 1,
        "at": "2027-01-15T08:00:00+00:00",
        "call": 2,
        "call_resolution": None,
    }


def test_contacts_and_mailboxes_can_be_made_over_http() -> None:
    """One or several, under a given or the next id; null is no address."""
    with sandbox() as api:
        one, two = api.control(
            "POST", "contacts", [{"id": 9, "email": None}, {"email": "ann@crm.example"}]
        ).json()
        assert (one["id"], one["email"]) == (9, "")
        assert api.call("GET", f"/contacts/{two['id']}").json()["email"] == "ann@crm.example"
        box = api.control("POST", "mailboxes", {"email": "a@b.example", "isDefault": True}).json()
        assert (box[0]["id"], box[0]["owner_user_id"], box[0]["is_default"]) == (3, 1, True)


def test_reset_goes_back_to_the_start() -> None:
    """Tasks, outbox, calls, faults and quota."""
    with sandbox(tasks=[Task(1)], requests_per_minute=1) as api:
        api.execute(1)
        api.server.create_task()
        api.server.create_contact(5, email="five@crm.example")
        api.server.create_mailbox()
        api.server.fault("500")
        assert api.control("POST", "reset").status_code == 200
        assert api.server.effects == []
        assert len(api.call("GET", "/email-accounts").json()["items"]) == 2
        assert api.control("POST", "reset").status_code == 200
        assert api.server.store.visible() == [Task(1)]
        assert (api.server.outbox, api.server.calls) == ([], [])
        assert api.execute(1).status_code == 200


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "tasks/9", None, 404),
        ("PATCH", "tasks/9", {}, 404),
        ("PATCH", "tasks/1", {"colour": "red"}, 400),
        ("PATCH", "tasks/1", {"status": "done"}, 400),
        ("PATCH", "tasks/1", {"dueTo": "soon"}, 400),
        ("POST", "spend", {"calls": "many"}, 400),
        ("POST", "contacts", {"mail": "x"}, 400),
        ("POST", "mailboxes", [{"connectionStatus": "lost"}], 400),
        ("GET", "nothing", None, 404),
        ("DELETE", "outbox", None, 404),
    ],
)
def test_a_control_request_that_is_wrong_says_so(
    method: str, name: str, body: Any, status: int
) -> None:
    """A typo in a test must not pass in silence."""
    with sandbox(tasks=[Task(1)]) as api:
        answer = api.control(method, name, body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_waiting_for_calls_has_an_end() -> None:
    """A call that never comes is a TimeoutError."""
    with sandbox() as api, pytest.raises(TimeoutError):
        api.server.wait_for_calls(1, Endpoint.EXECUTE, seconds=0.05)
