"""What a person names: an operation, by the beginning of its id, and the task that it made."""

import re

from sqlalchemy import Connection

from reply_tasks.contract.naming import NOUNS
from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation, Outcome
from reply_tasks.ledger import Entry, Ledger
from reply_tasks.ledger.links import links_of
from reply_tasks.ledger.queries import operations_named, tasks_of_others
from reply_tasks.resolving.judging import SHOWN_ID, OperatorVerdict

_ID = re.compile(r"[0-9a-f]{4,32}\Z")
_MOST_NAMED = 5


class ResolveError(Exception):
    """What was asked can't be done. The message says why, for a person."""


def find_operation(ledger: Ledger, prefix: str) -> str:
    """The id of the open operation that ``prefix`` names.

    Raises:
        ResolveError: It names none, several, or one of which nothing is to be said.
    """
    wanted = prefix.strip().lower()
    if not _ID.match(wanted):
        raise ResolveError(
            f"{prefix[:40]!r} is not an operation id: give at least four of its hexadecimal digits."
        )
    with ledger.read() as connection:
        found = operations_named(connection, wanted, most=_MOST_NAMED)
    if not found:
        raise ResolveError(f"No operation's id starts with {wanted}.")
    if len(found) > 1:
        ids = ", ".join(row["operation_id"][:SHOWN_ID] for row in found)
        raise ResolveError(f"Several operations' ids start with {wanted}: {ids}.")
    (row,) = found
    operation_id: str = row["operation_id"]
    if row["outcome"] not in {None, Outcome.UNCERTAIN}:
        raise ResolveError(f"Operation {operation_id} is settled already: {row['outcome']}.")
    if row["operation"] not in IRREVERSIBLE:
        noun = NOUNS[Operation(row["operation"])]
        raise ResolveError(
            f"Operation {operation_id} is an {noun}: the next run of the target repeats it, which "
            "does no harm."
        )
    if row["outcome"] is not None and row["claimed_at"] is None:
        raise ResolveError(
            f"Operation {operation_id} was never sent: it waits for another operation of the same "
            "task, which is uncertain. Settle that one."
        )
    return operation_id


def check_task(
    connection: Connection, entry: Entry, word: OperatorVerdict, task_id: int | None
) -> None:
    """See that a creation that was sent has a task, which is nobody else's.

    Raises:
        ResolveError: It has none, or another record's.
    """
    made = entry.operation is Operation.CREATE and word is OperatorVerdict.SENT
    shown = entry.operation_id[:SHOWN_ID]
    if task_id is None:
        if made:
            raise ResolveError(
                f"Operation {shown} creates a task: say which one, `reply-tasks resolve --as sent "
                f"--task ID {shown}`."
            )
        return
    if not made:
        raise ResolveError(f"Operation {shown} creates no task: leave --task away.")
    if tasks_of_others(connection, [task_id], external_id=entry.external_id):
        raise ResolveError(
            f"Task {task_id} is another record's: `reply-tasks find {task_id}` shows whose."
        )
    own = [] if entry.external_id is None else [entry.external_id]
    for link in links_of(connection, own).values():
        if link.ambiguous or link.task_id != task_id:
            raise ResolveError(
                f"Its external id is linked to task {link.task_id} already: `reply-tasks link "
                "--replace` says otherwise."
            )
