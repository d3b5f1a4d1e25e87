"""A valid update, and how a test sees what is wrong with a record."""

from typing import Any

from reply_tasks.contract import InvalidRecord, Operation, read_record

UPDATE: dict[str, Any] = {
    "id": 42,
    "externalId": "sf:1",
    "taskType": 7,
    "startAt": "2026-09-01T08:00:00Z",
    "dueTo": "2026-09-02T08:00:00Z",
    "template": {"body": "Hi"},
}


def invalid(operation: Operation, raw: Any, **options: Any) -> InvalidRecord:
    record = read_record(raw, operation, **options).record
    assert isinstance(record, InvalidRecord), record
    return record


def found(operation: Operation, raw: Any, **options: Any) -> list[tuple[str, str, str]]:
    return [
        (violation.pointer, violation.rule, violation.value_type)
        for violation in invalid(operation, raw, **options).violations
    ]
