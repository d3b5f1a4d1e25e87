"""What a valid record is once it has been read: canonical, frozen, ready to be planned.

Canonical means: integer enums, integer ids, date-times as UTC text ending in ``Z``, nested objects.
It does not depend on the dialect, so that a body's hash means the same under both.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from reply_tasks.contract.outcomes import Operation

#: A JSON object in canonical form.
Body = Mapping[str, Any]


class TaskRecord(NamedTuple):
    """One valid record: an operation on one task.

    ``task_id`` is None for a creation, and for a record that names its task by ``external_id``.
    """

    operation: Operation
    task_id: int | None
    body: Body
    act_as_user_id: int | None = None
    external_id: str | int | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. It never quotes a value longer than 80 characters.

    Attributes:
        pointer: JSON Pointer of the offending member; ``""`` is the whole record.
        rule: The rule's short name, e.g. ``required``, ``type``, ``dueTo_after_startAt``.
        value_type: JSON type of the offending value, ``missing`` where there is none.
        message: One sentence for a person.
    """

    pointer: str
    rule: str
    value_type: str
    message: str


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A record that breaks the contract, with every offending member.

    ``task_id`` and ``external_id`` are kept where they could be read, so that a person can find it.
    """

    operation: Operation | None
    violations: tuple[Violation, ...]
    task_id: int | None = None
    external_id: str | int | None = None


def body_hash(operation: Operation, body: Body) -> str:
    """SHA-256 of a canonical body: two bodies that mean the same have the same hash."""
    return hashlib.sha256(_FIRST_LINES[operation] + _canonical_json()(body)).hexdigest()


_FIRST_LINES = {operation: f"{operation}\n".encode() for operation in Operation}


@cache
def _canonical_json() -> Callable[[Body], bytes]:
    """Writes JSON with sorted members, without spaces and in UTF-8: ledgers hold hashes of it."""
    import msgspec  # noqa: PLC0415 - what only reads a ledger hashes nothing

    return msgspec.json.Encoder(order="sorted").encode
