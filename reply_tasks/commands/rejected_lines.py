"""Rejected records as lines of JSON, of CSV, or of Singer messages that can be read again."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from reply_tasks.commands.output import as_json, csv_line
from reply_tasks.operator import OperationRow, RejectionFilter, rejections

#: Told of what a format can't hold.
Tell = Callable[[str], object]
Lines = Callable[[Connection, RejectionFilter, Tell], Iterator[str]]


def plain_rejection(row: OperationRow) -> dict[str, Any]:
    """A rejected record for a script."""
    return {
        "operation_id": row.operation_id,
        "run_id": row.run_id,
        "stream": row.stream,
        "operation": row.operation,
        "task_id": row.task_id,
        "external_id": row.external_id,
        "act_as_user_id": row.act_as_user_id,
        "reason": row.reason,
        "detail": row.detail,
        "http_status": row.http_status,
        "problem": row.problem,
        "received_at": row.received_at,
        "settled_at": row.settled_at,
        "record": row.record,
    }


def jsonl_lines(connection: Connection, which: RejectionFilter, _tell: Tell) -> Iterator[str]:
    """An object a record."""
    for row in rejections(connection, which):
        yield json.dumps(as_json(plain_rejection(row)))


_CSV_COLUMNS = (
    "operation_id",
    "run_id",
    "stream",
    "operation",
    "task_id",
    "external_id",
    "act_as_user_id",
    "reason",
    "detail",
    "http_status",
    "settled_at",
    "record",
)


def csv_lines(connection: Connection, which: RejectionFilter, _tell: Tell) -> Iterator[str]:
    """A heading, and a row a record."""
    yield csv_line(_CSV_COLUMNS)
    for row in rejections(connection, which):
        plain = as_json(plain_rejection(row))
        yield csv_line(plain[column] for column in _CSV_COLUMNS)


def singer_lines(connection: Connection, which: RejectionFilter, tell: Tell) -> Iterator[str]:
    """The records as they were read, in their streams.

    The SCHEMAs come first: a stream may have to name every member that its records have.
    """
    members: dict[str, dict[str, None]] = {}
    last = lost = 0
    for row in rejections(connection, which):
        last = row.sequence or last
        if row.record is None:
            lost += 1
        else:
            members.setdefault(row.source_stream, {}).update(_names(row.record))
    for stream, names in members.items():
        yield json.dumps(_schema(stream, names))
    for message in _records(rejections(connection, which), last):
        yield json.dumps(message)
    if lost:
        tell(f"{lost} records are missing: the ledger was pruned of their texts.")


def _names(record: object) -> dict[str, None]:
    return dict.fromkeys(record) if isinstance(record, Mapping) else {}


def _schema(stream: str, names: Iterable[str]) -> dict[str, Any]:
    """What the target needs of a SCHEMA: the members' names. Their types are the contract's."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": {name: {} for name in names}},
        "key_properties": [],
    }


def _records(rows: Iterable[OperationRow], last: int) -> Iterator[dict[str, Any]]:
    for row in rows:
        if (row.sequence or 0) > last:
            return
        if row.record is not None:
            yield {"type": "RECORD", "stream": row.source_stream, "record": row.record}
