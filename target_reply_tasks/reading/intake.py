"""Intake: a raw record becomes work, or is rejected with every reason. It calls nothing."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reply_tasks.contract import (
    InvalidRecord,
    Operation,
    Outcome,
    Reason,
    TaskRecord,
    Violation,
    body_hash,
    nearest_member,
    read_record,
)
from reply_tasks.contract.hints import nearest_name
from reply_tasks.contract.kept import kept_record
from reply_tasks.contract.task_keys import key_of_creation
from reply_tasks.contract.values import found_at, json_type
from reply_tasks.ledger import AsRead, Entry, Settlement, new_id
from reply_tasks.settings import TargetSettings
from target_reply_tasks.errors import StopRun
from target_reply_tasks.reading.meltano_test import REFUSED, TEST_STREAM
from target_reply_tasks.work import Work

#: The streams that name their operation.
STREAM_OPERATIONS: Mapping[str, Operation] = {
    "task_updates": Operation.UPDATE,
    "task_executions": Operation.EXECUTE,
    "task_creations": Operation.CREATE,
    "task_completions": Operation.COMPLETE,
    "task_assignments": Operation.ASSIGN,
    "task_deletions": Operation.DELETE,
}
_OPERATIONS = frozenset(map(str, Operation))
#: So many dropped members of a stream are named, each so far: a record may have any number.
MOST_NAMES, LONGEST_NAME = 100, 80


class Intake:
    """Reads the records of one stream."""

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        settings: TargetSettings,
        logger: logging.Logger,
        *,
        named: set[str],
    ) -> None:
        """Prepare to read a stream.

        Args:
            stream: Its name, after stream maps.
            schema: What its SCHEMA says; empty for one whose records are all removed.
            settings: The run's.
            logger: Told of members that are dropped.
            named: Dropped members of this stream that were named already, whatever its SCHEMA was.

        Raises:
            StopRun: Nothing says what the stream's records are to do.
        """
        self._stream = stream
        self._settings = settings
        self._logger = logger
        self._named = named
        self._operation = STREAM_OPERATIONS.get(stream, settings.default_operation)
        members = schema.get("properties") or {}
        self._members_say = "operation" in members
        if stream == TEST_STREAM:
            raise StopRun(REFUSED)
        if self._operation is None and members and not self._members_say:
            raise StopRun(self._no_operation())

    def read(self, raw: Any, as_read: AsRead) -> Work | Settlement:  # noqa: ANN401 - any JSON
        """One record: work to do, or its rejection.

        Args:
            raw: The record, after stream maps.
            as_read: The same before them.

        Raises:
            StopRun: Nothing says what it is to do.
        """
        operation = self._operation_of(raw)
        if isinstance(operation, Violation):
            return self._rejected(raw, InvalidRecord(None, (operation,)), as_read)
        reading = read_record(
            raw,
            operation,
            zone=self._settings.timezone,
            mode=self._settings.update_mode,
            merge_nulls=self._settings.merge_nulls,
            date_format=self._settings.date_format,
            allow_placeholders=self._settings.allow_placeholders,
        )
        if reading.dropped:
            self._tell_dropped(reading.dropped)
        if isinstance(reading.record, InvalidRecord):
            return self._rejected(raw, reading.record, as_read)
        return self._work(reading.record, as_read)

    def map_failed(self, as_read: AsRead, error: Exception) -> Settlement:
        """The rejection of a record on which a stream map raised."""
        detail = f"A stream map of {self._stream} raised {type(error).__name__} on this record."
        entry = self._entry(as_read, as_read.record, None, None, None)
        return self._settlement(entry, Reason.MAP_FAILED, detail)

    def _operation_of(self, raw: Any) -> Operation | Violation:  # noqa: ANN401
        is_object = isinstance(raw, dict)
        value = raw.get("operation") if is_object else None
        if value is None or value == "":
            if self._operation is not None:
                return self._operation
            if not self._members_say:
                raise StopRun(self._no_operation())
        if not is_object:
            return Violation("", "type", json_type(raw), "A record must be an object.")
        if isinstance(value, str) and value.strip().lower() in _OPERATIONS:
            return Operation(value.strip().lower())
        if value is None or value == "":
            message = "operation is required: neither the stream nor default_operation says it."
        else:
            known = ", ".join(Operation)
            message = f"operation must be one of {known}; it is {found_at('', value)}."
            near = nearest_name(value, _OPERATIONS)
            message += f" Did you mean {near}?" if near else ""
        return Violation("/operation", "enum", json_type(value), message)

    def _no_operation(self) -> str:
        return (
            f"Nothing says what to do with the records of stream {self._stream!r}: it is none of "
            f"{', '.join(STREAM_OPERATIONS)}, they carry no member `operation`, and "
            "default_operation is not set. Set it, or alias the stream: stream_maps: "
            f'{{"{self._stream}": {{"__alias__": "{_stream_like(self._stream)}"}}}}'
        )

    def _work(self, record: TaskRecord, as_read: AsRead) -> Work:
        kept = kept_record(record)
        hashed = body_hash(record.operation, record.body)
        entry = self._entry(
            as_read,
            kept,
            record.operation,
            _key_of(record, hashed),
            record.external_id,
            act_as_user_id=record.act_as_user_id,
            hashed=hashed,
        )
        return Work(index=0, entry=entry, record=record, received=time.monotonic())

    def _rejected(self, raw: object, record: InvalidRecord, as_read: AsRead) -> Settlement:
        entry = self._entry(as_read, raw, record.operation, record.task_id, record.external_id)
        detail = " ".join(
            f"{violation.pointer or '/'}: {violation.message}" for violation in record.violations
        )
        problem = {
            "errors": [
                {
                    "pointer": violation.pointer,
                    "rule": violation.rule,
                    "type": violation.value_type,
                    "detail": violation.message,
                }
                for violation in record.violations
            ]
        }
        return self._settlement(entry, Reason.INVALID_RECORD, detail, problem)

    def _settlement(
        self, entry: Entry, reason: Reason, detail: str, problem: Mapping[str, Any] | None = None
    ) -> Settlement:
        return Settlement(
            entry=entry,
            outcome=Outcome.REJECTED,
            settled_at=entry.received_at,
            reason=reason,
            detail=detail,
            problem=problem,
        )

    def _entry(  # noqa: PLR0913 - the columns of an entry
        self,
        as_read: AsRead,
        kept: Any,  # noqa: ANN401 - of a record that could not be read any JSON
        operation: Operation | None,
        task_id: int | None,
        external_id: str | int | None,
        *,
        act_as_user_id: int | None = None,
        hashed: str | None = None,
    ) -> Entry:
        return Entry(  # by position: by name it takes twice as long
            new_id(),
            self._stream,
            operation,
            task_id,
            None if external_id is None else str(external_id),
            act_as_user_id,
            hashed,
            kept,
            datetime.now(UTC),
            as_read,
        )

    def _tell_dropped(self, dropped: tuple[str, ...]) -> None:
        """Name what is dropped, once for each member of a stream."""
        new = [name for name in dropped if name not in self._named]
        new = new[: MOST_NAMES - len(self._named)]
        if not new:
            return
        self._named.update(new)
        more = " … and more" if len(self._named) >= MOST_NAMES else ""
        self._logger.warning(
            "Stream %s: members that are not in the contract are dropped: %s%s",
            self._stream,
            ", ".join(map(_with_near_miss, new)),
            more,
        )


def _key_of(record: TaskRecord, hashed: str) -> int:
    """The task, or a key of ours while its id is not known."""
    if record.task_id is not None:
        return record.task_id
    return key_of_creation(record.external_id, hashed, record.act_as_user_id)


def _stream_like(name: str) -> str:
    """The stream of ours that another's name suggests: only one that says so is to be sent."""
    words = name.lower()
    for stream, stems in _STREAM_STEMS.items():
        if any(stem in words for stem in stems):
            return stream
    return "task_updates"


_STREAM_STEMS = {
    "task_updates": ("update",),
    "task_executions": ("execut", "send", "outbox"),
    "task_completions": ("complet", "closed", "done"),
    "task_assignments": ("assign", "owner"),
    "task_deletions": ("delet", "remov"),
    "task_creations": ("creat", "new_task"),
}


def _with_near_miss(name: str) -> str:
    near = nearest_member(name)
    short = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
    return short if near in {None, name} else f"{short} (did you mean {near}?)"
