"""Nobody gets in: no token, no page; a foreign Host, and a form of elsewhere, are refused."""

import logging

import pytest
import requests
from console_world import SECONDS, Visitor, serving
from target_runs import Stage

from reply_tasks.console.access import is_ours

PAGES = (
    "/",
    "/held",
    "/sent",
    "/uncertain",
    "/rejected",
    "/rejected/download?format=csv",
    "/find?key=1",
    "/tasks/1",
    "/static/console.css",
    "/static/icon.svg",
    "/no-such-page",
    "/favicon.ico",
)


@pytest.mark.parametrize("path", PAGES)
def test_without_the_token_nothing_is_served(console: Visitor, path: str) -> None:
    """Not a page, not a stylesheet, not even whether there is one: each is 401, and says how."""
    answer = requests.get(console.root + path, timeout=SECONDS)
    assert answer.status_code == 401
    assert "reply-tasks console" in answer.text
    assert "Ada" not in answer.text


def test_a_wrong_token_and_a_wrong_cookie_open_nothing(console: Visitor) -> None:
    """Only this token, and only the cookie that it gave."""
    for token in ("", "x", console.secrets.session, console.secrets.token[:-1]):
        answer = requests.get(console.root, params={"token": token}, timeout=SECONDS)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    wrong = {"console": console.secrets.token}
    assert requests.get(console.root, cookies=wrong, timeout=SECONDS).status_code == 401


def test_the_token_is_changed_for_a_cookie_and_leaves_the_address(console: Visitor) -> None:
    """The cookie is out of reach of scripts and of other sites; the token is in no redirect."""
    answer = requests.get(
        f"{console.root}/held?token={console.secrets.token}&run=ab",
        timeout=SECONDS,
        allow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/held?run=ab")
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert console.secrets.token not in answer.headers["set-cookie"]


def test_the_redirect_stays_here(console: Visitor) -> None:
    """An address that looks like another host's path leads to no other host."""
    answer = requests.get(
        f"{console.root}//example.com/%0d%0ax?token={console.secrets.token}",
        timeout=SECONDS,
        allow_redirects=False,
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/example.com")


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "a@localhost", ""])
def test_a_foreign_host_is_refused(console: Visitor, host: str) -> None:
    """A name that somebody else made resolve to loopback gets nothing, token or not."""
    for path in ("/held", f"/?token={console.secrets.token}"):
        answer = console.get(path, headers={"Host": host}, allow_redirects=False)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("hosts", [[], ["[::"], ["localhost:x"], ["localhost", "localhost"]])
def test_what_is_no_host_is_foreign(hosts: list[str]) -> None:
    """None, two, or one that can't be read."""
    assert not is_ours(hosts)


def test_a_tunnel_s_port_is_no_foreign_host(console: Visitor) -> None:
    """Through ssh -L the port may be another, and the name localhost."""
    headers = {"Host": "localhost:9999", "Cookie": f"console={console.secrets.session}"}
    assert requests.get(f"{console.root}/held", headers=headers, timeout=SECONDS).status_code == 200


def test_a_form_without_this_session_s_csrf_token_decides_nothing(console: Visitor) -> None:
    """A missing or a wrong one is refused, and what was held still waits."""
    (first, _) = console.shown()
    for csrf in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": console.secrets.session}):
        data = {"approve": first, **csrf}
        answer = console.session.post(f"{console.root}/held", data=data, timeout=SECONDS)
        assert answer.status_code == 403
    assert len(console.shown()) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_decides_nothing(console: Visitor, headers: dict[str, str]) -> None:
    """Even with the right CSRF token."""
    (first, _) = console.shown()
    answer = console.post("/held", ("approve", first), headers=headers)
    assert answer.status_code == 403
    assert len(console.shown()) == 2


def test_a_form_without_the_cookie_is_nobody_s(console: Visitor) -> None:
    """The CSRF token alone opens nothing."""
    data = {"csrf": console.secrets.csrf, "approve": console.shown()[0]}
    answer = requests.post(f"{console.root}/held", data=data, timeout=SECONDS)
    assert answer.status_code == 401
    assert len(console.shown()) == 2


def test_each_answer_forbids_what_a_page_does_not_need(console: Visitor) -> None:
    """No script, no frame, no other host, nothing kept in a cache; refusals are no exception."""
    for answer in (console.get("/held"), requests.get(console.root, timeout=SECONDS)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/held", "/sent", "/uncertain", "/rejected", "/find"])
def test_no_page_needs_a_script_or_another_host(console: Visitor, path: str) -> None:
    """No script, no handler, no inline style, and every address is of this console."""
    page = console.get(path).text
    for forbidden in ("<script", " style=", " onclick", "http://", "https://", "javascript:"):
        assert forbidden not in page.replace("http://www.w3.org/2000/svg", "")


def test_read_only_pages_have_no_form_and_take_none(looking: Visitor) -> None:
    """Nothing to press, and pressing it all the same is refused."""
    for path in ("/", "/held", "/sent", "/uncertain", "/rejected", "/find?key=1", "/tasks/1"):
        page = looking.get(path)
        assert page.status_code == 200
        for part in ("<form", "<button", "<input", looking.secrets.csrf):
            assert part not in page.text
    assert "Hi Ada." in looking.get("/held").text
    answer = looking.post("/held", ("do", "approve"))
    assert answer.status_code == 405


def test_the_log_holds_no_token_and_nobody_s_name(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Each request is a line with its path; what follows the question mark is left out."""
    with caplog.at_level(logging.DEBUG), serving(stage_with_ledger(stage)) as visitor:
        visitor.open()
        visitor.get("/find?key=ada@example.com")
        requests.get(f"{visitor.root}/?token=guess", timeout=SECONDS)
    lines = [record.getMessage() for record in caplog.records]
    assert "GET /find 200" in lines
    assert "GET / 401" in lines
    said = "\n".join(line for line in lines if "127.0.0.1:" not in line)  # urllib3's own lines
    for secret in (visitor.secrets.token, visitor.secrets.session, "guess", "ada@example.com"):
        assert secret not in said


def stage_with_ledger(stage: Stage) -> Stage:
    stage.run()
    return stage
