"""HTTP/1.1 as far as the sandbox needs it: one request read, one answer written."""

import json
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import parse_qs

_LONGEST_LINE = 16_384
_MOST_HEADERS = 100
_LARGEST_BODY = 8 * 1024 * 1024
# one for all: json.dumps would make an encoder for every answer
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_END_OF_HEAD = (b"\r\n", b"\n")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"


class BadMessage(Exception):  # noqa: N818 - what came in, not a failure of ours
    """The bytes are not a request that this server reads; it answers ``status`` and closes."""

    def __init__(self, status: int) -> None:
        super().__init__(_PHRASES[status])
        self.status = status


class Delivery(Enum):
    """What becomes of an answer on its way out."""

    SEND = auto()
    DROP = auto()
    RESET = auto()
    TRUNCATE = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    keeps_alive: bool


@dataclass(slots=True)
class Answer:
    """What goes back; ``effect`` tells whether the call changed or sent anything."""

    status: int
    body: bytes = b""
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    effect: bool = False
    delivery: Delivery = Delivery.SEND

    @classmethod
    def of(cls, document: object, status: int = 200, *, effect: bool = False) -> "Answer":
        """A JSON answer."""
        return cls(status, encode(document), effect=effect)


def encode(document: object) -> bytes:
    """The JSON bytes of a document, written compactly as Reply does."""
    return _ENCODER.encode(document).encode()


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of a connection, or None when the peer has closed it."""
    line = stream.readline(_LONGEST_LINE)
    if line in _END_OF_HEAD:  # a blank line between requests is tolerated (RFC 9112, 2.2)
        line = stream.readline(_LONGEST_LINE)
    if not line:
        return None
    try:
        method, target, version = line.decode("ascii").split()
    except ValueError:
        raise BadMessage(400) from None
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadMessage(505)
    headers = _read_headers(stream)
    path, _, query = target.partition("?")
    return Request(
        method=method,
        path=path,
        query={name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if query
        else {},
        headers=headers,
        body=_read_body(stream, headers),
        keeps_alive=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
    )


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        line = stream.readline(_LONGEST_LINE)
        if line in _END_OF_HEAD:
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or line[-1:] != b"\n":
            raise BadMessage(400)
        headers[name.lower()] = value.strip()
    raise BadMessage(431)


def _read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        raise BadMessage(411)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadMessage(400)
    size = int(length)
    if size > _LARGEST_BODY:
        raise BadMessage(413)
    body = stream.read(size) if size else b""
    if len(body) < size:
        raise BadMessage(400)
    return body


def to_bytes(answer: Answer, *, keeps_alive: bool) -> bytes:
    """Head and body in one piece, so that one system call sends them."""
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES[answer.status]}"]
    if answer.body:
        lines.append(f"Content-Type: {answer.media}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status != HTTPStatus.NO_CONTENT:  # which has no length (RFC 9110, 8.6)
        lines.append(f"Content-Length: {len(answer.body)}")
    if not keeps_alive:
        lines.append("Connection: close")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + answer.body
