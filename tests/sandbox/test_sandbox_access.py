"""Keys, acting users, routes, and what the middleware refuses."""

from typing import Any

import pytest
from sandbox_client import UPDATE, client_of, sandbox

from reply_tasks.sandbox import Dialect, User

TEAM = {
    "team": [User(1, "owner@example.com"), User(2, "two@example.com", team_id=2)],
    "reader": [User(3, "three@example.com", denied=frozenset({"ManageTask"}))],
    "nobody": [User(4, "four@example.com", denied=frozenset({"ManageTask", "ViewTask"}))],
}
UNAUTHORIZED = (
    b'{"title":"Unauthorized","status":401,'
    b'"detail":"Authentication credentials are missing or invalid."}'
)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic sandbox-key"},
        {"Authorization": "sandbox-key"},
    ],
)
def test_a_wrong_key_is_answered_as_on_the_wire(headers: dict[str, str]) -> None:
    """The very bytes that others saw."""
    with sandbox() as api:
        del api.session.headers["X-API-Key"]
        answer = api.call("GET", "/whoami", headers=headers)
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)


def test_a_401_can_be_without_a_body_as_documented() -> None:
    """The documentation says so, the wire does not: a client has to live with both."""
    with sandbox(body_of_401=False, keys={"k": [User(1)]}) as api:
        answer = api.call("GET", "/whoami")
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("only", Dialect)
def test_a_sandbox_can_speak_one_dialect_only(only: Dialect) -> None:
    """The header of the other dialect is then no credential."""
    with sandbox(dialect=only) as api:
        statuses = {}
        for dialect in Dialect:
            with client_of(api.server, dialect) as client:
                statuses[dialect] = client.call("GET", "/whoami").status_code
    assert statuses == {dialect: 200 if dialect is only else 401 for dialect in Dialect}


@pytest.mark.parametrize(
    ("acting", "user_id"),
    [
        ({}, 1),
        ({"X-USER-ID": "2"}, 2),
        ({"X-User-Id": "1"}, 1),
        ({"X-User-Email": "Two@Example.com"}, 2),
        ({"X-TEAM-ID": "2"}, 2),
        ({"X-TEAM-ID": "2", "X-User-Email": "two@example.com"}, 2),
    ],
)
def test_a_team_key_acts_for_its_users(acting: dict[str, str], user_id: int) -> None:
    """Its owner unless the call names another."""
    with sandbox(keys=TEAM) as api, client_of(api.server, key="team", acting=acting) as client:
        assert client.call("GET", "/whoami").json()["userId"] == user_id
        task = api.server.create_task()
        client.execute(task.id)
        assert [sent.user_id for sent in api.server.outbox] == [user_id]
        assert [call.user_id for call in api.server.calls] == [user_id] * 2


@pytest.mark.parametrize(
    ("acting", "status", "code"),
    [
        ({"X-USER-ID": "9"}, 401, "USER_NOT_FOUND"),
        ({"X-USER-ID": "me"}, 401, "USER_NOT_FOUND"),
        ({"X-User-Email": "nine@example.com"}, 401, "USER_NOT_FOUND"),
        ({"X-USER-ID": "1", "X-TEAM-ID": "2"}, 401, "USER_NOT_FOUND"),
        ({"X-TEAM-ID": "9"}, 403, "TEAM_NOT_ACCESSIBLE"),
    ],
)
def test_acting_for_a_stranger_is_refused(acting: dict[str, str], status: int, code: str) -> None:
    """The codes of team resolution are not those of tasks."""
    with sandbox(keys=TEAM) as api, client_of(api.server, key="team", acting=acting) as client:
        answer = client.call("GET", "/whoami")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 403:
        assert [team["teamId"] for team in answer.json()["teams"]] == [1, 2]


@pytest.mark.parametrize(("key", "allowed"), [("team", "GUX"), ("reader", "G"), ("nobody", "")])
def test_feature_scopes_are_denied_by_name(key: str, allowed: str) -> None:
    """A user who may not view or manage tasks gets 403 task.forbidden."""
    with sandbox(keys=TEAM) as api, client_of(api.server, key=key) as client:
        task = api.server.create_task()
        calls = {"G": client.get, "U": client.update, "X": client.execute}
        answers = {name: call(task.id) for name, call in calls.items()}
        assert client.call("GET", "/whoami").status_code == 200
    for name, answer in answers.items():
        assert answer.status_code == (200 if name in allowed else 403)
        if answer.status_code == 403:
            feature = "ViewTask" if name == "G" else "ManageTask"
            assert answer.json()["code"] == "task.forbidden"
            assert answer.json()["detail"].startswith(f"Feature scopes [{feature}] are denied")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/tasks/0", "'id' must be a positive integer."),
        ("/tasks/-3", "'id' must be a positive integer."),
        ("/tasks/abc", "Value has an invalid type."),
        ("/tasks/99999999999", "Value has an invalid type."),
        (f"/tasks/{'9' * 5000}", "Value has an invalid type."),
    ],
)
def test_route_ids_are_positive_integers(path: str, detail: str) -> None:
    """Anything else is a validation problem, for every endpoint of a task."""
    with sandbox() as api:
        answers = [
            api.call("GET", path),
            api.call("PUT", path, json=UPDATE),
            api.call("POST", f"{path}/execute", json={}),
        ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["errors"] == [{"pointer": "/id", "detail": detail}]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PATCH", "/tasks/1", 405, "GET, PUT, DELETE"),
        ("GET", "/tasks/1/execute", 405, "POST"),
        ("DELETE", "/tasks", 405, "GET, POST"),
        ("GET", "/tasks/1/assigned-user", 405, "PUT"),
        ("GET", "/tasks/batch/complete", 405, "POST"),
        ("PUT", "/contacts/1", 405, "GET"),
        ("GET", "/tasks/1/perform", 404, None),
        ("GET", "/tasks/batch/delete", 404, None),
        ("GET", "/contacts/1/tasks", 404, None),
        ("GET", "/", 404, None),
    ],
)
def test_what_is_not_there_is_a_bare_problem(
    method: str, path: str, status: int, allow: str | None
) -> None:
    """Neither code nor errors[]; a 405 says what is allowed."""
    with sandbox() as api:
        answer = api.call(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"title", "status", "detail"}
    assert answer.headers.get("Allow") == allow


@pytest.mark.parametrize(
    ("body", "media", "status", "detail"),
    [
        (b"{", "application/json", 400, "Request body is not valid JSON."),
        (b'{"a":NaN}', "application/json", 400, "Request body is not valid JSON."),
        (b"\xff", "application/json", 400, "Request body is not valid JSON."),
        (b"[" * 200_000, "application/json", 400, "Request body is not valid JSON."),
        (b"", "application/json", 400, "The request body is required and cannot be empty."),
        (b"null", "application/json", 400, "The request body is required and cannot be empty."),
        (b"[]", "application/json", 400, "Value has an invalid type."),
        (b"{}", "text/plain", 415, None),
        (b"{}", "", 415, None),
    ],
)
def test_a_body_that_is_no_json_object(
    body: bytes, media: str, status: int, detail: str | None
) -> None:
    """Each is told apart, and the pointer is the whole body."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.call("PUT", f"/tasks/{task.id}", data=body, headers={"Content-Type": media})
    problem: dict[str, Any] = answer.json()
    assert answer.status_code == status
    if detail is not None:
        assert problem["errors"] == [{"pointer": "", "detail": detail}]
