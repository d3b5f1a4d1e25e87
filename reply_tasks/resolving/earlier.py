"""What an execution record means after an earlier execution of the same task. Pure.

A task is executed at most once, so that the earlier one decides.
"""

from typing import NamedTuple

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Entry, Execution


class Meaning(NamedTuple):
    """How the later record is settled, without a call."""

    outcome: Outcome
    reason: Reason | None
    detail: str


def after_execution(entry: Entry, execution: Execution) -> Meaning:
    """How a record is settled that asks for a task of which ``execution`` is remembered."""
    other = f"operation {execution.operation_id}"
    if execution.outcome is Outcome.UNCERTAIN:
        return Meaning(
            Outcome.UNCERTAIN,
            None,
            f"It was never sent: it waits for {other} of the same task, of which it could not be "
            "established whether it was sent. `reply-tasks resolve` settles it.",
        )
    same = (entry.body_hash, entry.external_id) == (execution.body_hash, execution.external_id)
    if same and execution.outcome is Outcome.APPLIED:
        return Meaning(Outcome.UNCHANGED, None, f"Executed by {other} from the same record.")
    ending = "" if execution.outcome is Outcome.APPLIED else ", and the execution failed"
    return Meaning(
        Outcome.REJECTED,
        Reason.ALREADY_EXECUTED,
        f"{other.capitalize()} executed this task{ending}.",
    )
