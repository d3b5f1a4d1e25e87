"""Judgements: what a record needs, and what they rest on beside the ledger's memory of tasks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Shaken
from reply_tasks.ledger.held import Declined, HeldExecution


class Need(StrEnum):
    """What is to be done with a record."""

    SEND = "send"
    WAIT = "wait"
    SETTLE = "settle"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a record needs.

    Attributes:
        need: ``DROP``: it is an approved execution that waits no more, whatever became of it.
        outcome: Its outcome where it can be settled without a call.
        reason: Why it is rejected.
        detail: One sentence for a person.
        repeats: Whether it only repeats what the ledger has answered.
        replaces: The held operation that it supersedes.
        seconds: How long to wait, where that is known.
        shaken: Set where the task must be read before it is sent.
    """

    need: Need
    outcome: Outcome | None = None
    reason: Reason | None = None
    detail: str | None = None
    repeats: bool = False
    replaces: str | None = None
    seconds: float | None = None
    shaken: Shaken | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What stands between an execution and its send, as far as people decide.

    Attributes:
        held: The execution of the same task that waits for a person.
        declined: Those of the same task to which a person said no.
        may_go: Whether this run may send one more that nobody approved.
        asked: Whether executions need approval at all.
    """

    held: HeldExecution | None = None
    declined: tuple[Declined, ...] = ()
    may_go: bool = True
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Reply said lately to a record that says the same.

    Attributes:
        reason: Why it was rejected.
        detail: Reply's word, in a sentence.
        at: When it was refused, UTC.
        again: When it is asked again, UTC.
    """

    reason: Reason | None
    detail: str | None
    at: datetime
    again: datetime


SEND = Judgement(Need.SEND)
WAIT = Judgement(Need.WAIT)
DROP = Judgement(Need.DROP)
FREE_TO_GO = Approval()
