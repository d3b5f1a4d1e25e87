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
    creation = _Creation()
    return send_once(calls, Irreversible(Call.CREATE, creation.send, creation.look, "created"))


class _Creation:
    """Makes the task of one record, and looks for it; each candidate is read once."""

    def __init__(self) -> None:
        self._read: dict[int, TaskDetail] = {}
        self._shown: TaskDetail | None = None

    def send(self, calls: Calls) -> Decision:
        """Make the call; an answer with a task that it can't have made confirms nothing."""
        decision = calls.create()
        task, body = decision.task, calls.wire_body
        if task is None or decision.action is not Action.APPLIED:
            return decision
        ours = task.task_type in {body["taskType"], None} and (
            "contactId" not in task.raw or task.raw["contactId"] == body.get("contactId")
        )
        if ours and made_since(task, calls.claimed_at) is not False:
            return decision
        self._shown = task
        return replace(decision, action=Action.LOST)

    def look(self, calls: Calls) -> Evidence:
        """Whether a task is there that only this call can have made."""
        seen = self._search(calls)
        if seen.found is not Found.STILL_NEW or self._shown is None:
            return seen
        # It may be what Reply made of the record: nothing says that a second one would differ.
        detail = f"Reply answered with task {self._shown.id}, which is not what it asked for."
        return Evidence(Found.UNCLEAR, detail, may_change=True)

    def _search(self, calls: Calls) -> Evidence:
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
                    detail = f"task {task_id}, which may be it, can't be read: {read.detail}"
                    return Evidence(Found.UNCLEAR, detail, may_change=True)
                self._read[task_id] = read.task
        tasks = [self._read[task_id] for task_id in ids]
        seen = sighting(tasks, body, claimed_at=calls.claimed_at, in_doubt=others.in_doubt)
        return Evidence(seen.found, seen.detail, seen.task, seen.may_change)
