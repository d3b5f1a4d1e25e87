"""A server on loopback that does to each request exactly what a test scripted, byte by byte."""

import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

TASK = b'{"id":1,"taskType":7,"status":1,"isFailed":false}'


class Then(StrEnum):
    """What becomes of the connection after a step."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True)
class Step:
    """What one request meets: these bytes, then this."""

    data: bytes = b""
    then: Then = Then.KEEP
    reads: bool = True


@dataclass(frozen=True)
class Seen:
    """One request that arrived whole."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def http(
    status: int = 200,
    body: bytes = TASK,
    headers: dict[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """A response with a Content-Length, true unless given."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join((*lines, "", "")).encode() + body


@dataclass
class ScriptedServer:
    """Serves the steps in order, one a request; a plain 200 with a task when none is left."""

    steps: deque[Step] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    def script(self, *steps: Step) -> None:
        """What the next requests meet."""
        self.steps.extend(steps)

    @property
    def url(self) -> str:
        """The api_url to give to a client."""
        return f"http://127.0.0.1:{self.port}/v3"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._threads[0].join()
        for peer in list(self._open):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            if self._stopping.is_set():
                peer.close()
                return
            self.connections += 1
            self._open.add(peer)
            thread = threading.Thread(target=self._serve, args=(peer, self.connections))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        try:
            with peer, suppress(OSError):
                while self._step(peer, number):
                    pass
        finally:
            self._open.discard(peer)

    def _step(self, peer: socket.socket, number: int) -> bool:
        if self.steps and not self.steps[0].reads:
            step = self.steps.popleft()
        else:
            request = _read(peer, number)
            if request is None:
                return False
            self.seen.append(request)
            step = self.steps.popleft() if self.steps else Step(http())
        peer.sendall(step.data)
        if step.then is Then.RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if step.then is Then.STALL:
            while peer.recv(65536):
                pass
        return step.then is Then.KEEP


def _read(peer: socket.socket, number: int) -> Seen | None:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in headers.items()}
    while len(body) < int(headers.get("content-length", "0")):
        chunk = peer.recv(65536)
        if not chunk:
            return None
        body += chunk
    method, target, _ = first.split(" ")
    return Seen(number, method, target, headers, body)
