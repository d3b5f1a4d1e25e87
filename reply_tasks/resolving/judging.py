"""Judging: what a read-back, or a person's word, means for an open operation. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from reply_tasks.contract import Body, TaskDetail, body_hash, merge, violations_of_update
from reply_tasks.contract.kept import kept_body
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Claim, Execution, Settlement
from reply_tasks.resolving.evidence import Found, judge_read_back
from reply_tasks.resolving.read_back import Look

#: How much of an id a person is shown: enough to be the only one.
SHOWN_ID = 12
NO_LOOK = Look(None, "", ())
LEFT_TO_THE_NEXT_RUN = (
    "The task is not as this update wants it, or can't be read: the next run of the target repeats "
    "the update."
)


class OperatorVerdict(StrEnum):
    """What a person says of an execution."""

    SENT = "sent"
    NOT_SENT = "not-sent"


def judge_execution(claim: Claim, look: Look, *, now: datetime) -> Settlement:
    """The outcome of an execution that may have been sent, after one look at its task."""
    task = look.task
    if task is None:
        told = f"The task can't be read back: {look.refusal}"
        return _settlement(claim, look, now, Outcome.UNCERTAIN, detail=_for_a_person(claim, told))
    found = judge_read_back(task, claimed_at=claim.claimed_at)
    told = f"Read back by `reply-tasks resolve`: {_state(task)}"
    match found:
        case Found.EXECUTED:
            return _settlement(claim, look, now, Outcome.APPLIED, detail=told, task=task)
        case Found.FAILED:
            reason = Reason.EXECUTION_FAILED
            return _settlement(
                claim, look, now, Outcome.REJECTED, reason=reason, detail=told, task=task
            )
        case Found.NOT_OURS:
            detail = f"{told} It was not this call that closed the task."
            reason = Reason.TASK_NOT_NEW
            return _settlement(claim, look, now, Outcome.REJECTED, reason=reason, detail=detail)
        case _:
            detail = _for_a_person(claim, told)
            return _settlement(claim, look, now, Outcome.UNCERTAIN, detail=detail)


def judge_update(claim: Claim, look: Look, *, now: datetime) -> Settlement | None:
    """The outcome of an update that may have been sent; None: it is not known to be in effect."""
    if look.task is None:
        return None
    body = kept_body(claim.entry.record)
    base = look.task.update_body()
    if violations_of_update(body):  # less than a whole body: it was claimed in merge mode
        in_effect = merge(base, body) == base
        hashed = body_hash(Operation.UPDATE, base)
    else:
        in_effect = _without_nulls(body) == _without_nulls(base)
        hashed = claim.entry.body_hash or ""
    if not in_effect:
        return None
    detail = "Read back by `reply-tasks resolve`: the task is as the update wants it."
    return _settlement(
        claim, look, now, Outcome.APPLIED, detail=detail, task=look.task, hashed=hashed
    )


def judge_word(claim: Claim, word: OperatorVerdict, look: Look, *, now: datetime) -> Settlement:
    """The outcome of an execution of which a person says whether it was sent."""
    if word is OperatorVerdict.SENT:
        detail = "A person said that it was sent (`reply-tasks resolve --as sent`)."
        return _settlement(claim, look, now, Outcome.APPLIED, detail=detail, task=look.task)
    return _settlement(
        claim,
        look,
        now,
        Outcome.REJECTED,
        reason=Reason.EXECUTION_FAILED,
        detail="A person said that it was not sent (`reply-tasks resolve --as not-sent`): a replay "
        "may send it.",
    )


def judge_wait(claim: Claim, execution: Execution | None, *, now: datetime) -> Settlement:
    """The outcome of an execution that was never sent, given what is known of its task now."""
    entry, look = claim.entry, NO_LOOK
    if execution is None:
        return _settlement(
            claim,
            look,
            now,
            Outcome.REJECTED,
            reason=Reason.EXECUTION_FAILED,
            detail="It was never sent: it waited for another execution of this task, which did "
            "not happen. A replay may send it.",
        )
    other = f"operation {execution.operation_id}"
    if execution.outcome is Outcome.UNCERTAIN:
        detail = f"It was never sent: it waits for {other} of the same task, which is uncertain."
        return _settlement(claim, look, now, Outcome.UNCERTAIN, detail=detail)
    same = (entry.body_hash, entry.external_id) == (execution.body_hash, execution.external_id)
    if same and execution.outcome is Outcome.APPLIED:
        detail = f"Executed by {other} from the same record."
        return _settlement(claim, look, now, Outcome.UNCHANGED, detail=detail)
    ending = "" if execution.outcome is Outcome.APPLIED else ", and the execution failed"
    return _settlement(
        claim,
        look,
        now,
        Outcome.REJECTED,
        reason=Reason.ALREADY_EXECUTED,
        detail=f"{other.capitalize()} executed this task{ending}.",
    )


def _settlement(  # noqa: PLR0913 - the columns of a settlement
    claim: Claim,
    look: Look,
    now: datetime,
    outcome: Outcome,
    *,
    reason: Reason | None = None,
    detail: str,
    task: TaskDetail | None = None,
    hashed: str | None = None,
) -> Settlement:
    attempts = (*claim.attempts, *look.attempts)
    return Settlement(
        entry=claim.entry,
        outcome=outcome,
        settled_at=now,
        reason=reason,
        detail=detail,
        http_status=attempts[-1].status if attempts else None,
        attempts=attempts,
        task_detail=None if task is None else task.raw,
        body_hash=hashed,
        claimed_at=claim.claimed_at,
    )


def _state(task: TaskDetail) -> str:
    state = "of an unknown status" if task.status is None else task.status.wire_name
    if task.finished_at is None:
        return f"the task is {state}."
    return f"the task is {state} since {task.finished_at:%Y-%m-%d %H:%M:%SZ}."


def _for_a_person(claim: Claim, told: str) -> str:
    shown = claim.entry.operation_id[:SHOWN_ID]
    return (
        f"{told} Look in Reply whether it was sent, and say so: `reply-tasks resolve --as sent "
        f"{shown}` or `--as not-sent {shown}`; or resolve again later."
    )


def _without_nulls(body: Body) -> dict[str, Any]:
    """A body as it compares: for Reply, a null is as good as nothing."""
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if value is not None
    }
