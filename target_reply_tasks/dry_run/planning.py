"""Planning: from what is foreseen for a record to the values of its line. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from reply_tasks.contract import UpdateMode, read_task_detail
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.operator.rows import message_in, recipient_in
from target_reply_tasks.batch import may_go_unread
from target_reply_tasks.dry_run.changes import all_of, changes, short
from target_reply_tasks.dry_run.costs import Cost
from target_reply_tasks.dry_run.foresight import Foreseen, body_after, body_before
from target_reply_tasks.dry_run.planned import BY_OUTCOME, CallRange, Planned, Would
from target_reply_tasks.engine.judgements import Need
from target_reply_tasks.work import Work


def plan(
    work: Work, foreseen: Foreseen, mode: UpdateMode, cost: Cost, *, after_update: bool
) -> Planned:
    """What a valid record would become.

    Args:
        work: The record.
        foreseen: What the ledger knows, and what is judged by it.
        mode: Whether updates replace or merge.
        cost: What it adds to the calls of the records before it, if it is sent.
        after_update: Whether the record before it on its task is an update that would be sent.
    """
    judgement = foreseen.judgement
    if judgement.need is Need.SETTLE:
        outcome = judgement.outcome or Outcome.UNCHANGED
        return Planned(
            work.entry,
            BY_OUTCOME[outcome],
            reason=judgement.reason,
            detail=_detail(foreseen, work.operation),
            approved=work.approved,
        )
    sent = _sent(work, foreseen, mode, cost, after_update=after_update)
    sent = replace(
        sent,
        calls=sent.calls.plus(cost.look_ups),
        looked_up=cost.looked_up,
        batched=cost.batched,
        follows_creation=foreseen.follows and not foreseen.assumes,
        assumes_link=foreseen.assumes,
    )
    if judgement.need is Need.SEND:
        return sent
    detail = (
        "another run has claimed its task, or died over it"
        if judgement.seconds is None
        else f"an earlier call may still take effect, for {judgement.seconds:.0f} s"
    )
    return Planned(
        work.entry,
        Would.WAIT,
        detail=f"{detail}; then it is judged anew.",
        calls=CallRange(0, sent.calls.most),
    )


def _detail(foreseen: Foreseen, operation: Operation) -> str | None:
    """The engine's sentence; in place of one that names an operation that is only planned, ours."""
    judgement = foreseen.judgement
    if not foreseen.by_earlier:
        return judgement.detail
    found = judgement.outcome, judgement.reason
    if judgement.reason is Reason.ALREADY_EXECUTED and operation is Operation.CREATE:
        return "A creation that comes before it in this input makes its task: send an update."
    if found == (Outcome.UNCHANGED, None) and not judgement.repeats:
        return "A record that comes before it in this input does so."
    return _BY_EARLIER.get(found, judgement.detail)


_BY_EARLIER: Mapping[tuple[Outcome | None, Reason | None], str] = {
    (Outcome.UNCHANGED, None): "The same record comes before it in this input.",
    (
        Outcome.HELD,
        None,
    ): "The same record comes before it in this input, and waits for approval.",
    (
        Outcome.REJECTED,
        Reason.ALREADY_EXECUTED,
    ): "A record that comes before it in this input executes or completes this task.",
    (
        Outcome.REJECTED,
        Reason.UPDATE_REJECTED,
    ): "An update of this task that comes before it in this input would be rejected, so that Reply "
    "would send an older text.",
}


def _sent(
    work: Work, foreseen: Foreseen, mode: UpdateMode, cost: Cost, *, after_update: bool
) -> Planned:
    task = "{id}" if foreseen.follows else work.task_id
    match work.operation:
        case Operation.UPDATE:
            return _update(work, foreseen, mode, after_update=after_update)
        case Operation.EXECUTE:
            return _execution(work, foreseen)
        case Operation.CREATE:
            request, calls = "POST /v3/tasks", CallRange(1, 1)
        case Operation.COMPLETE:
            request, calls = f"POST /v3/tasks/{task}/complete", CallRange(0, 1)
        case Operation.ASSIGN:
            request, calls = f"PUT /v3/tasks/{task}/assigned-user", CallRange(0, 1)
        case Operation.DELETE:
            unread = may_go_unread(work, read_task_detail(foreseen.known.detail))
            request, calls = f"DELETE /v3/tasks/{task}", CallRange(0 if unread else 1, 2)
    if cost.begins_a_batch:
        calls = CallRange(1, calls.most)
    return Planned(
        work.entry,
        Would.CREATE if work.operation is Operation.CREATE else Would.SEND,
        request=request,
        reads_first=work.operation is Operation.DELETE,
        calls=calls,
        changes=all_of(work.record.body),
    )


def _execution(work: Work, foreseen: Foreseen) -> Planned:
    known, shaken = foreseen.known, foreseen.judgement.shaken
    own = message_in(work.record.body.get("content"))
    detail = known.detail or {}
    stored = message_in(detail.get("content")) or message_in(detail.get("template"))
    message = own or stored
    return Planned(
        work.entry,
        Would.SEND,
        request=f"POST /v3/tasks/{'{id}' if foreseen.follows else work.task_id}/execute",
        reads_first=shaken is not None,
        calls=CallRange(1, 1 if shaken is None else 2),
        recipient=recipient_in(known.detail),
        subject=None if message is None else short(message.subject),
        approved=work.approved,
    )


def _update(work: Work, foreseen: Foreseen, mode: UpdateMode, *, after_update: bool) -> Planned:
    known, shaken = foreseen.known, foreseen.judgement.shaken
    before, after = body_before(known), body_after(work, known, mode)
    replaces = mode is UpdateMode.REPLACE
    reads_first = not replaces or shaken is not None
    saved = after_update and (replaces or before is not None)
    return Planned(
        work.entry,
        Would.SEND,
        request=f"PUT /v3/tasks/{'{id}' if foreseen.follows else work.task_id}",
        reads_first=reads_first,
        calls=CallRange(0 if saved else 1, 2 if reads_first else 1),
        changes=all_of(work.record.body)
        if before is None or after is None
        else changes(before, after),
        before_known=before is not None,
        replaces_earlier=after_update and replaces,
    )


def planned_rejection(settlement: Settlement) -> Planned:
    """What a record would become that can't be read by the contract."""
    errors = (settlement.problem or {}).get("errors") or [{}]
    return Planned(
        settlement.entry,
        Would.REJECTED,
        reason=settlement.reason,
        pointer=errors[0].get("pointer"),
        detail=settlement.detail,
    )
