"""What is certain after each kind of trouble on the wire, and that nothing is sent twice."""

import gzip
import json
import socket
import threading

import pytest
from api_calls import connect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_server import TASK, ScriptedServer, Step, Then, http

from reply_tasks.api import exchange
from reply_tasks.api.answers import Answer, AnswerKind

BODY = {"taskType": 7, "template": {"body": "Hällo"}, "contactId": 5}
INTERIM = b"HTTP/1.1 103 Early\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Step(then=Then.CLOSE), id="closed before the headers"),
        pytest.param(Step(then=Then.RESET), id="reset before the headers"),
        pytest.param(Step(then=Then.CLOSE, reads=False), id="closed on arrival"),
        pytest.param(Step(b"HTTP/1.1 20", Then.CLOSE), id="half a status line"),
        pytest.param(Step(b"HTTP/1.1 200 OK\r\nA: b\r\n", Then.RESET), id="half the headers"),
        pytest.param(Step(b"not http at all\r\n\r\n", Then.CLOSE), id="garbage"),
        pytest.param(Step(b"\x16\x03\x01\x00\xff" * 9, Then.CLOSE), id="binary garbage"),
        pytest.param(Step(http(length=999), Then.CLOSE), id="half the body"),
        pytest.param(Step(http(409, length=999), Then.CLOSE), id="half the body of a refusal"),
        pytest.param(Step(http(length=999), Then.RESET), id="reset within the body"),
        pytest.param(Step(CHUNKED + b"5\r\n{", Then.CLOSE), id="half a chunk"),
        pytest.param(Step(CHUNKED + b"zz\r\n{}\r\n", Then.CLOSE), id="a broken chunk"),
        pytest.param(Step(CHUNKED + b"2\r\n{}\r\n", Then.CLOSE), id="no last chunk"),
        pytest.param(Step(INTERIM, Then.CLOSE), id="an interim answer and no more"),
        pytest.param(Step(INTERIM + b"HTTP/1.1 20", Then.CLOSE), id="an interim answer and a half"),
        pytest.param(
            Step(b"HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), id="101"
        ),
        pytest.param(Step(http(headers={"Content-Length": "3"}), Then.KEEP), id="two lengths"),
    ],
)
def test_an_answer_that_breaks_off_is_lost(server: ScriptedServer, step: Step) -> None:
    """Whatever was sent and not answered whole is lost, and is not sent again."""
    server.script(step)
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
        assert answer.kind is AnswerKind.LOST
        assert answer.data is None
        assert answer.error
        assert client.get_task(1).data["id"] == 1
    assert [seen.method for seen in server.seen].count("POST") == (1 if step.reads else 0)


@pytest.mark.parametrize(
    "interim", [INTERIM, b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", INTERIM * 3]
)
def test_an_interim_answer_announces_the_answer(server: ScriptedServer, interim: bytes) -> None:
    """What comes before the answer is passed over, and the connection goes on."""
    server.script(Step(interim + http()))
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
        assert (answer.kind, answer.status) == (AnswerKind.RESPONSE, 200)
        assert answer.data == json.loads(TASK)
        assert client.get_task(1).succeeded
    assert [seen.connection for seen in server.seen] == [1, 1]


@pytest.mark.parametrize("surplus", [http(), b"x", b"HTTP/1.1 200 OK\r\n"])
def test_an_answer_that_nobody_asked_for_answers_nothing(
    server: ScriptedServer, surplus: bytes
) -> None:
    """What comes after the answer ends the connection: it must not be taken for the next one."""
    server.script(Step(http(body=b'{"id":7}') + surplus))
    with connect(server.url) as client:
        assert client.get_task(7).data == {"id": 7}
        assert client.get_task(1).data == json.loads(TASK)
    assert [seen.connection for seen in server.seen] == [1, 2]


def test_a_reset_on_arrival_is_never_an_answer(server: ScriptedServer) -> None:
    """It strikes while connecting or while sending, and the client says which."""
    server.script(Step(then=Then.RESET, reads=False))
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
    assert answer.kind in {AnswerKind.NOT_CONNECTED, AnswerKind.LOST}
    assert (answer.kind is AnswerKind.NOT_CONNECTED) == ("could not connect" in answer.error)
    assert not server.seen


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\n", http(length=999), CHUNKED + b"5\r\n{"]
)
def test_a_stall_is_a_lost_answer(server: ScriptedServer, data: bytes) -> None:
    """Wherever the server falls silent, the read timeout ends the call, as lost."""
    server.script(Step(data, Then.STALL))
    with connect(server.url, request_timeout=0.2) as client:
        answer = client.execute_task(1, {})
    assert answer.kind is AnswerKind.LOST
    assert "timed out" in answer.error
    assert 0.1 < answer.elapsed < 5
    assert len(server.seen) == 1


def test_a_trickle_is_bounded_in_time() -> None:
    """A body that never ends is lost, although each byte arrives in time."""
    left = threading.Event()

    def trickle(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
            for _ in range(300):
                if left.wait(0.02):
                    break
                peer.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v3"
        with connect(url, request_timeout=0.3) as client:
            answer = client.execute_task(1, {})
        left.set()
        thread.join()
    assert answer.kind is AnswerKind.LOST
    assert answer.elapsed < 5


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Content-Encoding": "gzip"}, b"this is no gzip"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(TASK, mtime=0)[:-12]),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(TASK, mtime=0)[:-4]),
        (200, {"Content-Encoding": "deflate"}, b"\x00\xff\x00\xff"),
        (200, {}, b"<html>It works</html>"),
        (200, {}, b""),
        (200, {}, b"\xff\xfe\x00"),
        (200, {}, b'{"id": NaN}'),
        (200, {}, b"[" * 100_000),
        (204, {}, b""),
    ],
)
def test_a_body_that_cannot_be_read_is_an_answer_without_data(
    server: ScriptedServer, status: int, headers: dict[str, str], body: bytes
) -> None:
    """The status is certain, and nothing else."""
    server.script(Step(http(status, body, headers)))
    with connect(server.url) as client:
        answer = client.execute_task(1, {})
        assert (answer.kind, answer.status) == (AnswerKind.RESPONSE, status)
        assert answer.data is None
        assert answer.error
        assert client.get_task(1).data["id"] == 1


def test_a_body_beyond_the_bound_is_not_kept(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a flood nor a compressed flood fills the memory."""
    monkeypatch.setattr(exchange, "LARGEST_BODY", 200_000)
    flood = b'"' + b"x" * 5_000_000 + b'"'
    server.script(
        Step(http(body=flood), Then.CLOSE),
        Step(http(body=gzip.compress(flood), headers={"Content-Encoding": "gzip"})),
    )
    with connect(server.url) as client:
        for _ in range(2):
            answer = client.list_tasks(1000, 0)
            assert (answer.status, answer.data) == (200, None)
        assert client.get_task(1).data["id"] == 1


def test_compressed_and_chunked_bodies_are_read(server: ScriptedServer) -> None:
    """Both are what a server may send."""
    page = json.dumps({"items": [{"id": n} for n in range(50_000)]}).encode()
    packed = gzip.compress(page)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part)
        for part in (packed[n : n + 1000] for n in range(0, len(packed), 1000))
    )
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    server.script(
        Step(http(body=page)),
        Step(http(body=packed, headers={"Content-Encoding": "gzip"})),
        Step(head + chunks + b"0\r\n\r\n"),
        Step(b"HTTP/1.0 200 OK\r\n\r\n" + page, Then.CLOSE),
    )
    with connect(server.url) as client:
        for _ in range(4):
            assert len(client.list_tasks(1000, 0).data["items"]) == 50_000
    assert {seen.connection for seen in server.seen} == {1}


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_refusal_before_the_body_was_read_is_an_answer(hangs_up: bool) -> None:  # noqa: FBT001
    """A server may refuse early and hang up; its answer still counts."""

    def refuse(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1024)
            peer.sendall(http(413, b'{"title":"Too large","status":413}'))
            if not hangs_up:
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        with connect(f"http://127.0.0.1:{listener.getsockname()[1]}/v3") as client:
            answer = client.update_task(1, {"template": {"body": "x" * 30_000_000}})
        thread.join()
    assert (answer.kind, answer.status) == (AnswerKind.RESPONSE, 413)


line = st.binary(max_size=30)
header = st.sampled_from(
    (
        *(b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Retry-After", b"Date"),
        *(b"x-rate-limit-remaining", b"x-rate-limit-reset", b"Connection", b"Content-Type"),
    )
)
value = st.sampled_from([b"0", b"-1", b"7", b"chunked", b"gzip", b"deflate", b"close"]) | line
responses = line | st.builds(
    lambda status, headers, body: (
        b"HTTP/1.1 %d x\r\n" % status
        + b"".join(b"%b: %b\r\n" % pair for pair in headers)
        + b"\r\n"
        + body
    ),
    st.integers(0, 1000),
    st.lists(st.tuples(header | line, value), max_size=5),
    line | st.sampled_from([TASK, b"2\r\n{}\r\n0\r\n\r\n"]),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=responses)
def test_no_answer_makes_a_call_raise(server: ScriptedServer, data: bytes) -> None:
    """Whatever a server sends, the call returns what is certain; and it was sent once."""
    before = len(server.seen)
    server.script(Step(data, Then.CLOSE))
    with connect(server.url) as client:
        answer: Answer = client.execute_task(1, {})
    assert answer.kind in {AnswerKind.RESPONSE, AnswerKind.LOST}
    assert len(server.seen) == before + 1
