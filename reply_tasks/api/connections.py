"""One connection to Reply: it says when it could not be made, and when it idled for too long."""

import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from select import POLLIN, poll
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from reply_tasks.api.exchange import Incoming, Response

#: Seconds that connecting may take.
CONNECT_TIMEOUT = 10.0
_CHUNK = 64 * 1024
_ERROR_LENGTH = 160
#: What http.client raises; the proxy's own words follow, which are not quoted.
_NO_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")


class NotConnectedError(Exception):
    """Connecting failed, so nothing of the request was sent. The text says why."""


class ReplyConnection(HTTPConnection):
    """A connection that says when it could not be made, and that grows stale when it idles."""

    clock: Callable[[], float]
    idle_limit: float
    request_timeout: float
    _used_at = 0.0
    _incoming: Incoming

    def connect(self) -> None:
        """Connect, within a limit of its own.

        Raises:
            NotConnectedError: It failed.
        """
        self.timeout = CONNECT_TIMEOUT
        try:
            super().connect()
            self.sock.settimeout(self.request_timeout)
            self._arrivals = poll()
            self._arrivals.register(self.sock, POLLIN)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise NotConnectedError(self._explain(error)) from error
        self._incoming = Incoming()
        self._used_at = self.clock()

    def _explain(self, error: BaseException) -> str:
        why = explain(error)
        if isinstance(self, HTTPSConnection) or not _was_refused(error):
            return why
        # Plain HTTP is spoken with this machine only, and here that is the sandbox.
        start = f"start it with `reply-tasks sandbox --port {self.port}`"
        return f"{why} on this machine; if the sandbox is meant, {start}"

    def send_request(self, request: bytes) -> None:
        """Send it. That the other side has hung up is not the end: it may have answered before."""
        self._incoming.begin()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(request)

    def receive_response(self) -> Response:
        """Wait for the response; a trickle is bounded in time, as silence is.

        Raises:
            OSError: It did not come.
            BadResponseError: It broke off, or is not HTTP.
        """
        incoming, receive = self._incoming, self.sock.recv
        incoming.feed(receive(_CHUNK))
        if not incoming.whole:
            deadline = self.clock() + self.request_timeout
            while not incoming.whole:
                if self.clock() > deadline:
                    raise TimeoutError
                incoming.feed(receive(_CHUNK))
        self._used_at = self.clock()
        return incoming.response()

    @property
    def can_go_on(self) -> bool:
        """Whether another exchange may follow."""
        return self._incoming.keeps_alive

    @property
    def status(self) -> int | None:
        """The status of the response, as far as it came."""
        return self._incoming.status

    @property
    def is_fresh(self) -> bool:
        """Whether it has not idled for too long."""
        return self.clock() - self._used_at <= self.idle_limit

    @property
    def is_connected(self) -> bool:
        """Whether it is fresh, and nothing has arrived on it since its last answer."""
        return self.is_fresh and not self._arrivals.poll(
            0
        )  # anything now is the end, or answers nothing


class SecureReplyConnection(ReplyConnection, HTTPSConnection):
    """The same over TLS."""


def _was_refused(error: BaseException) -> bool:
    return isinstance(error.__cause__ or error, ConnectionRefusedError)


def explain(error: BaseException) -> str:
    """The root of ``error`` in a few words. It never quotes an address, a header or a body."""
    root: Any = error
    for _ in range(10):
        inner = root.__cause__ or next(
            (arg for arg in root.args if isinstance(arg, BaseException)), None
        )
        if inner is None:
            break
        root = inner
    if isinstance(root, TimeoutError):
        return "timed out"
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"certificate refused: {root.verify_message}"[:_ERROR_LENGTH]
    if isinstance(root, OSError) and root.strerror:
        return f"{root.strerror}"[:_ERROR_LENGTH]
    if refused := _NO_TUNNEL.match(str(root)):
        return f"the proxy refused a tunnel to Reply (it answered {refused[1]})"
    if isinstance(root, OSError) and root.args:
        return f"{root}"[:_ERROR_LENGTH]
    return type(root).__name__
