"""The streams of what ids stand for: users and mailboxes, few calls, and clear ends."""

from pathlib import Path
from typing import Any

import pytest
from tap_sandbox import sleepless
from tap_world import KEY, emit, run

from reply_tasks.sandbox import Endpoint, Key, SandboxServer, User, directory

ADA = User(1, "ada@example.com", "Ada")
BO = User(2, "bo@example.com", "Bo")


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_users_are_read_with_one_call(
    server: SandboxServer, config: dict[str, Any], dialect: str
) -> None:
    """Each user of the team is a row, in either dialect."""
    with SandboxServer(keys={KEY: [ADA, BO]}) as team:
        output = emit(config | {"api_url": team.url, "api_dialect": dialect}, "users")
        assert [call.endpoint for call in team.calls] == [Endpoint.TEAM_USERS]
    assert output.records["users"] == [
        {
            "userId": user.id,
            "userName": user.name,
            "userEmail": user.email,
            "teamId": 1,
            "teamName": "Team 1",
        }
        for user in (ADA, BO)
    ]
    assert output.schemas["users"]["key_properties"] == ["userId"]
    assert server.calls == []


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_mailboxes_are_read_page_by_page(
    server: SandboxServer, config: dict[str, Any], dialect: str
) -> None:
    """Each mailbox is a row with its tags as JSON text, in either dialect."""
    server.create_mailbox(30, email="sales@example.com", tags=("warm", "eu"), sender_name="Sales")
    output = emit(config | {"page_size": 2, "api_dialect": dialect}, "email_accounts")
    calls = server.calls_of(Endpoint.EMAIL_ACCOUNTS)
    assert [call.query["skip"] for call in calls] == ["0", "2"]
    assert output.ids("email_accounts", "id") == [1, 2, 30]
    assert output.records["email_accounts"][-1] == {
        "id": 30,
        "email": "sales@example.com",
        "ownerUserId": 1,
        "senderName": "Sales",
        "emailAccountType": "custom",
        "isDefault": False,
        "dailyLimit": 200,
        "connectionStatus": "connected",
        "tags": '["warm", "eu"]',
    }


@pytest.mark.parametrize(
    ("stream", "endpoint"),
    [("users", Endpoint.TEAM_USERS), ("email_accounts", Endpoint.EMAIL_ACCOUNTS)],
)
def test_what_passes_is_repeated_and_a_429_pauses(
    server: SandboxServer,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    stream: str,
    endpoint: Endpoint,
) -> None:
    """Their calls go through the quota and the repeats of the other streams."""
    slept = sleepless(monkeypatch)
    server.fault("503", endpoint=endpoint)
    assert emit(config, stream).records[stream]
    assert len(slept) == 1
    server.fault("429", endpoint=endpoint, retry_after=1)
    assert emit(config, stream).records[stream]
    refused, answered = server.calls_of(endpoint)[-2:]
    assert answered.at - refused.at >= 1


@pytest.mark.parametrize(
    ("stream", "key", "advice"),
    [
        ("users", Key([ADA]), "belongs to an organization, to a user who may see them"),
        ("email_accounts", Key([ADA], scopes=["tasks:*"]), "needs the scope channels:read"),
        (
            "email_accounts",
            Key([User(1, "a@example.com", denied=frozenset({"ViewEmailAccount"}))]),
            "the feature scope ViewEmailAccount",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture, stream: str, key: Key, advice: str
) -> None:
    """Exit code 1 and one line, with what Reply said and what this stream needs."""
    with SandboxServer(keys={KEY: key}, in_organization=stream != "users") as refusing:
        output = emit(config | {"api_url": refusing.url}, stream)
    [line] = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert output.exit_code == 1
    assert line.startswith("403")
    assert advice in line
    assert "tasks:read" not in line


def test_a_refusal_of_whom_the_key_acts_for_says_so(
    server: SandboxServer, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is not about the stream: a team is to be named."""
    server.fault("403", body={"code": "TEAM_REQUIRED", "title": "Say which team."}, times=None)
    assert emit(config, "email_accounts").exit_code == 1
    assert "Set team_id" in caplog.text


def test_what_is_in_another_form_is_null_and_named_once(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later API's members and types end no run and leave no wrong value."""
    monkeypatch.setattr(
        directory,
        "_mailbox_json",
        lambda mailbox: {"id": mailbox.id, "mood": "good", "dailyLimit": "many", "tags": None},
    )
    records = emit(config, "email_accounts").records["email_accounts"]
    assert [(row["id"], row["dailyLimit"], row["email"], row["tags"]) for row in records] == [
        (1, None, None, None),
        (2, None, None, None),
    ]
    assert caplog.text.count("Reply sent dailyLimit in a form") == 1
    assert caplog.text.count("Reply sent mood in a form") == 1
    assert "first in mailbox 1." in caplog.text


@pytest.mark.e2e
def test_without_a_key_the_console_script_says_what_to_set(tmp_path: Path) -> None:
    """Both streams need a key, and nothing is emitted without one."""
    output = run(tmp_path, {}, selected=["users", "email_accounts"])
    assert output.exit_code == 1
    assert output.messages == []
    assert "api_key must be set to read" in output.log
