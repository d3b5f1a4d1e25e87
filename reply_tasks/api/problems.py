"""What Reply says when it refuses: its problem document, read leniently from any body.

RFC 9457 problems of today's API, the preview's integer ``errorCode``, a 401 with or without a body,
a proxy's HTML page: all of them become one ``Problem``, and reading one never fails. What is no
document of Reply's is not quoted: a proxy's page may name hosts, users and credentials.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

_SUMMARY_LENGTH = 300
_TEXT_LENGTH = 1000
_DEEPEST = 20
#: A shorter key is a placeholder: replacing it would only garble the text.
_SHORTEST_SECRET = 6
_HIDDEN = "[api_key]"

_SLUG = re.compile(r"[A-Za-z][\w.\-]*\Z")
#: What only a problem of Reply's has, in one of its generations.
_OF_REPLY = ("title", "detail", "code", "errorCode", "errors", "reasons", "teams")
_NOT_REPLYS = "the answer is not one of Reply's: look at the proxy or gateway on the way to it"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why Reply refused a call.

    Attributes:
        title: Reply's title, else the status's own phrase.
        status: The HTTP status of the answer, whatever the document claims.
        detail: Reply's sentence; that somebody else answered; or empty.
        code: Reply's code as text (the preview's integer too), or None.
        errors: Validation errors as (JSON Pointer, sentence).
        reasons: What some 403 answers list.
        teams: Teams that a key could act in, as text ``id (name)``.
        raw: The document as it came, without the key; empty where it was none of Reply's.
    """

    title: str
    status: int
    detail: str = ""
    code: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def summary(self) -> str:
        """One line of at most 300 characters."""
        head = " ".join(part for part in (str(self.status), self.code or self.title) if part)
        said = [self.detail] if self.detail else []
        said += [f"{pointer}: {text}" if pointer else text for pointer, text in self.errors]
        said += self.reasons
        if self.teams:
            said.append("teams " + ", ".join(self.teams))
        line = f"{head}: {'; '.join(said)}" if said else head
        return line if len(line) <= _SUMMARY_LENGTH else line[: _SUMMARY_LENGTH - 1] + "…"

    def words(self) -> str:
        """Everything it says in prose, to be matched leniently."""
        return " ".join((self.detail, *(text for _, text in self.errors), *self.reasons))


def read_problem(status: int, data: object, *, empty: bool = False, secret: str = "") -> Problem:
    """The problem in an answer that is not a success.

    Args:
        status: The HTTP status.
        data: The parsed body, or None where it was not JSON.
        empty: Whether there was no body at all.
        secret: The API key: it appears nowhere in the problem, even if the answer echoes it.
    """
    clean = redact(data, secret)
    phrase = _phrase(status)
    members = _Members(clean if isinstance(clean, dict) else {})
    nested = members.get("error")
    inner = _Members(nested) if isinstance(nested, dict) else _Members({})
    slug = nested if isinstance(nested, str) and _SLUG.match(nested) else None
    of_reply = slug or inner.get("code") or any(members.has(name) for name in _OF_REPLY)
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED or not of_reply:
        return Problem(phrase, status, "" if empty else _NOT_REPLYS)
    return Problem(
        title=members.text("title") or phrase,
        status=status,
        detail=members.text("detail", "message", "errorMessage", "error_description")
        or inner.text("detail", "message"),
        code=members.text("code", "errorCode") or inner.text("code") or slug,
        errors=tuple(_errors(members.get("errors"))),
        reasons=tuple(_lines(members.get("reasons"))),
        teams=tuple(_teams(members.get("teams"))),
        raw=clean,
    )


def redact(value: Any, secret: str, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """``value`` without ``secret`` in any text of it, and cut off where it nests too deeply."""
    if isinstance(value, str):
        return value.replace(secret, _HIDDEN) if len(secret) >= _SHORTEST_SECRET else value
    if isinstance(value, dict | list):
        if depth == _DEEPEST:
            return None
        if isinstance(value, list):
            return [redact(item, secret, depth + 1) for item in value]
        return {redact(k, secret): redact(v, secret, depth + 1) for k, v in value.items()}
    return value


class _Members:
    """The members of an object by name in any case: documents were seen in camel and Pascal."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._by_name = {str(name).lower(): value for name, value in document.items()}

    def get(self, name: str) -> object:
        return self._by_name.get(name.lower())

    def has(self, name: str) -> bool:
        return name.lower() in self._by_name

    def text(self, *names: str) -> str:
        """The first of ``names`` that says something, as one line."""
        return next((line for name in names if (line := one_line(self.get(name)))), "")


def _errors(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for pointer, texts in value.items():
            for text in _lines(texts if isinstance(texts, list) else [texts]):
                yield one_line(pointer), text
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                members = _Members(item)
                pointer = members.text("pointer", "field", "propertyName", "name")
                text = members.text("detail", "message", "errorMessage", "description")
                if pointer or text:
                    yield pointer, text
            elif text := one_line(item):
                yield "", text


def _teams(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            members = _Members(item)
            number, name = members.text("teamId", "id"), members.text("teamName", "name")
            if number:
                yield f"{number} ({name})" if name else number


def _lines(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else ():
        if text := one_line(item):
            yield text


def one_line(value: object) -> str:
    """A text or a number of an answer as one printable line; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else ""
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value[:_TEXT_LENGTH])
    return " ".join(printable.split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
