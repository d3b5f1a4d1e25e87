"""The named steps of a record's life at which a process can be made to die."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from reply_tasks.api import transport
from target_reply_tasks import target
from target_reply_tasks.engine import commits, engine
from target_reply_tasks.sending import senders


@dataclass(frozen=True, slots=True)
class Step:
    """A moment right before or after a call of one of the product's own functions.

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


def _some(position: int) -> Callable[[tuple[Any, ...], Any], bool]:
    return lambda arguments, _result: bool(arguments[position])


def _always(_arguments: tuple[Any, ...], _result: object) -> bool:
    return True


#: The five that every operation passes, then what lies between them.
STEPS: Mapping[str, Step] = {
    "before the claim": Step(commits.Commits, "claim", after=False, counts=_some(2)),
    "after the claim": Step(senders.Senders, "hand_out", after=False, counts=_some(1)),
    "after the send": Step(
        transport._Connection, "send_request", after=True, counts=_sent(b"PUT", b"POST")
    ),
    "after the answer": Step(transport.Transport, "send", after=True, counts=_writes),
    "after the settle": Step(engine.Engine, "_publish", after=False, counts=_some(1)),
    "in the claim's transaction": Step(commits.Commits, "claim", after=True, counts=_some(2)),
    "before the send": Step(transport.Transport, "send", after=False, counts=_writes),
    "after an execution's send": Step(
        transport._Connection, "send_request", after=True, counts=_sent(b"POST")
    ),
    "in the settlement's transaction": Step(commits, "settle", after=True, counts=_some(1)),
    "after a STATE": Step(target.TargetReplyTasks, "_write_state", after=True, counts=_always),
    "in the transaction that opens the run": Step(engine, "start_run", after=True, counts=_always),
    "in the take-over's transaction": Step(
        engine, "adopt", after=True, counts=lambda _, result: any(result)
    ),
    "after the take-over": Step(engine.Engine, "_adopt_orphans", after=True, counts=_always),
    "after a read-back": Step(transport.Transport, "send", after=True, counts=_reads),
    "in the transaction that ends the run": Step(engine, "end_run", after=True, counts=_always),
    "after the run's end": Step(engine.Engine, "_close", after=True, counts=_always),
}
#: The steps that the guarantee names.
NAMED = tuple(STEPS)[:5]


def plant(name: str, nth: int) -> None:
    """Let this process be killed when it comes to a step for the ``nth`` time."""
    step = STEPS[name]
    met = 0
    original = getattr(step.owner, step.name)

    def meet(arguments: tuple[Any, ...], result: object) -> None:
        nonlocal met
        if step.counts(arguments, result):
            met += 1
            if met == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    @wraps(original)
    def dying(*arguments: Any, **named: Any) -> Any:
        if not step.after:
            meet(arguments, None)
        result = original(*arguments, **named)
        if step.after:
            meet(arguments, result)
        return result

    setattr(step.owner, step.name, dying)
