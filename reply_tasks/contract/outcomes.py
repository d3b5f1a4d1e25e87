"""The closed vocabularies of the ledger: operations, outcomes and reasons."""

from enum import StrEnum


class Operation(StrEnum):
    """What a record asks for."""

    UPDATE = "update"
    EXECUTE = "execute"
    CREATE = "create"
    COMPLETE = "complete"
    ASSIGN = "assign"
    DELETE = "delete"


#: What can't be undone: claimed durably, and never sent again on doubt.
IRREVERSIBLE = frozenset(
    {Operation.EXECUTE, Operation.CREATE, Operation.COMPLETE, Operation.DELETE}
)


class Outcome(StrEnum):
    """How a record ended. Every record that is read ends in exactly one of these."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    HELD = "held"
    UNCERTAIN = "uncertain"


class Reason(StrEnum):
    """Why a record was rejected."""

    INVALID_RECORD = "invalid_record"
    TASK_NOT_FOUND = "task_not_found"
    TASK_NOT_NEW = "task_not_new"
    SEQUENCE_IMMUTABLE = "sequence_immutable"
    NOT_EXECUTABLE = "not_executable"
    MAP_FAILED = "map_failed"
    ALREADY_EXECUTED = "already_executed"
    USER_REFUSED = "user_refused"
    UPDATE_REJECTED = "update_rejected"
    NOT_APPROVED = "not_approved"
    APPROVAL_EXPIRED = "approval_expired"
    EXECUTION_FAILED = "execution_failed"
    RENDER_ERROR = "render_error"
    NOT_LINKED = "not_linked"
    CONTACT_NOT_FOUND = "contact_not_found"
    USER_NOT_FOUND = "user_not_found"
    MAILBOX_NOT_FOUND = "mailbox_not_found"
    AMBIGUOUS = "ambiguous"
    API_REJECTED = "api_rejected"
