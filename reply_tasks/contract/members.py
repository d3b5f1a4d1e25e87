"""The member table: what a record may hold, under which names, and how each member is read."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache

from reply_tasks.contract.enums import CallResolution, LinkedInTaskType, TaskType
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.values import (
    Reader,
    enum_reader,
    read_address,
    read_boolean,
    read_instant,
    read_integer,
    read_key,
    read_text,
)

#: The member that names a record's operation. It is known, but its reader is the target.
OPERATION_MEMBER = "operation"


class Null(Enum):
    """What null says of a member."""

    SENT = auto()
    """It is a value: Reply is told null, which clears the member."""
    ABSENT = auto()
    """It is as if the member were not there."""
    BROKEN = auto()
    """It breaks the contract."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of the contract. Each is itself only: they are compared by identity.

    Attributes:
        pointer: Its JSON Pointer in the canonical record.
        null: What null says of it.
        read: How its value is read; None for an object. Of a list, each item is read so.
        is_list: Whether it is a list.
        null_texts: Whether ``""``, ``"None"`` and ``"null"`` stand for null. Never so for text that
            a person will read, and never where null would break the contract anyway.
        aliases: Its spellings beside the canonical name and the snake_case of that.
        parts: An object's members.
        name: Its name, e.g. ``attachmentIdList``.
    """

    pointer: str
    null: Null
    read: Reader | None = None
    is_list: bool = False
    null_texts: bool = False
    aliases: tuple[str, ...] = ()
    parts: tuple["Member", ...] = ()
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it by the end of its pointer."""
        object.__setattr__(self, "name", self.pointer.rpartition("/")[2])

    @property
    def path(self) -> str:
        """Its name with that of its object, e.g. ``template.attachmentIdList``."""
        return self.pointer[1:].replace("/", ".")

    def spellings(self) -> Iterator[str]:
        """Every name that it may have."""
        yield self.name
        yield snake_case(self.name)
        yield from self.aliases


def snake_case(name: str) -> str:
    """``dueTo`` as ``due_to``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


_ABOUT_THE_RECORD = (
    Member("/id", Null.ABSENT, read_integer, null_texts=True, aliases=("task_id", "taskId")),
    Member("/actAsUserId", Null.ABSENT, read_integer, null_texts=True),
    Member("/externalId", Null.ABSENT, read_key, null_texts=True),
)

#: Members that stand for another one: an address that is looked up, in place of an id.
LOOKED_UP = {
    "contactEmail": "contactId",
    "assignedUserEmail": "userId",
    "emailAccount": "emailAccountId",
}

#: What the body of an update is made of, in the order that the API's documentation has.
_UPDATE_BODY = (
    Member("/taskType", Null.BROKEN, enum_reader(TaskType)),
    Member("/startAt", Null.BROKEN, read_instant),
    Member("/dueTo", Null.BROKEN, read_instant),
    Member(
        "/template",
        Null.BROKEN,
        parts=(
            Member("/template/body", Null.BROKEN, read_text),
            Member("/template/subject", Null.SENT, read_text),
            Member(
                "/template/attachmentIdList",
                Null.SENT,
                read_integer,
                is_list=True,
                null_texts=True,
            ),
        ),
    ),
    Member("/contactId", Null.SENT, read_integer, null_texts=True),
    Member(
        "/linkedInTaskType",
        Null.SENT,
        enum_reader(LinkedInTaskType),
        null_texts=True,
        aliases=("linkedin_task_type", "linkedinTaskType"),
    ),
    Member("/contactEmail", Null.ABSENT, read_address, null_texts=True),
)

_EXECUTION_BODY = (
    Member(
        "/content",
        Null.ABSENT,
        null_texts=True,
        parts=(
            Member("/content/body", Null.ABSENT, read_text),
            Member("/content/subject", Null.SENT, read_text),
        ),
    ),
    Member("/emailAccountId", Null.ABSENT, read_integer, null_texts=True),
    Member("/emailAccount", Null.ABSENT, read_address, null_texts=True),
)

_COMPLETION_BODY = (
    Member("/callResolution", Null.ABSENT, enum_reader(CallResolution), null_texts=True),
    Member("/finishProspectInSequence", Null.ABSENT, read_boolean, null_texts=True),
)

_ASSIGNMENT_BODY = (
    Member("/userId", Null.ABSENT, read_integer, null_texts=True),
    Member("/assignedUserEmail", Null.ABSENT, read_address, null_texts=True),
)

_DELETION_BODY = (Member("/deleteSequenceTask", Null.ABSENT, read_boolean, null_texts=True),)

_BODIES = {
    Operation.UPDATE: _UPDATE_BODY,
    Operation.EXECUTE: _EXECUTION_BODY,
    Operation.CREATE: _UPDATE_BODY,
    Operation.COMPLETE: _COMPLETION_BODY,
    Operation.ASSIGN: _ASSIGNMENT_BODY,
    Operation.DELETE: _DELETION_BODY,
}


def body_members(operation: Operation) -> tuple[Member, ...]:
    """The members that go into the body of a call."""
    return _BODIES[operation]


@cache
def body_names(operation: Operation) -> tuple[str, ...]:
    """Their names."""
    return tuple(member.name for member in body_members(operation))


def record_members(operation: Operation) -> tuple[Member, ...]:
    """The members of a record: those about it, then those of its body."""
    return (*_ABOUT_THE_RECORD, *_BODIES[operation])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spelling puts its value: a member, and the object that the member is part of."""

    member: Member
    name: str
    within: Member | None = None


@cache
def places(operation: Operation) -> Mapping[str, Place]:
    """Every spelling that a record may use, flattened ones too, with its place."""
    found: dict[str, Place] = {}
    for member in record_members(operation):
        for spelling in member.spellings():
            found[spelling] = Place(member, member.name)
            for part_spelling, place in parts_of(member).items():
                found[f"{spelling}__{part_spelling}"] = place
                # Spreadsheet taps and warehouses make one underscore of two.
                found[f"{spelling}_{part_spelling}"] = place
    return found


@cache
def parts_of(member: Member) -> Mapping[str, Place]:
    """Every spelling of an object's members, with its place."""
    return {
        spelling: Place(part, part.name, member)
        for part in member.parts
        for spelling in part.spellings()
    }


def nearest_member(name: str, operation: Operation | None = None) -> str | None:
    """The known member that an unknown ``name`` probably means, e.g. ``dueTo`` for ``DUE_DATE_TO``.

    Args:
        name: A member of a record, flattened (``template__txt``) or dotted (``template.txt``).
        operation: Whose members to consider; those of all operations when None.
    """
    candidates = _folded_names(operation)
    close = difflib.get_close_matches(fold(name[:_LONGEST_NAME]), candidates, n=1, cutoff=0.7)
    return candidates[close[0]] if close else None


_LONGEST_NAME = 80


@cache
def _folded_names(operation: Operation | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in Operation if operation is None else (operation,):
        for spelling, place in places(one).items():
            found.setdefault(fold(spelling), place.member.path)
        for member in body_members(one):
            for part in member.parts:
                found.setdefault(fold(part.name), part.path)
    return found


def fold(name: str) -> str:
    """A name without case and separators, to be compared with others."""
    return name.replace("_", "").replace(".", "").replace("-", "").replace(" ", "").lower()
