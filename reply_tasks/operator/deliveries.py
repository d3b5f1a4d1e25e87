"""Did this customer get the mail? Pure: from a task's operations to yes, no, held or unknown."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.operator.rows import OperationRow, Recipient


class Delivered(StrEnum):
    """The answer."""

    YES = "yes"
    UNKNOWN = "unknown"
    HELD = "held"
    NO = "no"


@dataclass(frozen=True, slots=True)
class DeliveryAnswer:
    """The answer, and what it rests on.

    Attributes:
        why: One sentence for a person.
        operation_id: The execution that decides; None where there is none.
    """

    delivered: Delivered
    why: str
    operation_id: str | None = None


#: Whether a recipient is the one that was asked about; None if the ledger does not know.
Meant = Callable[[Recipient], bool | None]


def anybody(_recipient: Recipient) -> bool | None:
    """Whoever the task is for: it was not asked for by contact or address."""
    return True


def delivery_answer(rows: Collection[OperationRow], meant: Meant = anybody) -> DeliveryAnswer:
    """What the operations of one task say, given in the order received.

    An execution that went to somebody else, since the task's contact was changed in between, is no
    answer for the one who was asked about.
    """
    executions = [row for row in rows if row.executes]
    elsewhere = [
        row
        for row in executions
        if row.outcome is Outcome.APPLIED and meant(row.recipient) is False
    ]
    candidates = [row for row in executions if row not in elsewhere]
    for applies, answer in _IN_ORDER:
        decisive = next((row for row in reversed(candidates) if applies(row)), None)
        if decisive is not None:
            return answer(decisive)
    if elsewhere:
        row = elsewhere[-1]
        return DeliveryAnswer(
            Delivered.NO, "The task was executed, but for another contact.", row.operation_id
        )
    return DeliveryAnswer(Delivered.NO, f"No execution of this task was ever read{_closed(rows)}.")


def _closed(rows: Iterable[OperationRow]) -> str:
    """How else it was closed, where it was."""
    done = {row.operation for row in rows if row.outcome is Outcome.APPLIED}
    if Operation.DELETE in done:
        return ", and it was deleted"
    if Operation.COMPLETE in done:
        return "; it was completed, which sends nothing"
    return ""


def overall(answers: Iterable[DeliveryAnswer]) -> DeliveryAnswer:
    """One answer for several tasks: yes when any was sent, no only when none can have been."""
    order = list(Delivered)
    answers = sorted(answers, key=lambda each: order.index(each.delivered))
    if not answers:
        return DeliveryAnswer(Delivered.UNKNOWN, "The ledger knows nothing of it.")
    return answers[0]


def _sent(row: OperationRow) -> DeliveryAnswer:
    when = "" if row.settled_at is None else f" at {row.settled_at:%Y-%m-%d %H:%M} UTC"
    return DeliveryAnswer(Delivered.YES, f"Reply confirmed the execution{when}.", row.operation_id)


def _not_known(row: OperationRow) -> DeliveryAnswer:
    return DeliveryAnswer(
        Delivered.UNKNOWN,
        "Its effect could not be established; `reply-tasks resolve` settles it.",
        row.operation_id,
    )


def _in_flight(row: OperationRow) -> DeliveryAnswer:
    return DeliveryAnswer(
        Delivered.UNKNOWN,
        "It is claimed and not settled: a run is sending it right now, or died while doing so.",
        row.operation_id,
    )


def _held(row: OperationRow) -> DeliveryAnswer:
    if row.approved_at is None:
        why = "It waits for a person's approval; nothing was sent."
    else:
        why = "It is approved, and the next run of the target sends it; nothing was sent so far."
    return DeliveryAnswer(Delivered.HELD, why, row.operation_id)


def _not_sent(row: OperationRow) -> DeliveryAnswer:
    return DeliveryAnswer(Delivered.NO, _not_sent_because(row), row.operation_id)


def _not_sent_because(row: OperationRow) -> str:
    match row.reason:
        case Reason.EXECUTION_FAILED:
            return "Reply executed the task, and says that it failed."
        case Reason.TASK_NOT_NEW:
            return "Not from here: the task was closed before, perhaps by somebody in Reply itself."
        case Reason.TASK_NOT_FOUND:
            return "Reply has no such task."
        case None:
            return "Nothing was sent for it."
        case reason:
            return f"It was rejected: {reason}."


_IN_ORDER: tuple[
    tuple[Callable[[OperationRow], bool], Callable[[OperationRow], DeliveryAnswer]], ...
] = (
    (lambda row: row.outcome is Outcome.APPLIED, _sent),
    (lambda row: row.outcome is Outcome.UNCERTAIN, _not_known),
    (lambda row: row.outcome is None, _in_flight),
    (lambda row: row.outcome is Outcome.HELD, _held),
    (lambda _: True, _not_sent),
)
