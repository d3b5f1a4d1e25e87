"""Handing tasks to somebody else, and deleting them: one by one and in batches."""

import pytest
from sandbox_client import client_of, sandbox

from reply_tasks.contract.enums import CreationSource, TaskStatus
from reply_tasks.sandbox import Dialect, EffectKind, Endpoint, FaultKind, Task, User, When

PEOPLE = {"sandbox-key": [User(1), User(2), User(3, team_id=2)]}
STATUSES = [Task(number, status=status) for number, status in enumerate(TaskStatus, 1)]


@pytest.mark.parametrize("task", STATUSES)
def test_a_task_goes_to_a_user_of_the_team(task: Task) -> None:
    """200 with the task; no state is documented to forbid it."""
    with sandbox(tasks=[task], keys=PEOPLE) as api:
        answer = api.call("PUT", f"/tasks/{task.id}/assigned-user", json={"userId": 2})
        (effect,) = api.server.effects
        assert api.server.task(task.id).assigned_user_id == 2
    assert (answer.status_code, answer.json()["assignedUserId"]) == (200, 2)
    assert (effect.kind, effect.user_id, effect.task.assigned_user_id) == (
        EffectKind.ASSIGNED,
        1,
        2,
    )


@pytest.mark.parametrize("user_id", [3, 9])
def test_nobody_else_can_be_given_a_task(user_id: int) -> None:
    """403 task.forbidden for a stranger and for a user of another team; a batch changes nothing."""
    with sandbox(Dialect.CURRENT, tasks=[Task(1)], keys=PEOPLE) as api:
        for method, path, more in (
            ("PUT", "/tasks/1/assigned-user", {}),
            ("POST", "/tasks/batch/assign", {"ids": [1]}),
        ):
            answer = api.call(method, path, json={"userId": user_id, **more})
            assert (answer.status_code, answer.json()["code"]) == (403, "task.forbidden")
            detail = f"User {user_id} is not a member of the caller's team."
            assert answer.json()["detail"] == detail
        assert api.server.effects == []


@pytest.mark.parametrize("body", [{}, {"userId": None}, {"userId": 0}, {"userId": "2"}])
def test_an_assignment_that_is_wrong_is_named(body: dict[str, object]) -> None:
    """UserId is required, an integer and positive."""
    with sandbox(Dialect.CURRENT, tasks=[Task(1)], keys=PEOPLE) as api:
        answers = [
            api.call("PUT", "/tasks/1/assigned-user", json=body),
            api.call("POST", "/tasks/batch/assign", json={"ids": [1], **body}),
        ]
        assert api.server.effects == []
    for answer in answers:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/userId"]


@pytest.mark.parametrize(
    ("dialect", "name", "missing"),
    [(Dialect.PREVIEW, "assignedUserId", 1), (Dialect.CURRENT, "userId", "notFound")],
)
def test_a_batch_assigns_what_it_finds(dialect: Dialect, name: str, missing: object) -> None:
    """The member has another name in the older generation; twice is as good as once."""
    with sandbox(tasks=STATUSES, keys=PEOPLE) as api, client_of(api.server, dialect) as client:
        body = {"ids": [1, 77, 2], name: 2}
        answers = [client.call("POST", "/tasks/batch/assign", json=body) for _ in range(2)]
        assert [effect.task.id for effect in api.server.effects] == [1, 2, 1, 2]
    for answer in answers:
        assert {task: item["error"] for task, item in answer.json().items()} == {"77": missing}


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (TaskStatus.NEW, TaskStatus.CANCELLED),
        (TaskStatus.FINISHED, TaskStatus.ARCHIVED),
        (TaskStatus.CANCELLED, None),
        (TaskStatus.ARCHIVED, None),
        (TaskStatus.SEQUENCE_DETACHED, None),
    ],
)
def test_what_a_deletion_makes_of_a_task(status: TaskStatus, becomes: TaskStatus | None) -> None:
    """204 without a body, or 400 task.unknown; it leaves the lists, a sequence's task too."""
    task = Task(1, status=status, creation_source=CreationSource.SEQUENCE, sequence_id=1)
    with sandbox(tasks=[task]) as api:
        answer = api.call("DELETE", "/tasks/1")
        assert api.server.task(1).status is (becomes or status)
        assert len(api.server.effects_of(EffectKind.DELETED, 1)) == (becomes is not None)
        listed = api.call("GET", "/tasks").json()["items"]
    if becomes is None:
        assert (answer.status_code, answer.json()["code"]) == (400, "task.unknown")
        assert answer.json()["detail"] == "Task cannot be deleted in its current state."
    else:
        assert (answer.status_code, answer.content, listed) == (204, b"", [])
        assert "Content-Length" not in answer.headers


def test_a_connection_goes_on_after_a_204() -> None:
    """It has no body whose end would have to be told."""
    with sandbox(tasks=STATUSES) as api:
        assert api.call("DELETE", "/tasks/1").status_code == 204
        assert api.get(1).json()["status"] == TaskStatus.CANCELLED
        assert {call.connection for call in api.server.calls} == {1}


def test_a_bulk_deletion_deletes_what_it_can() -> None:
    """200 with what failed; what can't be deleted is notFound, the only error documented."""
    with sandbox(Dialect.CURRENT, tasks=STATUSES) as api:
        body = {"ids": [5, 1, 2, 3, 88]}
        answer = api.call("POST", "/tasks/bulk-delete", json=body)
        deleted = [effect.task.id for effect in api.server.effects_of(EffectKind.DELETED)]
    assert (answer.status_code, deleted) == (200, [1, 2])
    assert {task: item["error"] for task, item in answer.json().items()} == dict.fromkeys(
        ("5", "3", "88"), "notFound"
    )
    assert answer.json()["5"]["errorDetails"] == "Task cannot be deleted in its current state."


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/tasks/9/assigned-user"), ("DELETE", "/tasks/9"), ("POST", "/tasks/9/complete")],
)
def test_a_task_that_is_not_there(method: str, path: str) -> None:
    """404 task.notFound, as for an update."""
    with sandbox(tasks=[Task(1)]) as api:
        answer = api.call(method, path, json={"userId": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "task.notFound")


CALLS = {
    Endpoint.ASSIGN: ("PUT", "/tasks/1/assigned-user", {"userId": 2}),
    Endpoint.COMPLETE: ("POST", "/tasks/1/complete", {}),
    Endpoint.DELETE: ("DELETE", "/tasks/1", None),
    Endpoint.BATCH_ASSIGN: ("POST", "/tasks/batch/assign", {"ids": [1], "assignedUserId": 2}),
    Endpoint.BATCH_COMPLETE: ("POST", "/tasks/batch/complete", {"ids": [1]}),
    Endpoint.BULK_DELETE: ("POST", "/tasks/bulk-delete", {"ids": [1]}),
}


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("endpoint", CALLS)
def test_every_endpoint_can_go_wrong_before_or_after_its_effect(
    endpoint: Endpoint, when: When
) -> None:
    """The client sees a 503 either way; the effect and the log tell."""
    method, path, body = CALLS[endpoint]
    with sandbox(tasks=[Task(1)], keys=PEOPLE) as api:
        api.server.fault("503", endpoint=endpoint, when=when)
        assert api.call(method, path, json=body).status_code == 503
        (call,) = api.server.calls
        assert len(api.server.effects) == (when is When.AFTER) == call.effect
        assert all(effect.call == call.number for effect in api.server.effects)
        assert api.call(method, path, json=body).status_code < 500


@pytest.mark.parametrize("endpoint", CALLS)
def test_a_success_that_shows_no_effect(endpoint: Endpoint) -> None:
    """The task as it was; of a batch, an empty object, as if all had succeeded."""
    method, path, body = CALLS[endpoint]
    with sandbox(tasks=[Task(1)], keys=PEOPLE) as api:
        api.server.fault(FaultKind.HOLLOW, endpoint=endpoint)
        answer = api.call(method, path, json=body)
        assert api.server.effects == []
    assert answer.status_code == 200
    assert answer.json().get("id") == (1 if "/1" in path else None)
    assert answer.json().get("status", 0) == 0


@pytest.mark.parametrize("kind", ["latency", "stall"])
def test_a_batch_that_is_only_late_is_done_whole(kind: str) -> None:
    """So a fault in its middle has to end the call."""
    with sandbox() as api:
        answer = api.control("POST", "faults", {"kind": kind, "done": 1})
        assert (answer.status_code, api.server.faults.in_force()) == (400, [])
