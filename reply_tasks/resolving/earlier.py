"""What a record that can't be undone means after an earlier one of the same task. Pure.

A task is made, executed or completed, and deleted at most once, so that the earlier one decides.
"""

from typing import NamedTuple

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
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
        return Meaning(
            Outcome.UNCHANGED, None, f"{_DONE[entry.operation]} by {other} from the same record."
        )
    ending = "" if execution.outcome is Outcome.APPLIED else ", and the execution failed"
    detail = f"{other.capitalize()} {_TOLD[entry.operation]}{ending}."
    return Meaning(Outcome.REJECTED, Reason.ALREADY_EXECUTED, detail)


_DONE = {
    None: "Done",
    Operation.EXECUTE: "Executed",
    Operation.CREATE: "Created",
    Operation.COMPLETE: "Completed",
    Operation.DELETE: "Deleted",
}
#: What the earlier one has done, where another one is asked for.
_TOLD = {
    None: "has done so",
    Operation.EXECUTE: "executed or completed this task",
    Operation.CREATE: "created this task: send an update of it",
    Operation.COMPLETE: "executed or completed this task",
    Operation.DELETE: "deleted this task",
}
