"""How a plan is written: a line for a person, or a JSON object for a machine. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from reply_tasks.contract.outcomes import Operation, Reason
from reply_tasks.contract.shown import shown
from reply_tasks.operator.rows import Recipient
from reply_tasks.quota.estimate import in_words
from target_reply_tasks.dry_run.planned import Change, Planned, Summary, Would
from target_reply_tasks.naming import name_of

# -- for a person ----------------------------------------------------------------------------------


def text_of(planned: Planned) -> str:
    """One line, free of anything that would act on a terminal."""
    approved = ", approved by a person" if planned.approved else ""
    who = f"{name_of(planned.entry)} ({planned.entry.stream}{approved})"
    return shown(f"{who} {_what(planned).rstrip('.')}.")


def _what(planned: Planned) -> str:
    match planned.would:
        case Would.CREATE | Would.SEND:
            return _sending(planned)
        case Would.REJECTED:
            return f"would be rejected, {planned.reason}: {planned.detail}"
        case Would.WAIT:
            return f"would wait: {planned.detail}"
        case _:
            return f"would be {planned.would}: {planned.detail}"


def _sending(planned: Planned) -> str:
    request = planned.request
    if planned.follows_creation:
        request = f"{request} (the id of the task that is created before it)"
    elif planned.assumes_link:
        request = f"{request} (the id of the task that its external id is linked to)"
    sent = f"create a task with {request}" if planned.would is Would.CREATE else f"send {request}"
    call = f"would {'read the task, and ' * planned.reads_first}{sent}"
    if planned.reads_first and not planned.executes:
        deletes = planned.entry.operation is Operation.DELETE
        call += " if it is not gone already" if deletes else " if it changes"
    if planned.executes:
        subject = "" if planned.subject is None else f", subject {_quoted(planned.subject)}"
        return f"{call} to {_recipient(planned.recipient)}{subject}"
    earlier = ", in place of the update before it if that still waits" * planned.replaces_earlier
    look_ups = f", looking up {' and '.join(planned.looked_up)}" * bool(planned.looked_up)
    shape = _change if planned.before_known else _member
    listed = ", ".join(map(shape, planned.changes))
    if not listed and planned.entry.operation is Operation.UPDATE:
        listed = "nothing that the ledger can see"
    return f"{call}{earlier}{look_ups}{': ' * bool(listed)}{listed}"


def _recipient(recipient: Recipient | None) -> str:
    if recipient is None or recipient == Recipient(None, None):
        return "whom the ledger does not know"
    contact = None if recipient.contact_id is None else f"contact {recipient.contact_id}"
    if recipient.address is None:
        return str(contact)
    return recipient.address if contact is None else f"{recipient.address} ({contact})"


def _change(change: Change) -> str:
    return f"{change.member} {_quoted(change.before)} -> {_quoted(change.after)}"


def _member(change: Change) -> str:
    return f"{change.member} {_quoted(change.after)}"


def _quoted(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, ensure_ascii=False, default=str)


def summary_text(summary: Summary) -> str:
    """The last line."""
    counts = summary.counts
    parts = [f"{summary.read} records read"]
    if counts.get(Would.CREATE):
        parts.append(f"{counts[Would.CREATE]} would be created")
    parts.append(f"{counts.get(Would.SEND, 0)} would be sent")
    parts += [
        f"{counts[would]} {_ENDS[would]}{_reasons(summary.reasons) * (would is Would.REJECTED)}"
        for would in _ENDS
        if counts.get(would)
    ]
    time = f", {_span(*summary.seconds)} at this quota" if summary.calls.most else ""
    return f"{', '.join(parts)}; {summary.calls}{time}; nothing was called or written."


_ENDS: Mapping[Would, str] = {
    Would.UNCHANGED: "unchanged",
    Would.REJECTED: "rejected",
    Would.HELD: "held",
    Would.UNCERTAIN: "uncertain",
    Would.WAIT: "waiting",
}


def _reasons(reasons: Mapping[Reason, int]) -> str:
    return f" ({', '.join(f'{count} {reason}' for reason, count in reasons.items())})"


def _span(least: float, most: float) -> str:
    shortest, longest = in_words(least), in_words(most)
    return longest if shortest == longest else f"{shortest} to {longest}"


# -- for a machine ---------------------------------------------------------------------------------


def members_of(planned: Planned) -> dict[str, Any]:
    """What a program reads of one record."""
    entry = planned.entry
    recipient = planned.recipient
    return {
        "type": "record",
        "key": planned.key,
        "operation": entry.operation,
        "stream": entry.stream,
        "task_id": planned.task_id,
        "external_id": entry.external_id,
        "act_as_user_id": entry.act_as_user_id,
        "would": planned.would,
        "reason": planned.reason,
        "pointer": planned.pointer,
        "detail": planned.detail,
        "request": planned.request,
        "reads_first": planned.reads_first,
        "calls": planned.calls._asdict(),
        "looked_up": list(planned.looked_up),
        "batched": planned.batched,
        "follows_creation": planned.follows_creation,
        "assumes_link": planned.assumes_link,
        "before_known": planned.before_known,
        "changes": [
            {"member": change.member, "before": change.before, "after": change.after}
            for change in planned.changes
        ],
        "recipient": None
        if recipient is None
        else {"contact_id": recipient.contact_id, "address": recipient.address},
        "subject": planned.subject,
        "approved": planned.approved,
    }


def members_of_summary(summary: Summary) -> dict[str, Any]:
    """What a program reads in the end."""
    return {
        "type": "summary",
        "read": summary.read,
        "counts": {would: summary.counts.get(would, 0) for would in Would},
        "reasons": dict(summary.reasons),
        "calls": summary.calls._asdict(),
        "seconds": dict(zip(("least", "most"), summary.seconds, strict=True)),
    }


def json_line(members: Mapping[str, Any]) -> str:
    """One line of ASCII, so that nothing in it can act on a terminal."""
    return json.dumps(members, default=str).replace("\x7f", "\\u007f")
