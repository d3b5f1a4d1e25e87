"""Who gets in: pure decisions on what a request brings with it."""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

#: The names under which a browser on this machine, or at the end of a tunnel to it, knows loopback.
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost"})
#: Fields of a form: a page of held executions has three for each.
_MOST_FIELDS = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What only this process and the person at its terminal know.

    Attributes:
        token: In the URL that is printed; it opens a session.
        session: In the cookie.
        csrf: In every form.
    """

    token: str
    session: str
    csrf: str

    @classmethod
    def fresh(cls) -> Self:
        """New ones, for the life of one process."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


def same(given: str | None, wanted: str) -> bool:
    """Whether a secret is the wanted one, in a time that tells nothing about it."""
    return given is not None and hmac.compare_digest(given.encode(), wanted.encode())


def is_ours(hosts: Sequence[str]) -> bool:
    """Whether the ``Host`` of a request is loopback by name.

    A page of another site that has its own name resolve to loopback sends its own name.
    """
    if len(hosts) != 1:
        return False
    try:
        parts = urlsplit(f"//{hosts[0]}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    return parts.hostname in LOOPBACK_NAMES and "@" not in parts.netloc


def comes_from_us(origin: str | None, fetch_site: str | None, host: str) -> bool:
    """Whether a POST comes from a page of ours, as far as the browser says anything."""
    if origin is not None and origin != f"http://{host}":
        return False
    return fetch_site in {None, "same-origin", "none"}


def token_in(query: str) -> tuple[str | None, str]:
    """The token in a query, and the query without it."""
    pairs = parse_qsl(query, keep_blank_values=True)
    tokens = [value for name, value in pairs if name == "token"]
    rest = [(name, value) for name, value in pairs if name != "token"]
    return (tokens[0] if tokens else None), urlencode(rest)


class Form:
    """The fields of a form, in order."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The form in the body of a request.

        Raises:
            ValueError: It is none, or has too many fields.
        """
        text = body.decode()
        return cls(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))

    def first(self, name: str) -> str | None:
        """The first field of that name."""
        return next((value for each, value in self._pairs if each == name), None)

    def all(self, name: str) -> list[str]:
        """All fields of that name."""
        return [value for each, value in self._pairs if each == name]
