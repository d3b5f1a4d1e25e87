"""The steps of a creation: make the task once; after a lost answer, look for it by what it is."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from reply_tasks.api.calls import Call
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.enums import CreationSource
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import CLOCK_ALLOWANCE, Found, has_body
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Evidence, Irreversible, send_once

#: So many tasks of one start, type and contact are looked through for the one that was made.
MOST_CANDIDATES = 100


def create(calls: Calls) -> Settlement:
    """Create the task of a claimed record at most once, and settle it."""
    return send_once(calls, CREATION)


def _look(calls: Calls) -> Evidence:
    """Whether exactly one task is there that only this call can have made."""
    body = calls.wire_body
    wanted = {"from": body["startAt"], "to": body["startAt"], "taskType": body["taskType"]}
    if body.get("contactId") is not None:
        wanted["contactId"] = body["contactId"]
    page = calls.filter(wanted, top=MOST_CANDIDATES)
    if page.get("hasMore"):
        return Evidence(Found.UNCLEAR, "too many tasks are like it.")
    ours = [task for task in _candidates(calls, page) if _is_it(task, body, calls)]
    match ours:
        case []:
            return Evidence(Found.STILL_NEW, "no such task is there.")
        case [task]:
            return Evidence(Found.EXECUTED, f"task {task.id} is what it asked for.", task)
        case _:
            ids = ", ".join(str(task.id) for task in ours)
            return Evidence(Found.UNCLEAR, f"tasks {ids} are each what it asked for.")


def _candidates(calls: Calls, page: Mapping[str, Any]) -> Iterator[TaskDetail]:
    """The tasks of a page that no other operation has made, each read whole."""
    items = page.get("items")
    listed = items if isinstance(items, list) else []
    ids = [item["id"] for item in listed if isinstance(item, dict) and type(item.get("id")) is int]
    taken = calls.created_by_others(ids)
    for task_id in ids:
        if task_id not in taken:
            task = calls.read(task_id).task
            if task is not None:
                yield task


def _is_it(task: TaskDetail, body: Mapping[str, Any], calls: Calls) -> bool:
    created = task.created_at
    return (
        has_body(task, body)
        and task.creation_source is CreationSource.USER
        and created is not None
        and created >= calls.claimed_at - CLOCK_ALLOWANCE - timedelta(seconds=1)
    )


CREATION = Irreversible(Call.CREATE, Calls.create, _look, "created")
