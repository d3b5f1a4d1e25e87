"""The server itself: connections, odd requests, starting and stopping, the process."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import active_count

import pytest
import requests
from click.testing import CliRunner
from sandbox_client import client_of, sandbox

import reply_tasks
from reply_tasks.sandbox import Endpoint, Mix, SandboxServer
from reply_tasks.sandbox.command import sandbox as sandbox_command
from reply_tasks.sandbox.seed import make_tasks

ROOT = Path(reply_tasks.__file__).parents[1]


def raw(server: SandboxServer, message: bytes) -> bytes:
    """Everything that the server says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as peer:
        peer.sendall(message)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(65_536):
            answer += piece
    return answer


def test_a_connection_serves_call_after_call() -> None:
    """Kept alive, and the log tells which connection a call used."""
    with sandbox() as api, client_of(api.server) as other:
        for client in (api, api, other, api):
            client.call("GET", "/whoami")
        assert [call.connection for call in api.server.calls] == [1, 1, 2, 1]


def test_requests_sent_in_one_piece_are_all_answered() -> None:
    """Pipelining costs nothing and is answered in order."""
    one = b"GET /v3/whoami HTTP/1.1\r\nX-API-Key: sandbox-key\r\n\r\n"
    with sandbox() as api:
        assert raw(api.server, one * 3).count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET /v3/whoami HTTP/2\r\n\r\n", b"505"),
        (b"GET /v3/whoami HTTP/1.1\r\nnonsense\r\n\r\n", b"400"),
        (b"GET /v3/whoami HTTP/1.1\r\nHost: x", b"400"),
        (b"PUT /v3/tasks/1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"PUT /v3/tasks/1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}", b"400"),
        (b"PUT /v3/tasks/1 HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"PUT /v3/tasks/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET /v3/whoami HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(message: bytes, status: bytes) -> None:
    """With a status, and the connection is closed."""
    with sandbox() as api:
        answer = raw(api.server, message)
        assert api.server.calls == []
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer


def test_a_client_may_ask_to_close() -> None:
    """Connection: close and HTTP/1.0 both end the connection after the answer."""
    key = b"X-API-Key: sandbox-key\r\n"
    with sandbox() as api:
        for head in (b"HTTP/1.1\r\nConnection: close\r\n", b"HTTP/1.0\r\n"):
            with socket.create_connection(("127.0.0.1", api.server.port), timeout=5) as peer:
                peer.sendall(b"GET /v3/whoami " + head + key + b"\r\n")
                answer = b""
                while piece := peer.recv(65_536):
                    answer += piece
            assert answer.startswith(b"HTTP/1.1 200")


def test_an_idle_connection_can_be_closed_by_the_server() -> None:
    """As a load balancer does; a client that reuses it too late meets a closed socket."""
    with (
        sandbox(idle_seconds=0.05) as api,
        socket.create_connection(("127.0.0.1", api.server.port), timeout=5) as peer,
    ):
        peer.sendall(b"GET /v3/whoami HTTP/1.1\r\nX-API-Key: sandbox-key\r\n\r\n")
        assert peer.recv(65_536).startswith(b"HTTP/1.1 200")
        assert peer.recv(65_536) == b""


def test_a_stopped_server_is_gone_and_comes_back_on_its_port() -> None:
    """Reply is down, then up again, with the same tasks."""
    threads = active_count()
    server = SandboxServer(requests_per_minute=None)
    with client_of(server) as api:
        with server:
            port = server.port
            task = server.create_task()
            assert api.get(task.id).status_code == 200
        with pytest.raises(requests.ConnectionError):
            api.get(task.id)
        with server:
            assert server.port == port
            assert api.get(task.id).status_code == 200
        server.stop()
    assert active_count() == threads
    assert len(server.calls_of(Endpoint.GET, task.id)) == 2


def test_a_fault_of_the_sandbox_itself_is_a_500(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It answers, goes on, and shows the traceback on stderr."""
    with sandbox() as api:
        task = api.server.create_task()
        with monkeypatch.context() as patch:
            patch.setattr(api.server.store, "find", None)
            assert api.get(task.id).status_code == 500
        assert api.get(task.id).status_code == 200
    assert "TypeError" in capfd.readouterr().err


def test_the_seed_decides_the_tasks() -> None:
    """The same seed and day make the same tasks; every kind of trouble is among them."""
    tasks = make_tasks(500, seed=7)
    assert tasks == make_tasks(500, seed=7)
    assert tasks != make_tasks(500, seed=8)
    assert [task.id for task in tasks] == list(range(1, 501))
    assert len({task.task_type for task in tasks}) == 7
    assert len({task.status for task in tasks}) == 5
    assert any(task.fails_delivery for task in tasks)
    assert any("customGreeting" in task.template.body for task in tasks)
    assert all(task.due_to > task.start_at for task in tasks)


def test_every_task_of_the_email_mix_can_be_executed() -> None:
    """For rehearsals and benchmarks where nothing should be refused."""
    with sandbox(tasks=make_tasks(20, mix=Mix.EMAILS)) as api:
        assert {api.execute(number).status_code for number in range(1, 21)} == {200}


def launch(*options: str) -> subprocess.Popen[str]:
    """The sandbox as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "reply_tasks.sandbox", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_serves_until_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    """It prints its api_url, writes the ready file, and ends with exit code 0."""
    ready = tmp_path / "ready"
    options = ["--port", "0", "--tasks", "3", "--mix", "emails", "--users", "2"]
    options += ["--api-key", "k", "--requests-per-minute", "5", "--ready-file", str(ready)]
    options += ["--organization-key", "--scopes", "tasks:read, contacts:*"]
    options += ["--assume", "order=newest-first", "--no-organization"]
    with launch(*options) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+/v3)\n", line)
        assert found is not None
        assert requests.get(f"{found[1]}/tasks/1", timeout=5).status_code == 401
        headers = {"X-API-Key": "k", "X-USER-ID": "2"}
        statuses = [
            requests.get(f"{found[1]}/tasks/3", headers=headers, timeout=5).status_code
            for _ in range(6)
        ]
        assert statuses == [200] * 5 + [429]
        headers = {"X-API-Key": "k", "X-USER-ID": "1"}
        answer = requests.put(f"{found[1]}/tasks/3", json={}, headers=headers, timeout=5)
        assert answer.json()["code"] == "insufficient_scope"
        answer = requests.get(f"{found[1]}/tasks/3", headers={"X-API-Key": "k"}, timeout=5)
        assert answer.json()["code"] == "USER_REQUIRED"
        headers = {"X-API-Key": "k", "X-USER-ID": "1"}
        page = requests.get(f"{found[1]}/tasks?top=1", headers=headers, timeout=5).json()
        assert [task["id"] for task in page["items"]] == [3]
        answer = requests.get(f"{found[1]}/whoami/team-users", headers=headers, timeout=5)
        assert answer.json()["code"] == "workspace.organizationRequired"
        assert ready.read_text() == found[1]
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("option", "text", "shown"),
    [
        ("--scopes", "tasks", "tasks:read"),
        ("--scopes", "tasks:all", "tasks:read"),
        ("--scopes", "tasks:read;tasks:write", "tasks:read"),
        ("--assume", "omitted=both", "omitted=kept"),
    ],
)
def test_an_option_that_means_nothing_is_named(option: str, text: str, shown: str) -> None:
    """The error shows how it is written."""
    result = CliRunner().invoke(sandbox_command, [option, text])
    assert result.exit_code == 2
    assert shown in result.stderr


def test_a_port_that_is_taken_is_named() -> None:
    """The error says what to do."""
    with sandbox() as api, launch("--port", str(api.server.port)) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert f"Cannot listen on port {api.server.port}" in errors
    assert "--port" in errors
