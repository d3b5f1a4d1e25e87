"""The bytes of HTTP/1.1: a request in one piece, and responses as llhttp reads them."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

LARGEST_BODY = 32 * 1024 * 1024

#: zlib's sign for "gzip or zlib, whichever the data says".
_ANY_ZLIB = 47


class BadResponseError(Exception):
    """What arrived is not an HTTP response, or broke off.

    Attributes:
        status: The status, where it had been read.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response.

    Attributes:
        status: The HTTP status.
        headers: By name in lower case; of a name that came twice, both values, with a comma.
        body: Decoded; None where it was too large or could not be decoded.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they are sent, to be made once for many requests."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def request_bytes(method: str, target: str, lines: bytes, body: bytes | None) -> bytes:
    """A whole request: in one piece, it costs one system call and one packet."""
    first = f"{method} {target} HTTP/1.1\r\n".encode("ascii")
    if body is None:
        return b"%b%b\r\n" % (first, lines)
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (first, lines, len(body), body)


class Incoming:
    """The responses that arrive on one connection, one after the other.

    The methods named ``on_…`` are what httptools calls.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._has_head = False
        self._whole = False
        self._kept_alive = False

    @property
    def whole(self) -> bool:
        """Whether the response has arrived to its end, or to where nothing more is kept of it."""
        return self._whole or self._size > LARGEST_BODY

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection can carry another exchange."""
        return self._kept_alive

    @property
    def status(self) -> int | None:
        """The status, once the head has arrived."""
        return self._parser.get_status_code() if self._has_head else None

    def begin(self) -> None:
        """A request is sent: what arrives from now on answers it."""
        self._whole = self._kept_alive = False
        self._start_message()

    def feed(self, data: bytes) -> None:
        """Bytes arrived; none at all is the end of the connection.

        Raises:
            BadResponseError: They are not HTTP, or the connection ended too early.
        """
        if not data:
            self._end_of_connection()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self._whole:
                raise BadResponseError(_WHY_BROKEN, self.status) from error
            self._kept_alive = False  # bytes that nobody asked for: an answer to nothing

    def response(self) -> Response:
        """The response that is whole."""
        return Response(self._parser.get_status_code(), self._headers, self._decoded())

    def _end_of_connection(self) -> None:
        """It ends the body of a response that does not say how long it is."""
        if not self._has_head:
            raise BadResponseError(_WHY_CLOSED)
        if "content-length" in self._headers or "transfer-encoding" in self._headers:
            raise BadResponseError(_WHY_CUT_OFF, self.status)
        if self._parser.get_status_code() < HTTPStatus.OK:
            raise BadResponseError(_WHY_INTERIM, self.status)
        self._whole = True

    def _decoded(self) -> bytes | None:
        if self._size > LARGEST_BODY:
            return None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        coding = self._headers.get("content-encoding", "identity").strip().lower()
        if coding == "identity":
            return body
        if coding not in {"gzip", "x-gzip", "deflate"}:
            return None
        inflate = zlib.decompressobj(_ANY_ZLIB)
        try:
            decoded = inflate.decompress(body, LARGEST_BODY)
        except zlib.error:
            return None
        return decoded if inflate.eof else None

    def _start_message(self) -> None:
        self._headers, self._body, self._size, self._has_head = {}, [], 0, False

    # -- called by httptools -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A response begins; one too many means that the connection is out of step."""
        if self._whole:
            self._kept_alive = False
            raise BadResponseError(_WHY_SURPLUS)
        self._start_message()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The head has arrived."""
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        if self._size <= LARGEST_BODY:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """A response has arrived to its end; an interim one only announces the next."""
        if self._parser.get_status_code() >= HTTPStatus.OK:
            self._whole = True
            self._kept_alive = self._parser.should_keep_alive()


_WHY_BROKEN = "what arrived is not HTTP"
_WHY_CLOSED = "the connection was closed"
_WHY_CUT_OFF = "the connection was closed within the answer"
_WHY_INTERIM = "an interim answer and no more"
_WHY_SURPLUS = "more than one answer arrived"
