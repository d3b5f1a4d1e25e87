"""One TCP connection of the sandbox: requests read, answers written, and spoiled where asked."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic

from reply_tasks.sandbox import control
from reply_tasks.sandbox.access import check_caller
from reply_tasks.sandbox.api import Api, PeerLeftError
from reply_tasks.sandbox.messages import (
    Answer,
    BadMessage,
    Delivery,
    Request,
    read_request,
    to_bytes,
)
from reply_tasks.sandbox.problems import Problem, bare

_POLL_SECONDS = 0.01
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """One TCP connection and the thread that serves it."""

    def __init__(
        self,
        number: int,
        peer: socket.socket,
        idle_seconds: float | None,
        run: Callable[["Connection"], None],
    ) -> None:
        self.number = number
        self._peer = peer
        self._idle_seconds = idle_seconds
        self._closed = Event()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.thread = Thread(target=run, args=(self,), daemon=True)

    def close(self) -> None:
        """End whatever its thread waits for."""
        self._closed.set()
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)

    def serve(self, api: Api) -> None:
        """Answer request after request until either side has had enough."""
        with self._peer, self._peer.makefile("rb") as stream, suppress(OSError):
            try:
                while True:
                    if self._idle_seconds is not None:
                        self._peer.settimeout(self._idle_seconds)
                    request = read_request(stream)
                    self._peer.settimeout(None)
                    if request is None or not self._answer(api, request):
                        return
            except BadMessage as bad:
                refusal = bare(bad.status, "The request could not be read.").answer()
                self._peer.sendall(to_bytes(refusal, keeps_alive=False))

    def wait(self, seconds: float, until: Event | None, *, for_peer: bool) -> None:
        """Pass time until ``until``; PeerLeftError when nobody is there to wait for."""
        if until is None:
            if self._closed.wait(seconds):
                raise PeerLeftError
            return
        deadline = monotonic() + seconds
        while monotonic() < deadline and not until.wait(_POLL_SECONDS):
            if self._closed.is_set() or (for_peer and self._peer_left()):
                raise PeerLeftError

    def _answer(self, api: Api, request: Request) -> bool:
        """Whether the connection stays open after the answer."""
        try:
            check_caller(request)
        except Problem as foreign:
            self._peer.sendall(to_bytes(foreign.answer(), keeps_alive=False))
            return False
        if request.path.startswith(control.PREFIX):
            answer = control.answer(api, request)
            self._peer.sendall(to_bytes(answer, keeps_alive=request.keeps_alive))
            return request.keeps_alive
        answer, call = api.answer(request, self)
        call.done = True
        if answer.delivery is not Delivery.SEND:
            self._spoil(answer)
            return False
        call.status = answer.status  # before it is sent, so that whoever has it sees it logged
        try:
            self._peer.sendall(to_bytes(answer, keeps_alive=request.keeps_alive))
        except OSError:
            call.status = None
            raise
        return request.keeps_alive

    def _spoil(self, answer: Answer) -> None:
        if answer.delivery is Delivery.RESET:
            self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if answer.delivery is Delivery.TRUNCATE:
            self._peer.sendall(to_bytes(answer, keeps_alive=True)[:-1])

    def _peer_left(self) -> bool:
        try:
            return not self._peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
