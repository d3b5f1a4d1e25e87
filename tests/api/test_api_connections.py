"""Which connections are used again, and what is certain behind proxies and TLS."""

import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_calls import KEY, connect
from scripted_server import ScriptedServer, Step, Then, http

from reply_tasks.api.answers import AnswerKind

BODY = {"taskType": 7, "template": {"body": "Hällo"}, "contactId": 5}


def test_a_connection_that_idled_is_replaced(server: ScriptedServer) -> None:
    """After a pause of more than a few seconds a fresh one is opened."""
    now = [100.0]
    with connect(server.url, clock=lambda: now[0]) as client:
        client.get_task(1)
        now[0] += 3.0
        client.execute_task(1, {})
        now[0] += 3.01
        client.execute_task(1, {})
    assert [seen.connection for seen in server.seen] == [1, 1, 2]


def test_a_kept_alive_socket_that_was_closed_is_replaced_before_anything_is_sent(
    server: ScriptedServer,
) -> None:
    """The pool looks before it sends."""
    server.script(Step(http(), Then.CLOSE))
    with connect(server.url) as client:
        client.get_task(1)
        time.sleep(0.05)
        assert client.execute_task(1, {}).succeeded
    assert [seen.connection for seen in server.seen] == [1, 2]


def test_what_is_prepared_is_prepared_anew_for_another_connection(server: ScriptedServer) -> None:
    """The last look comes after it: nothing goes out on a socket that was closed before."""
    server.script(Step(http(), Then.CLOSE))
    prepared: list[int] = []
    with connect(server.url) as client:
        client.get_task(1)
        time.sleep(0.05)
        answer = client.execute_task(1, {}, before_first_byte=lambda: prepared.append(1))
    assert answer.succeeded
    assert len(prepared) == 2
    assert [seen.connection for seen in server.seen] == [1, 2]


def test_a_connection_that_the_server_will_close_is_not_used_again(server: ScriptedServer) -> None:
    """It says so, and closes a moment later: a request in between would be lost."""
    server.script(Step(http(headers={"Connection": "close"})))
    with connect(server.url) as client:
        client.get_task(1)
        client.execute_task(1, {})
    assert [seen.connection for seen in server.seen] == [1, 2]


def test_nothing_is_sent_again_on_a_kept_alive_socket_that_drops(server: ScriptedServer) -> None:
    """The drop that other clients repair by sending again is a lost answer here."""
    server.script(Step(http()), Step(then=Then.RESET))
    with connect(server.url) as client:
        client.get_task(1)
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.LOST
    assert [seen.method for seen in server.seen] == ["GET", "POST"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_the_library_repeats_no_status(server: ScriptedServer, status: int) -> None:
    """Whether to repeat is decided elsewhere."""
    server.script(Step(http(status, b"", {"Retry-After": "1"})))
    with connect(server.url) as client:
        answer = client.update_task(1, BODY)
    assert answer.status == status
    assert answer.retry_after == 1.0
    assert len(server.seen) == 1


def test_a_client_that_was_closed_sends_nothing(server: ScriptedServer) -> None:
    """A sender that outlives its run gets the certain answer that nothing was sent."""
    with connect(server.url) as client:
        client.get_task(1)
    answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert [seen.method for seen in server.seen] == ["GET"]


def test_threads_share_the_client(server: ScriptedServer) -> None:
    """Calls of many threads never mix their answers, and reuse connections."""
    for number in range(200):
        server.script(Step(http(body=b'{"id":%d}' % number)))
    with connect(server.url) as client, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(client.get_task, range(1, 201)))
    assert sorted(answer.data["id"] for answer in answers) == list(range(200))
    assert server.connections <= 8


def test_loopback_is_never_proxied(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear text stays on this machine, whatever the environment says."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with connect(server.url) as client:
        assert client.whoami().succeeded


def test_a_proxy_that_is_down_received_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tunnel, no request; and the proxy's password stays out of the error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass-word@127.0.0.1:{port}")
    with connect("https://reply.invalid/v3") as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert "pass-word" not in repr(answer)


@pytest.mark.parametrize(
    "step",
    [
        Step(b"HTTP/1.1 407 Who is pass-word\r\nX: pass-word\r\n\r\npass-word", Then.CLOSE),
        Step(b"HTTP/1.1 502 No\r\n\r\n", Then.CLOSE),
        Step(b"HTTP/1.1 200 OK\r\n\r\n", Then.CLOSE),
        Step(b"nonsense\r\n\r\n", Then.CLOSE),
        Step(b"", Then.RESET),
    ],
)
def test_a_proxy_that_makes_no_tunnel_received_no_request(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    """The proxy saw where to, never the key; and what it said is not quoted."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    server.script(step)
    with connect("https://reply.invalid/v3") as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.NOT_CONNECTED
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("CONNECT", "reply.invalid:443")
    assert KEY not in repr(seen)
    assert "pass-word" not in repr(answer)


def test_a_request_has_left_when_it_is_said_to() -> None:
    """Its answer is not awaited before: a test may end the process in between."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v3"

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(5)
                received.append(peer.recv(65536))
                peer.sendall(http())

        for call in ("update_task", "execute_task"):
            with connect(url) as client:
                assert getattr(client, call)(1, BODY, after_last_byte=answer).succeeded
    assert [data[:4] for data in received] == [b"PUT ", b"POST"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        subprocess.run(
            (
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=sandbox", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(key), "-out", str(certificate)),
            ),
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not there to make a certificate")
    return certificate, key


def serve(
    certificate: tuple[Path, Path], answers: list[bytes]
) -> tuple[str, threading.Thread, list[int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[int] = []

    def run() -> None:
        with listener:
            connection = 0
            while answers:
                peer, _ = listener.accept()
                connection += 1
                try:
                    with context.wrap_socket(peer, server_side=True) as secure:
                        while answers and secure.recv(65536):
                            requests.append(connection)
                            answer = answers.pop(0)
                            if not answer:
                                break
                            secure.sendall(answer)
                except OSError:
                    answers.clear()

    thread = threading.Thread(target=run)
    thread.start()
    return f"https://127.0.0.1:{listener.getsockname()[1]}/v3", thread, requests


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    """Nothing is sent to a server that cannot prove who it is."""
    url, thread, requests = serve(certificate, [http()])
    with connect(url) as client:
        answer = client.execute_task(1, {})
    thread.join()
    assert answer.kind is AnswerKind.NOT_CONNECTED
    assert "certificate" in answer.error
    assert not requests


def test_a_drop_after_the_handshake_is_lost(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS too: reused while fresh, replaced when idle, lost once something was sent."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    url, thread, requests = serve(certificate, [http(), http(), http(), b""])
    now = [0.0]
    with connect(url, clock=lambda: now[0]) as client:
        assert client.get_task(1).succeeded
        assert client.get_task(1).succeeded
        now[0] = 60.0
        assert client.get_task(1).succeeded
        answer = client.execute_task(1, {})
    thread.join()
    assert requests == [1, 1, 2, 2]
    assert answer.kind is AnswerKind.LOST
