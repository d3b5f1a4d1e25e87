"""Steps: the named moments of a run, at which a test may wait for it or end it."""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """A moment, named as a person would say it."""

    OPENING_RUN = "in the transaction that opens the run"
    TAKING_OVER = "in the take-over's transaction"
    TAKEN_OVER = "after the take-over"
    CLAIMING = "before the claim"
    CLAIMED = "in the claim's transaction"
    HANDING_OUT = "after the claim"
    SENDING = "before the send"
    SENT = "after the send"
    EXECUTION_SENT = "after an execution's send"
    ANSWERED = "after the answer"
    READ = "after a read"
    SETTLING = "in the settlement's transaction"
    SETTLED = "after the settle"
    STATE_WRITTEN = "after a STATE"
    ENDING_RUN = "in the transaction that ends the run"
    ENDED_RUN = "after the run's end"


Reached = Callable[[Step], object]


def pass_by(step: Step) -> None:
    """Nobody waits for this step."""
    del step
