"""A slow or greedy client hangs nobody but itself."""

import socket
from contextlib import ExitStack, suppress

import pytest
import requests
from console_world import Visitor

from reply_tasks.console import guard, serving


def connected(console: Visitor, text: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", console.port), timeout=30)
    client.sendall(text)
    return client


def test_clients_that_never_finish_keep_nobody_out(console: Visitor) -> None:
    """A hundred half requests, and the page is served."""
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connected(console, b"GET /held HTTP/1.1\r\nHost: 127.0"))
        assert console.get("/held").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        pytest.param(
            b"POST /held HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\ncsrf=",
            marks=pytest.mark.e2e,  # it waits for the whole form's time
        ),
    ],
)
def test_a_request_that_does_not_arrive_in_time_is_cut_off(
    console: Visitor, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it says nothing, half a head, or half a form."""
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.2)
    with connected(console, text) as client:
        while client.recv(4096):
            pass  # an answer may come, and then the end


def test_a_form_that_does_not_arrive_in_time_is_refused(
    console: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of somebody who is let in."""
    monkeypatch.setattr(guard, "FORM_SECONDS", 0.2)
    head = (
        f"POST /held HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: console={console.secrets.session}\r\n"
        "Content-Length: 100\r\n\r\ncsrf="
    )
    with connected(console, head.encode()) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_form_that_is_too_large_is_refused(console: Visitor) -> None:
    """It is read no further than a page of decisions can need."""
    answer = console.post("/held", ("why", "x" * (guard.LARGEST_FORM + 1)))
    assert answer.status_code == 413


def test_a_form_with_too_many_fields_is_refused(console: Visitor) -> None:
    """Splitting it would cost more than reading it."""
    assert console.post("/held", *[("a", "b")] * 2000).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_only_looking_and_deciding_is_offered(console: Visitor, method: str) -> None:
    """No other method reaches a page."""
    answer = console.session.request(method, f"{console.root}/held", timeout=30)
    assert answer.status_code == 405


def test_a_head_without_end_is_refused(console: Visitor) -> None:
    """A head is bounded in bytes."""
    head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000
    # It may be cut off while we still write.
    with suppress(ConnectionError), connected(console, head) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 400")


def test_it_listens_on_loopback_only(console: Visitor) -> None:
    """No other machine can even connect."""
    with serving.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
    assert requests.get(f"http://127.0.0.1:{console.port}", timeout=30).status_code == 401
