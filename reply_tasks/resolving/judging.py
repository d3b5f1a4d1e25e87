"""Judging: what a read-back, or a person's word, means for an open operation. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from reply_tasks.api.calls import Call
from reply_tasks.contract import TaskDetail, body_hash, merge, violations_of_update
from reply_tasks.contract.kept import kept_body
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Claim, Execution, Settlement
from reply_tasks.resolving.creations import sighting
from reply_tasks.resolving.earlier import after_execution
from reply_tasks.resolving.evidence import GONE, Found, has_body, judge_read_back, state_of
from reply_tasks.resolving.read_back import NOT_READ, ReadBack
from reply_tasks.resolving.search import Search

#: How much of an id a person is shown: enough to be the only one.
SHOWN_ID = 12
LEFT_TO_THE_NEXT_RUN: Mapping[Operation | None, str] = {
    Operation.ASSIGN: "The task is not assigned so, or can't be read: the next run of the target "
    "repeats the assignment.",
    Operation.CREATE: "The ledger does not know whom its address stands for: the next run of the "
    "target looks for the task before it creates it.",
}
_LEFT = (
    "The task does not match this update, or can't be read: the next run of the target repeats "
    "the update."
)


class OperatorVerdict(StrEnum):
    """What a person says of an operation that can't be undone."""

    SENT = "sent"
    NOT_SENT = "not-sent"


def left_to_the_next_run(operation: Operation | None) -> str:
    """Why a dead run's claim is not settled here, in a sentence."""
    return LEFT_TO_THE_NEXT_RUN.get(operation, _LEFT)


def judge_execution(claim: Claim, read: ReadBack, *, now: datetime) -> Settlement:
    """The outcome of an execution or completion that may have been sent, after one look."""
    task = read.task
    if task is None:
        said = f"The task can't be read back: {read.refusal}"
        return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=for_a_person(claim, said))
    found = judge_read_back(task, claimed_at=_by_reply_s_clock(claim, read, now=now))
    said = f"Read back by `reply-tasks resolve`: the task is {state_of(task)}."
    match found:
        case Found.EXECUTED:
            return _settlement(claim, read, now, Outcome.APPLIED, detail=said, task=task)
        case Found.FAILED:
            reason = Reason.EXECUTION_FAILED
            return _settlement(
                claim, read, now, Outcome.REJECTED, reason=reason, detail=said, task=task
            )
        case Found.NOT_OURS:
            detail = f"{said} It was not this call that closed the task."
            reason = Reason.TASK_NOT_NEW
            return _settlement(claim, read, now, Outcome.REJECTED, reason=reason, detail=detail)
        case _:
            detail = for_a_person(claim, said)
            return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=detail)


def judge_deletion(claim: Claim, read: ReadBack, *, now: datetime) -> Settlement:
    """The outcome of a deletion that may have been sent, after one look at its task.

    A task that can't be found was deleted, if it was read before; otherwise it may never have been
    there.
    """
    if read.task is None:
        seen = any(
            attempt.call == Call.READ and attempt.status == HTTPStatus.OK
            for attempt in claim.attempts
        )
        if seen and read.not_found:
            said = "Read back by `reply-tasks resolve`: the task was there, and is not any more."
            return _settlement(claim, read, now, Outcome.APPLIED, detail=said)
        said = f"The task can't be read back: {read.refusal}"
        return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=for_a_person(claim, said))
    said = f"Read back by `reply-tasks resolve`: the task is {state_of(read.task)}."
    if read.task.status in GONE:
        return _settlement(claim, read, now, Outcome.APPLIED, detail=said, task=read.task)
    return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=for_a_person(claim, said))


def judge_creation(claim: Claim, search: Search, *, now: datetime) -> Settlement | None:
    """The outcome of a creation that may have been sent, after one look for its task.

    Returns:
        None where it is not known what to look for.
    """
    read = search.read
    if search.body is None:
        return None
    if read.refusal:
        said = f"Its task can't be looked for: {read.refusal}"
        return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=for_a_person(claim, said))
    seen = sighting(
        search.tasks,
        search.body,
        claimed_at=_by_reply_s_clock(claim, read, now=now),
        in_doubt=search.in_doubt,
    )
    said = f"Looked for by `reply-tasks resolve`: {seen.detail}"
    if seen.found is Found.EXECUTED and seen.task is not None:
        return _settlement(
            claim, read, now, Outcome.APPLIED, detail=said, task=seen.task, created=seen.task.id
        )
    return _settlement(claim, read, now, Outcome.UNCERTAIN, detail=for_a_person(claim, said))


def judge_assignment(claim: Claim, read: ReadBack, *, now: datetime) -> Settlement | None:
    """The outcome of an assignment that may have been sent.

    Returns:
        None if it is not known to be in effect.
    """
    wanted = claim.entry.record.get("userId")
    if read.task is None or wanted is None or read.task.raw.get("assignedUserId") != wanted:
        return None
    detail = "Read back by `reply-tasks resolve`: the task is assigned so."
    return _settlement(claim, read, now, Outcome.APPLIED, detail=detail, task=read.task)


def judge_update(claim: Claim, read: ReadBack, *, now: datetime) -> Settlement | None:
    """The outcome of an update that may have been sent.

    Returns:
        None if it is not known to be in effect.
    """
    if read.task is None:
        return None
    body = kept_body(claim.entry.record)
    base = read.task.update_body()
    if violations_of_update(body):  # less than a whole body: it was claimed in merge mode
        in_effect = merge(base, body) == base
        hashed = body_hash(Operation.UPDATE, base)
    else:
        in_effect = has_body(read.task, body)
        hashed = claim.entry.body_hash or ""
    if not in_effect:
        return None
    detail = "Read back by `reply-tasks resolve`: the task already matches the update."
    return _settlement(
        claim, read, now, Outcome.APPLIED, detail=detail, task=read.task, hashed=hashed, shaken=0.0
    )


def judge_word(
    claim: Claim,
    word: OperatorVerdict,
    read: ReadBack,
    *,
    now: datetime,
    created: int | None = None,
) -> Settlement:
    """The outcome of an operation of which a person says whether it was sent.

    Args:
        claim: The operation.
        word: What the person says.
        read: The task, as far as it could be read.
        now: When.
        created: The task that a creation made, as the person says.
    """
    if word is OperatorVerdict.SENT:
        made = "" if created is None else f" --task {created}"
        detail = f"A person said that it was sent (`reply-tasks resolve --as sent{made}`)."
        return _settlement(
            claim, read, now, Outcome.APPLIED, detail=detail, task=read.task, created=created
        )
    return _settlement(
        claim,
        read,
        now,
        Outcome.REJECTED,
        reason=Reason.EXECUTION_FAILED,
        detail="A person said that it was not sent (`reply-tasks resolve --as not-sent`): a replay "
        "may send it, when a call that was made has had its time to take effect.",
        shaken=0.0,
    )


def judge_wait(claim: Claim, execution: Execution | None, *, now: datetime) -> Settlement:
    """The outcome of an operation that was never sent, given what is known of its task now."""
    entry, read = claim.entry, NOT_READ
    if execution is None:
        return _settlement(
            claim,
            read,
            now,
            Outcome.REJECTED,
            reason=Reason.EXECUTION_FAILED,
            detail="It was never sent: it waited for another operation of this task, which did "
            "not happen. A replay may send it.",
        )
    outcome, reason, detail = after_execution(entry, execution)
    return _settlement(claim, read, now, outcome, reason=reason, detail=detail)


def _settlement(  # noqa: PLR0913 - the columns of a settlement
    claim: Claim,
    read: ReadBack,
    now: datetime,
    outcome: Outcome,
    *,
    reason: Reason | None = None,
    detail: str,
    task: TaskDetail | None = None,
    hashed: str | None = None,
    shaken: float | None = None,
    created: int | None = None,
) -> Settlement:
    attempts = (*claim.attempts, *read.attempts)
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
        shaken=shaken,
        created=created,
    )


def _by_reply_s_clock(claim: Claim, read: ReadBack, *, now: datetime) -> datetime:
    """When it was claimed, by Reply's clock: as known then, else as it differs from ours now."""
    if claim.age is not None and read.reply_ahead is not None:
        return now + timedelta(seconds=read.reply_ahead - claim.age)
    ahead = read.reply_ahead if claim.reply_ahead is None else claim.reply_ahead
    return claim.claimed_at + timedelta(seconds=ahead or 0.0)


def for_a_person(claim: Claim, said: str) -> str:
    """What was found, and what a person can do about what is not established."""
    shown = claim.entry.operation_id[:SHOWN_ID]
    creates = claim.entry.operation is Operation.CREATE
    found = "whether it was created, and as which task" if creates else "whether it was sent"
    sent = f"--as sent{' --task ID' if creates else ''} {shown}"
    return (
        f"{said} Look in Reply {found}, and say so: `reply-tasks resolve {sent}` or `--as not-sent "
        f"{shown}`; or resolve again later."
    )
