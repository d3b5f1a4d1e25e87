"""The one way in: a raw record becomes a valid record, or one with every reason why it isn't."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

from reply_tasks.contract.canonical import comes_canonical
from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.final_text import mistakes_in_final_text
from reply_tasks.contract.members import body_names
from reply_tasks.contract.misspelt import misspelt
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.normalise import apply_nulls, normalise
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import InvalidRecord, TaskRecord, Violation
from reply_tasks.contract.validate import form_of, violations, violations_of_rules
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
    form = form_of(operation, merging=merging)
    dates = Dates(zone, date_format)
    dropped: tuple[str, ...] = ()
    if not merging and comes_canonical(raw, operation, dates):
        members, unread = raw, []
        found = violations_of_rules(form, members)
    else:
        reading = normalise(raw, operation, dates)
        if reading.unknown:
            reading.violations += misspelt(reading.unknown, reading.members, operation, dates)
        apply_nulls(reading, operation, keep=merging and merge_nulls is MergeNulls.KEEP)
        members, unread, dropped = reading.members, reading.violations, reading.dropped
        found = violations(form, members)
    if operation is Operation.EXECUTE:
        unread += mistakes_in_final_text(members, allow_placeholders=allow_placeholders)
    if unread:
        found = _with_what_could_not_be_read(found, unread)
    record = _invalid(operation, members, found) if found else _valid(operation, members)
    return ReadRecord(record, dropped)


def _is_object(raw: object) -> bool:
    return isinstance(raw, (dict, Mapping))  # for a dict the slower question is not asked


def _with_what_could_not_be_read(
    found: tuple[Violation, ...], unread: list[Violation]
) -> tuple[Violation, ...]:
    """What could not be read, then what the contract says of the rest.

    A member that could not be read isn't called missing as well.
    """
    pointers = {violation.pointer for violation in unread}
    others = (v for v in found if v.pointer not in pointers and _parent(v.pointer) not in pointers)
    return (*dict.fromkeys(unread), *others)


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _valid(operation: Operation, members: Mapping[str, Any]) -> TaskRecord:
    body = {name: members[name] for name in body_names(operation) if name in members}
    return TaskRecord(
        operation, members.get("id"), body, members.get("actAsUserId"), members.get("externalId")
    )


def _invalid(
    operation: Operation, members: Mapping[str, Any], found: tuple[Violation, ...]
) -> InvalidRecord:
    broken = {violation.pointer for violation in found}
    return InvalidRecord(
        operation,
        found,
        None if "/id" in broken else members.get("id"),
        None if "/externalId" in broken else members.get("externalId"),
    )
