"""The steps of a creation: make the task once; after a lost answer, look for it by what it is."""

from dataclasses import replace
from typing import TYPE_CHECKING

from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.creations import (
    MOST_LISTED,
    MOST_READ,
    ids_to_read,
    made_since,
    search_for,
    sighting,
)
from reply_tasks.resolving.evidence import Found
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Evidence, Irreversible, send_once

if TYPE_CHECKING:
    from reply_tasks.contract import TaskDetail


def create(calls: Calls) -> Settlement:
    """Create the task of a claimed record at most once, and settle it."""
    return send_once(calls, Irreversible(Call.CREATE, _create, _Search(), "created"))


def _create(calls: Calls) -> Decision:
    """Make the call; an answer with a task that it can't have made confirms nothing."""
    decision = calls.create()
    task, body = decision.task, calls.wire_body
    if task is None or decision.action is not Action.APPLIED:
        return decision
    ours = task.task_type == body["taskType"] and task.raw.get("contactId") == body.get("contactId")
    if ours and made_since(task, calls.claimed_at) is not False:
        return decision
    return replace(decision, action=Action.LOST, detail=f"the answer shows another task, {task.id}")


class _Search:
    """Looks for the task of one creation; each candidate is read once."""

    def __init__(self) -> None:
        self._read: dict[int, TaskDetail] = {}

    def __call__(self, calls: Calls) -> Evidence:
        """Whether a task is there that only this call can have made."""
        body = calls.wire_body
        page = calls.filter(search_for(body), top=MOST_LISTED)
        if page.refusal is not None:
            return Evidence(Found.UNCLEAR, f"it can't be looked for: {page.refusal.detail}")
        # Asked after Reply was: what others have made by then, the ledger knows or is in doubt of.
        others = calls.others(ids_to_read(page.items, body, ()))
        ids = ids_to_read(page.items, body, others.tasks)
        if page.has_more or len(ids) > MOST_READ:
            return Evidence(Found.UNCLEAR, "too many tasks are like it.")
        for task_id in ids:
            if task_id not in self._read:
                read = calls.read(task_id)
                if read.task is None:
                    told = f"task {task_id}, which may be it, can't be read: {read.detail}"
                    return Evidence(Found.UNCLEAR, told, may_change=True)
                self._read[task_id] = read.task
        tasks = [self._read[task_id] for task_id in ids]
        seen = sighting(tasks, body, claimed_at=calls.claimed_at, in_doubt=others.in_doubt)
        return Evidence(seen.found, seen.told, seen.task, seen.may_change)
