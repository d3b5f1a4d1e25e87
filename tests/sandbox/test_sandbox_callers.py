"""Who may call: programs of this machine, and no page that a browser shows."""

import pytest
from sandbox_client import sandbox

from reply_tasks.sandbox import Task

FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]


@pytest.mark.parametrize("path", ["/v3/whoami", "/_sandbox/outbox"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8300", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:8300", 200),
        ("reply.example", 403),
        ("127.0.0.1.evil.example:8300", 403),
        ("192.168.0.7", 403),
        ("10.0.0.1", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_loopback_is_a_host(path: str, host: str, status: int) -> None:
    """A page that rebinds its own name to 127.0.0.1 reads nothing, neither tasks nor the outbox."""
    with sandbox() as api:
        answer = api.session.get(api.server.root + path, headers={"Host": host}, timeout=10)
        assert answer.status_code == status
        assert len(api.server.calls) == (status == 200 and path.startswith("/v3"))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3000", "https://127.0.0.1", "null", ""]
)
def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    """Whatever it asks for, with a key or without: nothing happens and nothing is logged."""
    with sandbox(tasks=[Task(1)]) as api:
        headers = {"Origin": origin}
        answers = [
            api.call("POST", "/tasks/1/execute", json={}, headers=headers),
            api.session.post(f"{api.server.root}/_sandbox/reset", headers=headers, timeout=10),
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
        assert "Origin" in answers[0].json()["detail"]
        assert (api.server.outbox, api.server.calls) == ([], [])


def test_its_own_page_is_no_stranger() -> None:
    """An Origin that is the address which was called is let in."""
    with sandbox() as api:
        answer = api.call("GET", "/whoami", headers={"Origin": api.server.root})
    assert answer.status_code == 200


@pytest.mark.parametrize("media", FORMS)
@pytest.mark.parametrize(
    ("control", "body"), [("reset", b""), ("faults", b'{"kind":"500"}'), ("tasks", b"{}")]
)
def test_no_form_drives_the_controls(control: str, body: bytes, media: str) -> None:
    """A form can hold JSON but cannot say that it is JSON: it changes nothing."""
    with sandbox(tasks=[Task(1)]) as api:
        api.execute(1)
        url = f"{api.server.root}/_sandbox/{control}"
        answer = api.session.post(url, body, headers={"Content-Type": media}, timeout=10)
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.json()["detail"]
        assert len(api.server.outbox) == 1
        assert api.server.faults.in_force() == []
        assert len(api.server.store.visible()) == 1


def test_a_program_drives_the_controls() -> None:
    """With JSON that it calls JSON, or with no body at all."""
    with sandbox() as api:
        assert api.control("POST", "faults", {"kind": "500"}).status_code == 200
        assert api.control("DELETE", "faults").json() == []
        assert api.control("POST", "reset").status_code == 200
