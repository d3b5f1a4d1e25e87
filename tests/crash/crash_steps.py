"""The named steps of a record's life at which a process can be made to die."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from reply_tasks.api import transport
from reply_tasks.api.connections import ReplyConnection
from target_reply_tasks.steps import Step
from target_reply_tasks.target import TargetReplyTasks


@dataclass(frozen=True, slots=True)
class Call:
    """A moment right before or after a call, which the engine does not see.

    Attributes:
        owner: The class or module that the function is looked up in.
        name: The function.
        after: Whether it has returned by then.
        counts: Which of its calls are meant, by its arguments and its result, which is None before.
    """

    owner: Any
    name: str
    after: bool
    counts: Callable[[tuple[Any, ...], Any], bool]


def _writes(arguments: tuple[Any, ...], _result: object) -> bool:
    return bool(arguments[1] in {"PUT", "POST"})


def _sent(*methods: bytes) -> Callable[[tuple[Any, ...], Any], bool]:
    """A request, as bytes, with one of these methods."""
    return lambda arguments, _result: bool(arguments[1].startswith(methods))


def _reads(arguments: tuple[Any, ...], _result: object) -> bool:
    return bool(arguments[1] == "GET")


_connection, _transport = ReplyConnection, transport.Transport
#: What lies on the wire, beside the steps that the engine names.
CALLS: Mapping[str, Call] = {
    "before the send": Call(_transport, "send", after=False, counts=_writes),
    "after the send": Call(_connection, "send_request", after=True, counts=_sent(b"PUT", b"POST")),
    "after an execution's send": Call(
        _connection, "send_request", after=True, counts=_sent(b"POST")
    ),
    "after the answer": Call(_transport, "send", after=True, counts=_writes),
    "after a read-back": Call(_transport, "send", after=True, counts=_reads),
}
#: The steps that the guarantee names.
NAMED = (
    str(Step.CLAIMING),
    str(Step.HANDING_OUT),
    "after the send",
    "after the answer",
    str(Step.SETTLED),
)
#: All of them, those first.
STEPS = tuple(dict.fromkeys([*NAMED, *CALLS, *map(str, Step)]))


def plant(name: str, nth: int) -> None:
    """Let this process be killed when it comes to a step for the ``nth`` time."""
    met = 0

    def meet() -> None:
        nonlocal met
        met += 1
        if met == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    if name in CALLS:
        _plant_around(CALLS[name], meet)
        return

    def reached(self: TargetReplyTasks, step: Step) -> None:  # noqa: ARG001
        if step == name:
            meet()

    TargetReplyTasks.reached = reached  # type: ignore[method-assign]


def _plant_around(call: Call, meet: Callable[[], None]) -> None:
    original = getattr(call.owner, call.name)

    @wraps(original)
    def dying(*arguments: Any, **named: Any) -> Any:
        if not call.after and call.counts(arguments, None):
            meet()
        result = original(*arguments, **named)
        if call.after and call.counts(arguments, result):
            meet()
        return result

    setattr(call.owner, call.name, dying)
