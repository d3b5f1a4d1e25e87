"""Reply's task enums: the integers of its preview and the names of today's API.

Source: Reply's pages on updating and executing a task (integers), its OpenAPI document (names).
The gaps in the numbers are Reply's.
"""

from enum import IntEnum
from functools import cache
from typing import Any, Self


class ReplyEnum(IntEnum):
    """An enum that Reply writes as an integer (preview) or as a camelCase name (current)."""

    @property
    def wire_name(self) -> str:
        """The camelCase name, e.g. ``manualEmail``."""
        return _wire_names(type(self))[self._value_]

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """The member that ``value`` spells, or None.

        An integer, a digit string, or a name in any case with or without underscores.
        """
        if isinstance(value, bool):
            return None
        if isinstance(value, int):
            return cls._value2member_map_.get(value)  # type: ignore[return-value]  # typed as Enum
        if isinstance(value, str):
            found: Self | None = _spellings(cls).get(value)
            return cls._parse_rarer(value.strip()) if found is None else found
        return None

    @classmethod
    def _parse_rarer(cls, text: str) -> Self | None:
        if len(text) > _LONGEST:
            return None
        if text.isdecimal() and text.isascii():
            return cls.parse(int(text))
        found: Self | None = _spellings(cls).get(_fold(text))
        return found


@cache
def _wire_names(enum: type[ReplyEnum]) -> dict[int, str]:
    return {member.value: _camel_case(member.name) for member in enum}


def _camel_case(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


#: No spelling of a member is longer.
_LONGEST = 40


@cache
def _spellings(enum: type[ReplyEnum]) -> dict[str, Any]:
    """The spellings met most, each with its member of ``enum``."""
    return {
        spelling: member
        for member in enum
        for spelling in (str(member.value), member.wire_name, _fold(member.name))
    }


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


class TaskType(ReplyEnum):
    """What a task asks a rep to do."""

    TO_DO = 0
    CALL = 2
    MEETING = 4
    LINKED_IN = 5
    MANUAL_EMAIL = 7
    SMS = 8
    WHATS_APP = 9


class TaskStatus(ReplyEnum):
    """Where a task stands. Only a NEW task can be changed or executed."""

    NEW = 0
    FINISHED = 1
    CANCELLED = 3
    ARCHIVED = 4
    SEQUENCE_DETACHED = 5


class LinkedInTaskType(ReplyEnum):
    """The LinkedIn action of a task of type LINKED_IN."""

    MESSAGE = 0
    CONNECT = 1
    IN_MAIL = 2
    VIEW_PROFILE = 3


class CreationSource(ReplyEnum):
    """What created a task."""

    USER = 0
    SEQUENCE = 1
    MEETING = 2


class CallResolution(ReplyEnum):
    """How a call ended, said when its task is completed. Reply writes it as an integer always."""

    POSITIVE = 0
    TO_CALL = 1
    NEGATIVE = 2


#: What Reply can execute, by its page on executing a task: it sends the email or the SMS.
EXECUTABLE = frozenset({TaskType.MANUAL_EMAIL, TaskType.SMS})
