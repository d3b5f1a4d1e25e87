"""The step of an assignment: repeated until Reply confirms it, which does no harm twice."""

from reply_tasks.api.decisions import Action
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.calls import Calls


def assign(calls: Calls) -> Settlement:
    """Hand the task of a claimed record to its user."""
    decision = calls.assign(calls.wire_body["userId"])
    if decision.action is Action.REJECTED:
        return calls.refused(decision)
    return calls.settled(Outcome.APPLIED, task=decision.task)
