"""Faults on request: which call goes wrong, when and how."""

from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Lock
from typing import Any, TypedDict

from reply_tasks.sandbox.calls import Call, Endpoint
from reply_tasks.sandbox.messages import Answer, Delivery, encode
from reply_tasks.sandbox.problems import bare, too_many_requests

_SECONDS = {"latency": 1.0, "stall": 600.0}


class FaultKind(StrEnum):
    """What goes wrong."""

    #: Goes on after ``seconds``, even when the peer has left meanwhile.
    LATENCY = "latency"
    #: No answer until released, ``seconds`` have passed or the peer leaves.
    STALL = "stall"
    #: The connection is closed without an answer.
    DROP = "drop"
    #: As drop, with a TCP reset.
    RESET = "reset"
    #: The connection is closed in the middle of the answer's body.
    TRUNCATE = "truncate"
    #: A success with a body that is no JSON.
    GARBAGE = "garbage"
    #: A success with no body.
    EMPTY = "empty"
    #: 200 with the task as it was before the call, which the sandbox reads, see ``Api``; with an
    #: empty object where the call is not about one task.
    HOLLOW = "hollow"
    REDIRECT = "302"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    METHOD_NOT_ALLOWED = "405"
    REQUEST_TIMEOUT = "408"
    UNSUPPORTED_MEDIA_TYPE = "415"
    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"


class When(StrEnum):
    """Whether the call has had its effect by then."""

    BEFORE = "before"
    AFTER = "after"


_SPOILED = {
    FaultKind.DROP: (b"", Delivery.DROP),
    FaultKind.RESET: (b"", Delivery.RESET),
    FaultKind.TRUNCATE: (b'{"id":1,"taskType":7}', Delivery.TRUNCATE),
    FaultKind.GARBAGE: (b"<html><body>It works</body></html>", Delivery.SEND),
    FaultKind.EMPTY: (b"", Delivery.SEND),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Strikes the calls ``nth`` to ``nth + times - 1`` of those that match.

    ``times`` None means all from ``nth`` on.
    """

    kind: FaultKind
    endpoint: Endpoint | None = None
    task_id: int | None = None
    method: str | None = None
    path: str | None = None
    nth: int = 1
    times: int | None = 1
    when: When = When.BEFORE
    #: How many tasks of a batch have changed by then, in place of ``when``'s none or all.
    done: int | None = None
    #: How long a latency lasts (1 unless given), or a stall at most (600 unless given).
    seconds: float | None = None
    retry_after: int | None = None
    #: The JSON document of a status fault, in place of a bare problem.
    body: Any = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense: a call that is only delayed does its whole batch."""
        if self.done is not None and self.kind in {FaultKind.LATENCY, FaultKind.STALL}:
            raise ValueError("'done' needs a fault that ends the call")

    def matches(self, call: Call) -> bool:
        """Whether it is about calls such as this one."""
        return (
            self.endpoint in {None, call.endpoint}
            and (self.task_id is None or call.concerns(self.task_id))
            and self.method in {None, call.method}
            and self.path in {None, call.path}
        )

    @property
    def duration(self) -> float:
        """Seconds to wait."""
        return _SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds

    def answer(self, success: int = 200) -> Answer | None:
        """What the peer gets in place of the answer; None when it only has to wait.

        Args:
            success: The status of a success that is spoiled.
        """
        if self.kind in {FaultKind.LATENCY, FaultKind.STALL, FaultKind.HOLLOW}:
            return None
        if self.kind.isdecimal():
            return self._status_answer(int(self.kind))
        body, delivery = _SPOILED[self.kind]
        return Answer(success, body, delivery=delivery)

    def _status_answer(self, status: int) -> Answer:
        if status == 429:  # noqa: PLR2004 - the status that must say when to come back
            answer = too_many_requests(self.retry_after or 1).answer()
        else:
            answer = bare(status, "The sandbox was asked to fail here.").answer()
            if self.retry_after is not None:
                answer.headers["Retry-After"] = str(self.retry_after)
        if self.body is not None:
            answer.body = encode(self.body)
        return answer


class FaultOptions(TypedDict, total=False):
    """The members of a Fault beside its kind."""

    endpoint: Endpoint | None
    task_id: int | None
    method: str | None
    path: str | None
    nth: int
    times: int | None
    when: When
    done: int | None
    seconds: float | None
    retry_after: int | None
    body: Any


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0

    def strikes(self, call: Call) -> bool:
        if not self.fault.matches(call):
            return False
        self.seen += 1
        turn = self.seen - self.fault.nth
        return turn >= 0 and (self.fault.times is None or turn < self.fault.times)


@dataclass(slots=True)
class Faults:
    """The faults in force; of several that strike one call, the one added first is applied."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    #: Set when the stalls that wait now are to go on; each clear leaves a fresh one.
    released: Event = field(default_factory=Event)

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._armed.append(_Armed(fault))

    def in_force(self) -> list[Fault]:
        """The faults in force, spent or not."""
        return [armed.fault for armed in self._armed]

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call meets; the call counts for every fault that it matches."""
        if not self._armed:
            return None
        with self._lock:
            struck = [armed.fault for armed in self._armed if armed.strikes(call)]
        return struck[0] if struck else None

    def release(self) -> None:
        """Let every stalled call go on."""
        with self._lock:
            self.released.set()
            self.released = Event()

    def clear(self) -> None:
        """Take every fault out of force and let every stalled call go on."""
        with self._lock:
            self._armed.clear()
        self.release()
