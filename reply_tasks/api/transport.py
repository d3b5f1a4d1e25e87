"""One request on the wire, and what is certain afterwards.

``requests`` and urllib3 make the connections (proxies, certificates). Three things are ours:
nothing is ever sent again, a connection that has idled is not used again, and a failure to connect
is told apart from everything that comes after it.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from reply_tasks.api.answers import AnswerKind
from reply_tasks.api.connections import (
    NotConnectedError,
    ReplyConnection,
    SecureReplyConnection,
    explain,
)
from reply_tasks.api.errors import ConfigurationError
from reply_tasks.api.exchange import (
    BadResponseError,
    Response,
    header_lines,
    request_bytes,
)

if TYPE_CHECKING:
    from urllib3 import HTTPConnectionPool

#: Seconds after which a connection that idled is replaced: a socket that died in the meantime
#: would turn a certain answer into a lost one.
IDLE_LIMIT = 3.0

#: How often a call whose preparation outlasts a connection is prepared anew.
_PREPARATIONS = 3


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No response: ``kind`` says whether anything was sent, ``error`` what happened."""

    kind: AnswerKind
    error: str
    status: int | None = None


class Transport:
    """Connections to one origin, shared by all threads."""

    def __init__(
        self,
        origin: str,
        *,
        request_timeout: float,
        trust_proxies: bool = True,
        clock: Callable[[], float] = time.monotonic,
        idle_limit: float = IDLE_LIMIT,
    ) -> None:
        """Prepare the pool; nothing is connected yet.

        Args:
            origin: ``scheme://host:port``.
            request_timeout: Seconds to wait for each part of an answer.
            trust_proxies: Whether the proxies of the environment are used.
            clock: Monotonic seconds.
            idle_limit: Seconds that a connection may idle and still be used.

        Raises:
            ConfigurationError: The environment's proxy or certificate bundle can't be used.
        """
        # Its warnings quote what a server sent, which may echo the key.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        self._host = header_lines({"Host": urlsplit(origin).netloc})
        self._adapter = HTTPAdapter()
        proxies = get_environ_proxies(origin) if trust_proxies else {}
        if (select_proxy(origin, proxies) or "").lower().startswith("socks"):
            raise ConfigurationError(
                "The environment names a SOCKS proxy, which is not supported: "
                "name an HTTP proxy in HTTPS_PROXY, or add Reply's host to NO_PROXY."
            )
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        probe = requests.Request("GET", origin).prepare()
        try:
            pool = self._adapter.get_connection_with_tls_context(probe, bundle, proxies)
            self._adapter.cert_verify(pool, origin, bundle, None)  # type: ignore[no-untyped-call]
        except (requests.RequestException, OSError, HTTPError) as error:
            raise ConfigurationError(
                f"No connection to {origin} can be prepared ({type(error).__name__}): check the "
                "proxy variables and REQUESTS_CA_BUNDLE of the environment."
            ) from error
        secure = urlsplit(origin).scheme == "https"
        base = SecureReplyConnection if secure else ReplyConnection
        members = {
            "clock": staticmethod(clock),
            "idle_limit": idle_limit,
            "request_timeout": request_timeout,
        }
        self._idle: deque[ReplyConnection] = deque()
        self._closed = False
        self._pool = cast("HTTPConnectionPool", pool)
        self._pool.ConnectionCls = type(base.__name__, (base,), members)

    def send(  # noqa: PLR0913 - all by name
        self,
        method: str,
        target: str,
        lines: bytes,
        body: bytes | None,
        *,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Response | Unanswered:
        """Send one request, once, and read the answer. Redirects are not followed.

        Args:
            method: The HTTP method.
            target: Path and query.
            lines: The headers, by ``header_lines``; not those of host and length.
            body: What to send.
            before_first_byte: Called when the connection stands and nothing has been sent; it may
                raise, and then nothing is sent.
            after_last_byte: Called when the whole request has left, before its answer is awaited.
        """
        request = request_bytes(method, target, self._host + lines, body)
        try:
            if before_first_byte is None:
                connection = self._connection()
            else:
                connection = self._prepared(before_first_byte)
        except NotConnectedError as error:
            return Unanswered(AnswerKind.NOT_CONNECTED, f"could not connect: {error}")
        kept = False
        try:
            connection.send_request(request)
            if after_last_byte is not None:
                after_last_byte()
            response = connection.receive_response()
            kept = connection.can_go_on
        except BadResponseError as error:
            broke_off = "no answer" if error.status is None else "the answer broke off"
            return Unanswered(AnswerKind.LOST, f"{broke_off}: {error}", error.status)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            return Unanswered(AnswerKind.LOST, f"no answer: {explain(error)}", connection.status)
        finally:
            if kept and not self._closed:
                self._idle.append(connection)
            else:
                connection.close()
            self._close_stale()
        return response

    def close(self) -> None:
        """Close every connection; the transport cannot be used again."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self._adapter.close()

    def _close_stale(self) -> None:
        """Close what has idled for too long: after a burst nothing would ever take it up again."""
        try:
            while not self._idle[0].is_fresh:  # the one that has idled longest
                self._idle.popleft().close()
        except IndexError:  # none is left; other threads take them too
            pass

    def _connection(self) -> ReplyConnection:
        """One that stands and is fresh, or a new one.

        Raises:
            NotConnectedError: None could be made.
        """
        while (connection := self._idle_connection()) is not None:
            if connection.is_connected:
                return connection
            connection.close()
        return self._new_connection()

    def _idle_connection(self) -> ReplyConnection | None:
        """The one that was used last, if it is fresh; the other side may have ended it meanwhile.

        Raises:
            NotConnectedError: The client is closed.
        """
        if self._closed:
            raise NotConnectedError("the client is closed")
        try:
            while not (connection := self._idle.pop()).is_fresh:
                connection.close()
        except IndexError:
            return None
        return connection

    def _prepared(self, prepare: Callable[[], object]) -> ReplyConnection:
        """One that is fresh after ``prepare`` has run, which may take a while.

        Raises:
            NotConnectedError: It took too long each time.
        """
        connection = self._idle_connection() or self._new_connection()
        for _ in range(_PREPARATIONS):
            try:
                prepare()
            except BaseException:
                connection.close()
                raise
            if connection.is_connected:
                return connection
            connection.close()
            connection = self._connection()
        connection.close()
        raise NotConnectedError("each connection had idled before it could be used")

    def _new_connection(self) -> ReplyConnection:
        # What the pool does for a request of its own; a tunnel through a proxy is part of it.
        connection = cast("ReplyConnection", self._pool._new_conn())  # noqa: SLF001
        try:
            if self._pool.proxy is not None:
                self._pool._prepare_proxy(connection)  # noqa: SLF001
            if connection.is_closed:
                connection.connect()
        except NotConnectedError:
            connection.close()
            raise
        return connection
