"""Where no connection comes about, nothing was sent."""

import socket

import pytest
from api_calls import connect
from scripted_server import ScriptedServer, Step, Then

from reply_tasks.api.answers import AnswerKind


def test_a_refused_connection_sent_nothing() -> None:
    """Nobody listened, so nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with connect(f"http://127.0.0.1:{port}/v3") as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert "refused" in answer.error.lower()


def test_an_unknown_host_sent_nothing() -> None:
    """A name that has no address cannot be sent to."""
    with connect("https://reply.invalid/v3") as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED


@pytest.mark.parametrize("label", ["a" * 70, "a..b"])
def test_a_host_that_is_no_name_sent_nothing(label: str) -> None:
    """What DNS cannot even be asked about cannot be sent to."""
    with connect(f"https://{label}.invalid/v3") as client:
        assert client.execute_task(1, {}).kind is not AnswerKind.RESPONSE


def test_connecting_that_times_out_sent_nothing(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that never came about carried nothing."""

    def never(*_: object, **__: object) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", never)
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert answer.error == "could not connect: timed out"


@pytest.mark.parametrize(
    "step",
    [
        Step(b"HTTP/1.1 400 Bad Request\r\n\r\n", Then.CLOSE, reads=False),
        Step(b"", Then.CLOSE, reads=False),
    ],
)
def test_a_tls_handshake_that_fails_sent_nothing(server: ScriptedServer, step: Step) -> None:
    """Before TLS stands, no byte of the request leaves."""
    server.script(step)
    with connect(server.url.replace("http:", "https:")) as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert not server.seen
