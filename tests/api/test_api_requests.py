"""What the client sends, which settings it refuses, and what never leaks."""

import json
import logging
from pathlib import Path

import pytest
from api_calls import KEY, connect
from scripted_server import ScriptedServer, Step, Then, http

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.answers import AnswerKind
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.dialect import Dialect
from reply_tasks.api.errors import ConfigurationError
from reply_tasks.api.identity import Identity

BODY = {"taskType": 7, "template": {"body": "Hällo"}, "contactId": 5}


def test_each_method_makes_the_documented_request(server: ScriptedServer) -> None:
    """One method is one call of one endpoint."""
    with connect(server.url) as client:
        client.update_task(1, BODY)
        client.execute_task(2, {})
        client.get_task(3)
        client.get_task(3, include_content=True)
        client.list_tasks(100, 200)
        client.filter_tasks({"status": 0}, 10, 0)
        client.whoami()
    assert [(seen.method, seen.target, seen.body) for seen in server.seen] == [
        ("PUT", "/v3/tasks/1", json.dumps(BODY, separators=(",", ":")).encode()),
        ("POST", "/v3/tasks/2/execute", b"{}"),
        ("GET", "/v3/tasks/3", b""),
        ("GET", "/v3/tasks/3?includeContent=true", b""),
        ("GET", "/v3/tasks?top=100&skip=200", b""),
        ("POST", "/v3/tasks/filter?top=10&skip=0", b'{"status":0}'),
        ("GET", "/v3/whoami", b""),
    ]
    assert {seen.connection for seen in server.seen} == {1}
    for seen in server.seen:
        assert seen.headers["x-api-key"] == KEY
        assert seen.headers["accept"] == "application/json"
        assert seen.headers["user-agent"].startswith("reply-tasks/")
        assert ("content-type" in seen.headers) == (seen.method != "GET")
        assert "authorization" not in seen.headers


def test_the_current_dialect_sends_bearer_and_names(server: ScriptedServer) -> None:
    """`current` writes camelCase names, in records and in filters."""
    with connect(server.url, dialect=Dialect.CURRENT) as client:
        client.update_task(1, {"taskType": 5, "linkedInTaskType": 2, "contactId": None})
        client.filter_tasks({"status": 3, "taskType": 9}, 1, 0)
    update, select = server.seen
    assert update.headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in update.headers
    assert json.loads(update.body) == {
        "taskType": "linkedIn",
        "linkedInTaskType": "inMail",
        "contactId": None,
    }
    assert json.loads(select.body) == {"status": "cancelled", "taskType": "whatsApp"}


@pytest.mark.parametrize(
    ("identity", "act_as", "sent"),
    [
        (Identity(), None, {}),
        (Identity(7, 8), None, {"x-team-id": "7", "x-user-id": "8"}),
        (
            Identity("7", None, "a@b.example"),
            None,
            {"x-team-id": "7", "x-user-email": "a@b.example"},
        ),
        (Identity(7, 8, "a@b.example"), 9, {"x-team-id": "7", "x-user-id": "9"}),
        (Identity(None, None, "a@b.example"), 9, {"x-user-id": "9"}),
        (Identity("", "", ""), None, {}),
    ],
)
def test_the_acting_identity(
    server: ScriptedServer,
    identity: Identity,
    act_as: int | None,
    sent: dict[str, str],
) -> None:
    """A record's user replaces the user of the settings, by number and by email."""
    with connect(server.url, identity=identity) as client:
        client.update_task(1, BODY, act_as_user_id=act_as)
        client.get_task(1, act_as_user_id=act_as)
        client.execute_task(1, {}, act_as_user_id=act_as)
    for seen in server.seen:
        names = ("x-team-id", "x-user-id", "x-user-email")
        assert {n: seen.headers[n] for n in names if n in seen.headers} == sent
        assert ("content-type" in seen.headers) == (seen.method != "GET")


def test_a_redirect_is_not_followed(server: ScriptedServer) -> None:
    """The key and the body go to api_url and nowhere else."""
    server.script(Step(http(307, b"", {"Location": f"{server.url}/elsewhere"})))
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
    assert (answer.kind, answer.status) == (AnswerKind.RESPONSE, 307)
    assert len(server.seen) == 1


def test_netrc_is_not_consulted(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password kept for the host is nobody's business here."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with connect(server.url) as client:
        client.whoami()
    assert "authorization" not in server.seen[0].headers


def test_cookies_are_not_kept(server: ScriptedServer) -> None:
    """A call depends on no call before it."""
    server.script(Step(http(headers={"Set-Cookie": "a=b"})))
    with connect(server.url) as client:
        client.whoami()
        client.whoami()
    assert "cookie" not in server.seen[1].headers


ECHO = json.dumps(
    {
        "title": f"Bad {KEY}",
        "status": 401,
        "detail": f"The key {KEY} is not known.",
        "code": KEY,
        "errors": [{"pointer": f"/{KEY}", "detail": KEY}],
        "reasons": [KEY],
        "teams": [{"teamId": KEY, "teamName": KEY}],
        KEY: {"nested": [KEY]},
    }
).encode()


@pytest.mark.parametrize(
    "step",
    [
        Step(http(401, ECHO)),
        Step(http(500, f"<p>{KEY}</p>".encode())),
        Step(http(500, f"x-api-key: {KEY}".encode())),
        Step(http(500, json.dumps([KEY]).encode())),
        Step(f"HTTP/1.1 {KEY}\r\n\r\n".encode(), Then.CLOSE),
        Step(f"{KEY}\r\n\r\n".encode(), Then.CLOSE),
        Step(f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}, 2\r\n\r\n".encode(), Then.CLOSE),
        Step(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n{{}}".encode(), Then.CLOSE),
        Step(then=Then.RESET),
    ],
)
def test_the_key_appears_nowhere(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    """Not in answers, problems, logs or representations, even when the server echoes it."""
    caplog.set_level(logging.DEBUG)
    server.script(step)
    with connect(server.url) as client:
        answer = client.update_task(1, BODY)
        assert server.seen[0].headers["x-api-key"] == KEY
        shown = [repr(client), str(client), repr(answer), answer.error]
    problem = answer.problem
    if problem is not None:
        shown += [repr(problem), problem.summary(), json.dumps(problem.raw), problem.words()]
        shown.append(json.dumps(answer.data))
    for text in shown:
        assert KEY not in text
    assert KEY not in caplog.text


def test_a_connection_shows_neither_key_nor_email() -> None:
    """Its repr may be logged."""
    text = repr(ReplyAccess(api_key=KEY, user_email="ann@example.com"))
    assert KEY not in text
    assert "ann@" not in text


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}\x00", f"{KEY}é"])
def test_a_key_that_no_header_can_carry_is_refused_without_quoting_it(key: str) -> None:
    """The HTTP library's own error would quote it."""
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        ReplyClient(ReplyAccess("https://api.reply.io/v3", key))
    assert KEY not in str(caught.value)


def test_blanks_around_a_key_do_not_count(server: ScriptedServer) -> None:
    """Secrets often end in a line break."""
    with ReplyClient(ReplyAccess(server.url, f" {KEY}\n")) as client:
        client.whoami()
    assert server.seen[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://api.reply.io/v3", "https://"),
        ("http://127.0.0.1.example.com/v3", "https://"),
        ("http://localhost.example.com/v3", "https://"),
        ("http://10.0.0.1/v3", "https://"),
        ("ftp://api.reply.io/v3", "https URL"),
        ("api.reply.io/v3", "https URL"),
        ("https:///v3", "https URL"),
        ("", "https URL"),
        ("https://api.reply.io:port/v3", "not a URL"),
        ("https://[::1/v3", "not a URL"),
        ("https://me:secret@api.reply.io/v3", "no password"),
        ("https://api.reply.io/v3?key=1", "no query"),
        ("https://api.reply.io/v3#x", "no query"),
        ("https://api.reply.io", "end with /v3"),
        ("https://api.reply.io/v2/", "end with /v3"),
        ("https://api.réply.io/v3", "ASCII"),
        ("https://api.reply.io/v3 x", "ASCII"),
    ],
)
def test_an_api_url_that_cannot_work_is_refused(url: str, says: str) -> None:
    """Before any call, with what to write instead, and without quoting it."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        ReplyClient(ReplyAccess(url, KEY))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/v3",
        "http://127.0.0.1/v3/",
        "http://127.8.9.10/v3",
        "http://[::1]:99/v3",
        "https://api.reply.io/v3/",
        "https://api.dev.reply.io/v3",
        "https://gateway.example.com/reply",
    ],
)
def test_an_api_url_that_can_work_is_taken(url: str) -> None:
    """Over https anywhere, over http on this machine."""
    ReplyClient(ReplyAccess(url, KEY)).close()


def test_an_empty_key_is_refused() -> None:
    """A call without a key can only fail."""
    with pytest.raises(ConfigurationError, match="api_key"):
        ReplyClient(ReplyAccess("https://api.reply.io/v3", "  "))


def test_an_identity_that_no_header_can_carry_is_refused() -> None:
    """The setting is named."""
    with pytest.raises(ConfigurationError, match="team_id"):
        ReplyClient(ReplyAccess("https://api.reply.io/v3", KEY, team_id="1\r\nA: b"))


def test_a_socks_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot tell a failed connection from a lost answer is not used."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match="SOCKS"):
        ReplyClient(ReplyAccess("https://api.reply.io/v3", KEY))


@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS_PROXY", "http://:80"), ("REQUESTS_CA_BUNDLE", "/no/such")]
)
def test_an_environment_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """At the start of the run, not at its first record."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="environment"):
        ReplyClient(ReplyAccess("https://api.reply.io/v3", KEY))
