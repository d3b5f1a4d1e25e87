"""What a key may do: its scopes, and whom an organization's key must name."""

import pytest
from sandbox_client import Client, client_of, sandbox

from reply_tasks.sandbox import Key, Task, User

OWNER = User(1, "owner@example.com")
PEOPLE = [OWNER, User(2, "two@example.com", team_id=2)]


def needed_scopes(api: Client) -> dict[str, str | None]:
    """Each endpoint, and the scope that a 403 asks for; None where there is no 403."""
    answers = {
        "whoami": api.call("GET", "/whoami"),
        "get": api.get(1),
        "list": api.call("GET", "/tasks"),
        "filter": api.call("POST", "/tasks/filter", json={}),
        "update": api.update(1),
        "execute": api.execute(1),
        "team_users": api.call("GET", "/whoami/team-users"),
    }
    missing: dict[str, str | None] = {}
    for name, answer in answers.items():
        if answer.status_code == 403:
            assert answer.json()["code"] == "insufficient_scope"
            assert answer.json().keys() == {"title", "status", "detail", "code"}
            missing[name] = answer.json()["detail"].rstrip(".").rpartition(" ")[2]
        else:
            missing[name] = None
    return missing


READ, WRITE, OPERATE = "tasks:read", "tasks:write", "tasks:operate"


@pytest.mark.parametrize(
    ("scopes", "read", "update", "execute"),
    [
        (["*:*"], None, None, None),
        (["tasks:*"], None, None, None),
        (["tasks:read"], None, WRITE, OPERATE),
        (["tasks:write"], None, None, OPERATE),
        (["tasks:operate"], None, WRITE, None),
        (["tasks:write", "tasks:operate"], None, None, None),
        (["*:read"], None, WRITE, OPERATE),
        (["contacts:*"], READ, WRITE, OPERATE),
        ([], READ, WRITE, OPERATE),
    ],
)
def test_each_endpoint_needs_its_scope(
    scopes: list[str], read: str | None, update: str | None, execute: str | None
) -> None:
    """Write and operate include read and not each other; whoami needs none."""
    keys = {"k": Key([OWNER], scopes)}
    with sandbox(tasks=[Task(1)], keys=keys) as api, client_of(api.server, key="k") as client:
        assert needed_scopes(client) == {
            "whoami": None,
            "team_users": None,
            "get": read,
            "list": read,
            "filter": read,
            "update": update,
            "execute": execute,
        }
        assert len(api.server.outbox) == (execute is None)


@pytest.mark.parametrize(
    ("acting", "status", "told"),
    [
        ({}, 403, "USER_REQUIRED"),
        ({"X-TEAM-ID": "1"}, 403, "USER_REQUIRED"),
        ({"X-User-Email": "two@example.com"}, 403, "TEAM_REQUIRED"),
        ({"X-User-Email": "two@example.com", "X-TEAM-ID": "9"}, 403, "TEAM_NOT_ACCESSIBLE"),
        ({"X-User-Email": "two@example.com", "X-TEAM-ID": "1"}, 401, "USER_NOT_FOUND"),
        ({"X-User-Email": "two@example.com", "X-TEAM-ID": "2"}, 200, 2),
        ({"X-USER-ID": "2"}, 200, 2),
        ({"X-User-Id": "1", "X-Team-Id": "1"}, 200, 1),
        ({"X-USER-ID": "9"}, 401, "USER_NOT_FOUND"),
    ],
)
def test_an_organizations_key_must_name_a_user(
    acting: dict[str, str], status: int, told: str | int
) -> None:
    """It has no owner to fall back on; by email it needs the team, too."""
    keys = {"k": Key(PEOPLE, of_organization=True)}
    with sandbox(keys=keys) as api, client_of(api.server, key="k", acting=acting) as client:
        answer = client.call("GET", "/whoami")
    said = answer.json()
    assert (answer.status_code, said.get("code", said.get("userId"))) == (status, told)
    if str(told).startswith("TEAM"):
        assert said["teams"] == [
            {"teamId": 1, "teamName": "Team 1"},
            {"teamId": 2, "teamName": "Team 2"},
        ]
