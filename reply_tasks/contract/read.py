"""The one way in: a raw record becomes a valid record, or one with every reason why it isn't."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.final_text import mistakes_in_final_text
from reply_tasks.contract.members import body_names
from reply_tasks.contract.misspelt import misspelt
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.normalise import Normalised, apply_nulls, normalise
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import InvalidRecord, TaskRecord, Violation
from reply_tasks.contract.validate import Form, violations
from reply_tasks.contract.values import json_type


class ReadRecord(NamedTuple):
    """What reading a record came to.

    Attributes:
        record: The valid record, or what is wrong with it.
        dropped: Names of its members that are not in the contract, ``template.x`` for nested ones.
    """

    record: TaskRecord | InvalidRecord
    dropped: tuple[str, ...] = ()


def read_record(  # noqa: PLR0913 - each a choice of its own
    raw: Mapping[str, Any],
    operation: Operation,
    *,
    zone: tzinfo = UTC,
    date_format: str | None = None,
    mode: UpdateMode = UpdateMode.REPLACE,
    merge_nulls: MergeNulls = MergeNulls.KEEP,
    allow_placeholders: bool = False,
) -> ReadRecord:
    """Read one record. Whatever it holds, this returns.

    Args:
        raw: The record as it came, in any of the spellings that the contract allows.
        operation: What it asks for.
        zone: Where date-times without an offset are meant.
        date_format: What is tried for date-times that are not ISO 8601.
        mode: Whether an update's record is the whole body or what to lay over the task.
        merge_nulls: In merge mode, what a null member means.
        allow_placeholders: Whether the final text of an execution may hold ``{{…}}``.
    """
    if not _is_object(raw):
        finding = Violation("", "type", json_type(raw), "A record must be an object.")
        return ReadRecord(InvalidRecord(operation, (finding,)))
    merging = operation is Operation.UPDATE and mode is UpdateMode.MERGE
    dates = Dates(zone, date_format)
    reading = normalise(raw, operation, dates)
    if reading.unknown:
        reading.violations += misspelt(reading.unknown, reading.members, operation, dates)
    apply_nulls(reading, operation, keep=merging and merge_nulls is MergeNulls.KEEP)
    if operation is Operation.EXECUTE:
        reading.violations += mistakes_in_final_text(
            reading.members, allow_placeholders=allow_placeholders
        )
    found = _all_violations(_form(operation, merging=merging), reading)
    record = _invalid(operation, reading, found) if found else _valid(operation, reading)
    return ReadRecord(record, reading.dropped if reading.unknown else ())


def _is_object(raw: object) -> bool:
    return isinstance(raw, (dict, Mapping))  # for a dict the slower question is not asked


_FORMS = {
    Operation.EXECUTE: Form.EXECUTION,
    Operation.CREATE: Form.CREATION,
    Operation.COMPLETE: Form.COMPLETION,
    Operation.ASSIGN: Form.ASSIGNMENT,
    Operation.DELETE: Form.DELETION,
}


def _form(operation: Operation, *, merging: bool) -> Form:
    return _FORMS.get(operation, Form.MERGE if merging else Form.UPDATE)


def _all_violations(form: Form, reading: Normalised) -> tuple[Violation, ...]:
    """What could not be read, then what the contract says of the rest.

    A member that could not be read isn't called missing as well.
    """
    found = violations(form, reading.members)
    if not reading.violations:
        return found
    unread = {violation.pointer for violation in reading.violations}
    others = (v for v in found if v.pointer not in unread and _parent(v.pointer) not in unread)
    return (*dict.fromkeys(reading.violations), *others)


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _valid(operation: Operation, reading: Normalised) -> TaskRecord:
    members = reading.members
    body = {name: members[name] for name in body_names(operation) if name in members}
    return TaskRecord(
        operation, members.get("id"), body, members.get("actAsUserId"), members.get("externalId")
    )


def _invalid(
    operation: Operation, reading: Normalised, found: tuple[Violation, ...]
) -> InvalidRecord:
    broken = {violation.pointer for violation in found}
    members = reading.members
    return InvalidRecord(
        operation,
        found,
        None if "/id" in broken else members.get("id"),
        None if "/externalId" in broken else members.get("externalId"),
    )
