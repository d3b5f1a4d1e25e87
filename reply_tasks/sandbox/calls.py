"""The log of every API call that reached the sandbox."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

_SECRET = frozenset({"x-api-key", "authorization", "cookie"})
_KEPT = 200_000


class Endpoint(StrEnum):
    """The endpoints of the API that the sandbox serves."""

    CREATE = "create"
    UPDATE = "update"
    EXECUTE = "execute"
    COMPLETE = "complete"
    ASSIGN = "assign"
    DELETE = "delete"
    BATCH_COMPLETE = "batch-complete"
    BATCH_ASSIGN = "batch-assign"
    BULK_DELETE = "bulk-delete"
    GET = "get"
    LIST = "list"
    FILTER = "filter"
    WHOAMI = "whoami"
    TEAM_USERS = "team-users"
    CONTACT = "contact"
    CONTACTS = "contacts"
    EMAIL_ACCOUNTS = "email-accounts"
    FILTER_EMAIL_ACCOUNTS = "filter-email-accounts"


#: The endpoints that are about many tasks.
BATCHES = frozenset({Endpoint.BATCH_COMPLETE, Endpoint.BATCH_ASSIGN, Endpoint.BULK_DELETE})


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
    #: Its place among all calls that were logged, from 1.
    number: int = 0

    def concerns(self, task_id: int) -> bool:
        """Whether it is about this task, by its address or among the ids of a batch."""
        if self.endpoint not in BATCHES:
            return self.task_id == task_id
        ids = self.body.get("ids") if isinstance(self.body, dict) else None
        return isinstance(ids, list) and task_id in ids


class CallLog:
    """The most recent calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._numbers = count(1)

    def add(self, call: Call) -> None:
        """Log a call on arrival."""
        call.number = next(self._numbers)
        self._calls.append(call)

    def snapshot(self) -> list[Call]:
        """The calls so far."""
        return list(self._calls.copy())

    def clear(self) -> None:
        """Forget them."""
        self._calls.clear()
        self._numbers = count(1)


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be shown."""
    return {name: value for name, value in headers.items() if name not in _SECRET}
