"""Judging: what a record needs, given what the ledger knows of its task. Pure; it calls nothing."""

from dataclasses import replace

from reply_tasks.contract import UpdateMode, merge, read_task_detail
from reply_tasks.contract.kept import digest_of
from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation, Outcome, Reason
from reply_tasks.ledger import Execution, KnownTask, Shaken
from reply_tasks.ledger.held import HeldExecution
from reply_tasks.resolving.earlier import after_execution
from target_reply_tasks.engine.judgements import (
    DROP,
    FREE_TO_GO,
    SEND,
    WAIT,
    Approval,
    Judgement,
    Need,
    Refusal,
)
from target_reply_tasks.work import Work

_SAME_BODY = Judgement(
    Need.SETTLE,
    Outcome.UNCHANGED,
    detail="The same body was the last one applied to this task.",
    repeats=True,
)
_SAME_USER = Judgement(
    Need.SETTLE,
    Outcome.UNCHANGED,
    detail="The same user was the last one that this task was assigned to.",
    repeats=True,
)
_NOTHING_TO_MERGE = Judgement(
    Need.SETTLE,
    Outcome.UNCHANGED,
    detail="The task, as Reply last returned it, already matches this record.",
    repeats=True,
)


def judge(  # noqa: PLR0913 - one return a rule; all that a judgement rests on
    work: Work,
    known: KnownTask,
    *,
    claimed_elsewhere: bool,
    mode: UpdateMode,
    skip_unchanged: bool,
    settle_seconds: float,
    approval: Approval = FREE_TO_GO,
    refusal: Refusal | None = None,
) -> Judgement:
    """What ``work`` needs.

    Args:
        work: The head of its lane.
        known: What the ledger knows of its task, with the last TaskDetail in merge mode.
        claimed_elsewhere: Whether another run has claimed its task.
        mode: Whether updates replace or merge.
        skip_unchanged: Whether an update that changes nothing makes no call.
        settle_seconds: How late a call may take effect whose answer was lost.
        approval: What people have said of executions of its task.
        refusal: What Reply said to the same record lately.
    """
    if work.recovered:
        return SEND
    if claimed_elsewhere:
        return WAIT
    if work.operation is Operation.EXECUTE:
        execution = _execution(work, known, approval, refusal)
        return _when_calm(execution, known.shaken, settle_seconds)
    if work.operation in IRREVERSIBLE:
        once = _once(work, known, refusal)
        creates = work.operation is Operation.CREATE  # no task's state refuses a second one
        return _when_calm(once, known.shaken, settle_seconds) if creates else once
    unchanged = _unchanged(work, known, mode) if skip_unchanged else None
    if unchanged is not None:
        return _read_first(known.shaken, settle_seconds) or unchanged
    return SEND if refusal is None else _refused_again(refusal)


def _unchanged(work: Work, known: KnownTask, mode: UpdateMode) -> Judgement | None:
    """An update or an assignment that changes nothing, as far as the ledger knows."""
    if work.operation is Operation.ASSIGN:
        return _SAME_USER if known.assignment_hash == work.entry.body_hash else None
    if mode is UpdateMode.REPLACE:
        return _SAME_BODY if known.body_hash == work.entry.body_hash else None
    return _NOTHING_TO_MERGE if _changes_nothing(work, known) else None


def _refused_again(refusal: Refusal) -> Judgement:
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        refusal.reason,
        f"{refusal.detail} (Refused at {refusal.at:%Y-%m-%d %H:%M:%SZ}, asked again after "
        f"{refusal.again:%Y-%m-%d %H:%M:%SZ}.)",
        repeats=True,
    )


def superseded_by(work: Work) -> Judgement:
    """What an update comes to that ``work`` replaces before it was sent."""
    detail = f"Operation {work.entry.operation_id} replaces it before it was sent."
    return Judgement(Need.SETTLE, Outcome.SUPERSEDED, detail=detail)


def _once(work: Work, known: KnownTask, refusal: Refusal | None) -> Judgement:
    """A creation, a completion or a deletion: what can't be undone is done once."""
    earlier = known.deletion if work.operation is Operation.DELETE else known.execution
    if earlier is None:
        return SEND if refusal is None else _refused_again(refusal)
    if work.operation is Operation.CREATE or earlier.outcome is not Outcome.APPLIED:
        return _after(work, earlier)
    same = _same(work, earlier.body_hash, earlier.external_id)
    detail = f"Operation {earlier.operation_id} has done so already."
    return Judgement(Need.SETTLE, Outcome.UNCHANGED, detail=detail, repeats=same)


def user_refused(detail: str) -> Judgement:
    """What a record comes to whose user Reply has refused in this run: it costs no call."""
    return Judgement(Need.SETTLE, Outcome.REJECTED, Reason.USER_REFUSED, detail)


def _execution(
    work: Work, known: KnownTask, approval: Approval, refusal: Refusal | None
) -> Judgement:
    if work.approved and not _still_approved(work, approval.held):
        return DROP
    if known.execution is not None:
        return _after(work, known.execution)
    if _would_send_an_old_text(work, known):
        return _update_rejected(known)
    if work.approved:
        return SEND
    return _before(approval, work) if refusal is None else _refused_again(refusal)


def _would_send_an_old_text(work: Work, known: KnownTask) -> bool:
    """Whether Reply would send what a rejected update, read before this record, was to replace.

    What a person has approved was seen by that person.
    """
    rejected = known.rejected_update
    return (
        rejected is not None
        and rejected.received_at <= work.entry.received_at
        and not work.approved
        and work.record.body.get("content") is None
    )


def _update_rejected(known: KnownTask) -> Judgement:
    update = known.rejected_update
    named = "" if update is None else f" {update.operation_id}"
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.UPDATE_REJECTED,
        f"Operation{named}, an update of this task, was rejected, so that Reply would send an "
        "older text. Have an update of the task applied first, or give the execution its content.",
    )


def _after(work: Work, execution: Execution) -> Judgement:
    """A task is executed at most once: what that means for another record that asks for it."""
    outcome, reason, detail = after_execution(work.entry, execution)
    same = _same(work, execution.body_hash, execution.external_id)
    return Judgement(Need.SETTLE, outcome, reason, detail, repeats=same and reason is None)


def _still_approved(work: Work, held: HeldExecution | None) -> bool:
    return held is not None and (held.operation_id, held.approved_digest) == (
        work.entry.operation_id,
        digest_of(work.entry.record),
    )


def _before(approval: Approval, work: Work) -> Judgement:
    """What people have said, or have yet to say, before an execution may go."""
    for declined in approval.declined:
        if _same(work, declined.body_hash, declined.external_id):
            return Judgement(
                Need.SETTLE,
                Outcome.REJECTED,
                Reason.NOT_APPROVED,
                f"A person declined this record as operation {declined.operation_id}; a change of "
                "the record is judged anew.",
                repeats=True,
            )
    held = approval.held
    if held is not None and _same(work, held.body_hash, held.external_id):
        return Judgement(
            Need.SETTLE,
            Outcome.HELD,
            detail=f"It waits for approval as operation {held.operation_id}.",
            repeats=True,
        )
    replaces = None if held is None else held.operation_id
    if approval.asked and (held is not None or not approval.may_go):
        return Judgement(
            Need.SETTLE,
            Outcome.HELD,
            detail="It waits for a person: `reply-tasks held` shows it.",
            replaces=replaces,
        )
    return Judgement(Need.SEND, replaces=replaces)


def _same(work: Work, body_hash: str | None, external_id: str | None) -> bool:
    """Whether a record is the same as another: the same body under the same key of the CRM."""
    return (body_hash, external_id) == (work.entry.body_hash, work.entry.external_id)


def _when_calm(judgement: Judgement, shaken: Shaken | None, settle_seconds: float) -> Judgement:
    """An execution goes out when no late effect can change what it sends any more."""
    if judgement.need is not Need.SEND or shaken is None:
        return judgement
    if not shaken.harmless and shaken.ago < settle_seconds:
        return Judgement(Need.WAIT, seconds=settle_seconds - shaken.ago)
    return replace(judgement, shaken=shaken) if _casts_doubt(shaken, settle_seconds) else judgement


def _read_first(shaken: Shaken | None, settle_seconds: float) -> Judgement | None:
    """A read in place of "unchanged", where the ledger's word on the task is in doubt."""
    if shaken is None or not _casts_doubt(shaken, settle_seconds):
        return None
    return Judgement(Need.SEND, shaken=shaken)


def _casts_doubt(shaken: Shaken, settle_seconds: float) -> bool:
    """Whether the task must be read before what the ledger says of it is believed.

    A late effect that would change nothing only casts doubt while it may still come.
    """
    return not shaken.harmless or shaken.ago < settle_seconds


def _changes_nothing(work: Work, known: KnownTask) -> bool:
    """Whether a merge, laid over the task as Reply last returned it, leaves it as it is."""
    detail = None if known.detail is None else read_task_detail(known.detail)
    if detail is None:
        return False
    base = detail.update_body()
    return bool(merge(base, work.record.body) == base)
