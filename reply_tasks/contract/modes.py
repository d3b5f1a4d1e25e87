"""How the members of an update are understood."""

from enum import StrEnum


class UpdateMode(StrEnum):
    """What an update's record is: the whole body, or the members to lay over the task."""

    REPLACE = "replace"
    MERGE = "merge"


class MergeNulls(StrEnum):
    """What a null member means in merge mode: keep what the task has, or clear it."""

    KEEP = "keep"
    CLEAR = "clear"
