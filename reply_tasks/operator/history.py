"""The history of one task, external id, contact or address: everything that was asked and done."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, String, cast, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.ledger.prepared import IDS_A_QUERY
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.deliveries import (
    DeliveryAnswer,
    Meant,
    anybody,
    delivery_answer,
    overall,
)
from reply_tasks.operator.links import LinkRow, links_with
from reply_tasks.operator.rows import OperationRow, Recipient, read_operation, recipient_in

#: A beginning of an operation's id as lists show it; shorter ones are too often digits of a task.
_OPERATION_ID = re.compile(r"[0-9a-f]{12,32}")
#: The largest that a ledger can hold.
LARGEST_ID = 2**63 - 1
#: So few digits are not a phone number.
_SHORTEST_PHONE = 5
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]*")


class KeyKind(StrEnum):
    """What a key can be the name of."""

    TASK = "task"
    EXTERNAL_ID = "external_id"
    CONTACT = "contact"
    ADDRESS = "address"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """What was asked of one task, and what came of it.

    Attributes:
        task_id: None for records whose task could not be read, or that have none yet.
        found_as: What the key is to this task.
        links: The external ids that stand for it, and those of which records disagree.
        recipient: Whom it was for when Reply last answered.
        operations: Every operation that the ledger holds, in the order received.
        answer: Whether its execution reached the one who was asked about.
    """

    task_id: int | None
    found_as: tuple[KeyKind, ...]
    links: tuple[LinkRow, ...]
    recipient: Recipient
    operations: tuple[OperationRow, ...]
    answer: DeliveryAnswer


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the ledger holds about one key.

    Attributes:
        answer: Yes when any of the tasks was sent to the one asked about; no only when none can
            have been.
    """

    key: str
    tasks: tuple[TaskHistory, ...]
    answer: DeliveryAnswer


def history(connection: Connection, key: str) -> History:
    """All that the ledger holds about ``key``.

    A contact or an address is known only from what Reply has returned for a task.

    Args:
        connection: Any connection.
        key: A task's id, an external id, a contact's id, an email address or phone number, or the
            beginning of an operation's id.
    """
    key = key.strip()
    kinds: dict[int, set[KeyKind]] = {}
    without_task: set[str] = set()
    for kind, operation_id, task_id in _matches(connection, key):
        if task_id is None:
            without_task.add(operation_id)
        else:
            kinds.setdefault(task_id, set()).add(kind)
    links = links_with(connection, external_id=key, task_ids=kinds)
    for link in links:
        if link.external_id == key:
            kinds.setdefault(link.task_id, set()).add(KeyKind.EXTERNAL_ID)
    by_task = _by_task(connection, [*kinds], links)
    shown = {row.operation_id for rows in by_task.values() for row in rows}
    lost = _rows(connection, operations.c.operation_id, [*without_task - shown])
    tasks = [
        _task_history(key, task_id, kinds[task_id], rows, links)
        for task_id, rows in by_task.items()
    ]
    if lost:
        unlinked = sorted(lost, key=_in_time)
        tasks.append(_task_history(key, None, {KeyKind.EXTERNAL_ID}, unlinked, ()))
    return History(key, tuple(tasks), overall(task.answer for task in tasks))


def task_history(connection: Connection, task_id: int) -> TaskHistory:
    """All that the ledger holds about one task."""
    links = links_with(connection, external_id="", task_ids=[task_id])
    rows = _by_task(connection, [task_id], links)[task_id]
    return _task_history(str(task_id), task_id, {KeyKind.TASK}, rows, links)


def _by_task(
    connection: Connection, task_ids: Sequence[int], links: Iterable[LinkRow]
) -> dict[int, list[OperationRow]]:
    """The operations of each task, with those that named it by its external id alone."""
    by_task: dict[int, list[OperationRow]] = {task_id: [] for task_id in sorted(task_ids)}
    for row in _rows(connection, operations.c.task_id, task_ids):
        if row.task_id is not None:
            by_task[row.task_id].append(row)
    for link in links:
        if link.task_id in by_task and not link.ambiguous:
            statement = select(operations).where(
                operations.c.task_id.is_(None), operations.c.external_id == link.external_id
            )
            by_task[link.task_id] += map(read_operation, connection.execute(statement))
    return {task_id: sorted(rows, key=_in_time) for task_id, rows in by_task.items()}


def _task_history(
    key: str,
    task_id: int | None,
    kinds: Collection[KeyKind],
    rows: Sequence[OperationRow],
    links: Iterable[LinkRow],
) -> TaskHistory:
    known = (row.recipient for row in reversed(rows) if row.task_detail is not None)
    return TaskHistory(
        task_id=task_id,
        found_as=tuple(kind for kind in KeyKind if kind in kinds),
        links=tuple(link for link in links if link.task_id == task_id),
        recipient=next(known, Recipient(None, None)),
        operations=tuple(rows),
        answer=delivery_answer(rows, _meant(key, kinds)),
    )


def _in_time(row: OperationRow) -> tuple[datetime, int]:
    return row.received_at, row.sequence or 0


def _meant(key: str, kinds: Collection[KeyKind]) -> Meant:
    """Who is asked about: whoever the task is for, or this contact or address only."""
    if not {KeyKind.CONTACT, KeyKind.ADDRESS}.issuperset(kinds):
        return anybody

    def is_meant(recipient: Recipient) -> bool | None:
        if recipient == Recipient(None, None):
            return None
        return _is_contact(recipient, key) or _is_address(recipient, key)

    return is_meant


def _matches(connection: Connection, key: str) -> Iterator[tuple[KeyKind, str, int | None]]:
    """What the key names, with the operation and the task that say so."""
    number = int(key) if key.isascii() and key.isdecimal() else None
    named = [(KeyKind.EXTERNAL_ID, operations.c.external_id == key)]
    if number is not None and number <= LARGEST_ID:
        named.append((KeyKind.TASK, operations.c.task_id == number))
    if _OPERATION_ID.fullmatch(key.lower()):
        begins = operations.c.operation_id.startswith(key.lower(), autoescape=True)
        named.append((KeyKind.OPERATION, begins))
    for kind, condition in named:
        statement = select(operations.c.operation_id, operations.c.task_id).where(condition)
        for operation_id, task_id in connection.execute(statement):
            yield kind, operation_id, task_id
    yield from _matching_details(connection, key)


def _matching_details(
    connection: Connection, key: str
) -> Iterator[tuple[KeyKind, str, int | None]]:
    """By what Reply returned: the text narrows it down, the members decide."""
    text = func.lower(cast(operations.c.task_detail, String))
    likely: list[ColumnElement[bool]] = []
    if key.isascii() and key.isdecimal():
        spellings = (f'"contactid":{key}', f'"contactid": {key}')  # both were written
        likely += [text.contains(each, autoescape=True) for each in spellings]
    elif key:
        likely.append(text.contains(json.dumps(key.lower())[1:-1], autoescape=True))
    digits = _digits(key)
    if digits is not None:
        likely.append(text.like(f"%{'%'.join(digits)}%"))
    if not likely:
        return
    statement = select(operations.c.operation_id, operations.c.task_id, operations.c.task_detail)
    for operation_id, task_id, detail in connection.execute(statement.where(or_(*likely))):
        recipient = recipient_in(detail)
        if _is_contact(recipient, key):
            yield KeyKind.CONTACT, operation_id, task_id
        if _is_address(recipient, key):
            yield KeyKind.ADDRESS, operation_id, task_id


def _is_contact(recipient: Recipient, key: str) -> bool:
    return recipient.contact_id is not None and str(recipient.contact_id) == key


def _is_address(recipient: Recipient, key: str) -> bool:
    if recipient.address is None:
        return False
    if recipient.address.casefold() == key.casefold():
        return True
    digits = _digits(key)
    return digits is not None and digits == _digits(recipient.address)


def _digits(key: str) -> str | None:
    """The digits of a phone number, however it is written; None for what is none."""
    if not _PHONE.fullmatch(key):
        return None
    digits = "".join(character for character in key if character.isdecimal())
    return digits if len(digits) >= _SHORTEST_PHONE else None


def _rows(
    connection: Connection, column: ColumnElement[Any], values: Sequence[Any]
) -> list[OperationRow]:
    rows: list[OperationRow] = []
    for start in range(0, len(values), IDS_A_QUERY):
        batch = values[start : start + IDS_A_QUERY]
        statement = select(operations).where(column.in_(batch))
        rows += map(read_operation, connection.execute(statement))
    return rows
