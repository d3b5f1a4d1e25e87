"""The log of every API call that reached the sandbox."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_SECRET = frozenset({"x-api-key", "authorization", "cookie"})
_KEPT = 200_000


class Endpoint(StrEnum):
    """The endpoints of the API that the sandbox serves."""

    UPDATE = "update"
    EXECUTE = "execute"
    GET = "get"
    LIST = "list"
    FILTER = "filter"
    WHOAMI = "whoami"


@dataclass(slots=True)
class Call:
    """One call, logged on arrival; what is not known yet is filled in when it is answered."""

    #: Epoch seconds of the arrival.
    at: float
    #: Which connection it came on.
    connection: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    endpoint: Endpoint | None = None
    task_id: int | None = None
    body: Any = None
    user_id: int | None = None
    fault: str | None = None
    #: The status that was sent; None while the call is open, or when no status reached the peer.
    status: int | None = None
    effect: bool = False
    done: bool = False


class CallLog:
    """The most recent calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)

    def add(self, call: Call) -> None:
        """Log a call on arrival."""
        self._calls.append(call)

    def snapshot(self) -> list[Call]:
        """The calls so far."""
        return list(self._calls.copy())

    def clear(self) -> None:
        """Forget them."""
        self._calls.clear()


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be shown."""
    return {name: value for name, value in headers.items() if name not in _SECRET}
