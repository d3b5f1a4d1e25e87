"""What came back from one call: an answer, or the knowledge that there is none."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from reply_tasks.api.problems import Problem, read_problem

#: A server that asks for a longer wait than the longest quota window is not believed.
LONGEST_RETRY_AFTER = 3600.0
#: A refusal longer than this is not a problem document.
_LONGEST_PROBLEM = 256 * 1024

_SECONDS = re.compile(r"[0-9]{1,300}(\.[0-9]{1,9})?\Z")
_COUNT = re.compile(r"[0-9]{1,12}\Z")
_SUCCESS = range(200, 300)


class AnswerKind(StrEnum):
    """What is certain about a call.

    ``NOT_CONNECTED``: nothing of the request was sent. ``LOST``: it was sent, or may have been, and
    what became of it is not known. ``RESPONSE``: Reply (or what stands before it) answered.
    """

    RESPONSE = "response"
    NOT_CONNECTED = "not_connected"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """What an answer says of the quota. ``limit`` labels the window, e.g. ``1h``: no number."""

    limit: str | None
    remaining: int | None
    reset: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one call.

    Attributes:
        kind: What is certain.
        status: The HTTP status; on a lost answer too, where it had been read.
        data: The parsed JSON body, None where it could not be read.
        problem: Why Reply refused; None on a success and where there is no response.
        retry_after: Seconds that Reply asks to wait, at most an hour.
        rate: What the answer says of the quota.
        error: What went wrong, in short, without secrets or personal data; empty if nothing did.
        elapsed: Seconds that the call took.
        date: The ``Date`` header as it came.
    """

    kind: AnswerKind
    status: int | None = None
    data: Any = field(default=None, repr=False)
    problem: Problem | None = None
    retry_after: float | None = None
    rate: RateHeaders | None = None
    error: str = ""
    elapsed: float = 0.0
    date: str | None = None

    @property
    def answered_at(self) -> datetime | None:
        """Reply's time when it answered, UTC, by its ``Date``; None where it can't be read."""
        return None if self.date is None else _http_date(self.date)

    @property
    def succeeded(self) -> bool:
        """Whether the status is 2xx. It says nothing of the body."""
        return self.status in _SUCCESS and self.kind is AnswerKind.RESPONSE


def read_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    elapsed: float = 0.0,
    secret: str = "",
) -> Answer:
    """The answer in a response. It never fails, whatever the server sent.

    Args:
        status: The HTTP status.
        headers: By name in lower case, or a mapping that does not care about case.
        body: The decoded body, None where it could not be decoded.
        elapsed: Seconds that the call took.
        secret: The API key, kept out of the problem.
    """
    problem, error = None, ""
    if status in _SUCCESS:
        data = read_json(body)
        if data is None:
            error = "the body is not readable JSON"
    else:
        document = None if len(body or b"") > _LONGEST_PROBLEM else read_json(body)
        problem = read_problem(status, document, empty=not (body or b"").strip(), secret=secret)
        data = problem.raw or None
    wait, date = headers.get("retry-after"), headers.get("date")
    return Answer(
        kind=AnswerKind.RESPONSE,
        status=status,
        data=data,
        problem=problem,
        retry_after=None if wait is None else read_retry_after(wait, date),
        rate=read_rate(headers),
        error=error,
        elapsed=elapsed,
        date=date,
    )


def read_json(body: bytes | None) -> Any:  # noqa: ANN401 - any JSON value
    """The value that ``body`` spells, or None; NaN and infinities are not JSON."""
    if not body:
        return None
    try:
        return _decode(body.decode().removeprefix("\ufeff").strip())
    except (ValueError, RecursionError):
        return None


def read_retry_after(text: str, date: str | None = None) -> float | None:
    """Seconds to wait, from either form of ``Retry-After``, between 0 and an hour.

    An HTTP date is measured against the answer's own ``Date``, since clocks differ.
    """
    text = text.strip()
    if _SECONDS.match(text):
        return min(float(text), LONGEST_RETRY_AFTER)
    until = _http_date(text)
    if until is None:
        return None
    since = (_http_date(date) if date else None) or datetime.now(UTC)
    return min(max((until - since).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def read_rate(headers: Mapping[str, str]) -> RateHeaders | None:
    """The ``x-rate-limit-*`` headers, undocumented but seen on every answer; None without them."""
    remaining, reset = headers.get("x-rate-limit-remaining"), headers.get("x-rate-limit-reset")
    limit = headers.get("x-rate-limit-limit")
    if remaining is None and reset is None and limit is None:
        return None
    return RateHeaders(
        None if limit is None else limit.strip()[:20],
        int(remaining) if remaining is not None and _COUNT.match(remaining.strip()) else None,
        None if reset is None else _instant(reset.strip()),
    )


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=8)  # all answers of a second say the same
def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a JSON number")
    return number


_decode = json.JSONDecoder(parse_constant=_finite, parse_float=_finite).decode
