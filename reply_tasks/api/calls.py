"""The kinds of calls, and which of them can't be undone."""

from enum import StrEnum


class Call(StrEnum):
    """What was asked of Reply. ``READ`` is every call that changes nothing."""

    UPDATE = "update"
    READ = "read"
    EXECUTE = "execute"
    CREATE = "create"
    COMPLETE = "complete"
    ASSIGN = "assign"
    DELETE = "delete"


#: What can't be undone: never repeated on doubt.
IRREVERSIBLE_CALLS = frozenset({Call.EXECUTE, Call.CREATE, Call.COMPLETE, Call.DELETE})
