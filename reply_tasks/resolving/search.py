"""Searching: the tasks that a creation whose answer was lost may have made, each read whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from reply_tasks.contract import TaskDetail
from reply_tasks.contract.kept import kept_body
from reply_tasks.contract.members import LOOKED_UP
from reply_tasks.ledger import Entry
from reply_tasks.ledger.lookups import KINDS, ids_ever_found
from reply_tasks.ledger.queries import creations_in_doubt, tasks_of_others
from reply_tasks.resolving.creations import MOST_LISTED, MOST_READ, ids_to_read, search_for
from reply_tasks.resolving.read_back import NOT_READ, ReadBack, TaskReads


@dataclass(frozen=True, slots=True)
class Search:
    """What looking for the task of a creation came to.

    Attributes:
        body: What it asked for, as it was sent; None where the ledger does not know for certain
            which ids its addresses stood for.
        read: The calls that were made, and why they did not tell, where they did not.
        tasks: The tasks that may be the one.
        in_doubt: The records of other creations of which it is not known what they made.
    """

    body: Mapping[str, Any] | None
    read: ReadBack = NOT_READ
    tasks: tuple[TaskDetail, ...] = ()
    in_doubt: tuple[Mapping[str, Any], ...] = ()


def look_for(reads: TaskReads, entry: Entry) -> Search:
    """Look once for the task that a creation may have made.

    Raises:
        ReadBackError: Reply refused the key, or is assumed to be down.
    """
    ledger = reads.ledger
    with ledger.read() as connection:
        body = _as_sent(connection, entry)
    if body is None:
        return Search(None)
    asked = reads.asking_for(entry)
    decision, page = asked.list_like(search_for(body), most=MOST_LISTED)
    found = page if isinstance(page, Mapping) else {}
    items = found.get("items")
    listed = items if isinstance(items, list) else []
    with ledger.read() as connection:
        # In this order: one that is settled in between is counted twice, and not missed.
        in_doubt = creations_in_doubt(connection, but=entry.operation_id)
        possible = ids_to_read(listed, body, ())
        others = tasks_of_others(connection, possible, external_id=entry.external_id)
    ids = ids_to_read(listed, body, others)
    refusal = "" if items is not None else decision.detail or "Reply lists no tasks"
    if found.get("hasMore") or len(ids) > MOST_READ:
        refusal = "too many tasks are like it"
    tasks = [] if refusal else [asked.read(task_id).task for task_id in ids]
    if None in tasks:
        refusal = "a task that may be it can't be read"
    return Search(
        body,
        ReadBack(None, refusal, tuple(asked.attempts), asked.reply_ahead),
        tuple(task for task in tasks if task is not None),
        tuple(in_doubt),
    )


def _as_sent(connection: Connection, entry: Entry) -> Mapping[str, Any] | None:
    body = kept_body(entry.record)
    for member, stands_for in LOOKED_UP.items():
        address = body.pop(member, None)
        if address is None:
            continue
        ids = ids_ever_found(connection, KINDS[member], address)
        if len(ids) != 1:
            return None
        (body[stands_for],) = ids
    return body
