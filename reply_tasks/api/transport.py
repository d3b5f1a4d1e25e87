"""One request on the wire, and what is certain afterwards.

It rests on the connection pools of urllib3, set up by ``requests`` (certificates, proxies), and
changes three things: nothing is ever sent again by the library, a connection that has idled is not
used again, and a failure to connect is told apart from everything that comes after it.
"""

import logging
import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPResponse, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError, ProxyError

from reply_tasks.api.answers import AnswerKind
from reply_tasks.api.errors import ConfigurationError

CONNECT_TIMEOUT = 10.0
#: Seconds after which a connection that idled is replaced: a socket that died in the meantime
#: would turn a certain answer into a lost one.
IDLE_LIMIT = 3.0
LARGEST_BODY = 32 * 1024 * 1024

_POOL_SIZE = 64
_CHUNK = 64 * 1024
_FIRST_FINAL_STATUS = 200
_ERROR_LENGTH = 160

#: ``total=False``: an error is raised as it is, and no status is ever repeated.
_NO_RETRIES = Retry(total=False, redirect=False, respect_retry_after_header=False)


@dataclass(frozen=True, slots=True)
class Received:
    """A whole response. ``body`` is None where it was too large or could not be decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


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
        self._request_timeout = request_timeout
        self._timeout = Timeout(connect=CONNECT_TIMEOUT, read=request_timeout)
        self._clock = clock
        self._adapter = HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=Retry(0, read=False))
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
        base = _FreshSecureConnection if secure else _FreshConnection
        members = {"clock": staticmethod(clock), "idle_limit": idle_limit}
        self._pool = cast("HTTPConnectionPool", pool)
        self._pool.ConnectionCls = type(base.__name__, (base,), members)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Received | Unanswered:
        """Send one request, once, and read the answer. Redirects are not followed."""
        try:
            response = self._pool.urlopen(
                method,
                target,
                body=body,
                headers=headers,
                retries=_NO_RETRIES,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=True,
            )
        except _NotConnectedError as error:
            return Unanswered(AnswerKind.NOT_CONNECTED, f"could not connect: {error.why}")
        except ProxyError as error:
            cause = error.original_error
            if isinstance(cause, _NotConnectedError):
                return Unanswered(AnswerKind.NOT_CONNECTED, f"could not connect: {cause.why}")
            return Unanswered(AnswerKind.LOST, f"no answer: {_explain(error)}")
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            return Unanswered(AnswerKind.LOST, f"no answer: {_explain(error)}")
        return self._receive(response)

    def close(self) -> None:
        """Close every connection; the transport cannot be used again."""
        self._pool.close()
        self._adapter.close()

    def _receive(self, response: BaseHTTPResponse) -> Received | Unanswered:
        status = response.status
        if status < _FIRST_FINAL_STATUS:
            _discard(response)
            return Unanswered(AnswerKind.LOST, f"an interim answer ({status}) and no more", status)
        try:
            body = self._read(response)
        except DecodeError:
            _discard(response)
            body = None
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            _discard(response)
            text = f"the answer broke off: {_explain(error)}"
            return Unanswered(AnswerKind.LOST, text, status)
        return Received(status, response.headers, body)

    def _read(self, response: BaseHTTPResponse) -> bytes | None:
        """The decoded body, None if it is too large; bounded in time against a trickle."""
        chunk = response.read1(_CHUNK)
        if response.length_remaining == 0 and response.headers.get("content-encoding") is None:
            return chunk
        deadline = self._clock() + self._request_timeout
        chunks, size = [chunk], len(chunk)
        while chunk:
            if size > LARGEST_BODY:
                _discard(response)
                return None
            if self._clock() > deadline:
                raise TimeoutError
            chunk = response.read1(_CHUNK)
            chunks.append(chunk)
            size += len(chunk)
        return b"".join(chunks)


class _NotConnectedError(NewConnectionError):
    """Connecting failed, so nothing of the request was sent."""

    def __init__(self, connection: HTTPConnection, why: str) -> None:
        super().__init__(connection, why)
        self.why = why


class _FreshConnection(HTTPConnection):
    """A connection that says when it could not be made, and that grows stale when it idles.

    It sends a request in one piece: head and body apart cost a second system call, and a second
    packet.
    """

    clock: Callable[[], float]
    idle_limit: float
    _used_at = 0.0
    _gathered: list[bytes] | None = None

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - urllib3's own
        self._gathered = []
        try:
            super().request(*arguments, **options)
            whole = b"".join(self._gathered)
        finally:
            self._gathered = None
        self.send(whole)

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's own
        if self._gathered is None:
            super().send(data)
        else:
            self._gathered.append(data)

    def connect(self) -> None:
        try:
            super().connect()
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise _NotConnectedError(self, _explain(error)) from error
        self._used_at = self.clock()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 does
        response = super().getresponse()
        self._used_at = self.clock()
        return response

    @property
    def is_connected(self) -> bool:
        """What the pool asks before it uses a connection again."""
        return self.clock() - self._used_at <= self.idle_limit and super().is_connected


class _FreshSecureConnection(_FreshConnection, HTTPSConnection):
    """The same over TLS."""


def _discard(response: BaseHTTPResponse) -> None:
    """Close the connection: what is left on it would be taken for the next call's answer."""
    response.close()
    response.release_conn()


def _explain(error: BaseException) -> str:
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
    if isinstance(root, OSError) and root.args:
        return f"{root}"[:_ERROR_LENGTH]
    return type(root).__name__
