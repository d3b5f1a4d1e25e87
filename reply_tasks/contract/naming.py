"""How a record is named for a person: by the CRM's own key, what it asks for, and its task."""

from collections.abc import Mapping

from reply_tasks.contract.outcomes import Operation

NOUNS: Mapping[Operation, str] = {
    Operation.UPDATE: "update",
    Operation.EXECUTE: "execution",
    Operation.CREATE: "creation",
    Operation.COMPLETE: "completion",
    Operation.ASSIGN: "assignment",
    Operation.DELETE: "deletion",
}
#: Characters of an external id that are shown.
_LONGEST = 80


def record_name(operation: Operation | None, task_id: int | None, external_id: str | None) -> str:
    """Its external id, operation and task, as far as they could be read.

    Args:
        operation: What it asks for.
        task_id: Its task; a negative key of ours is none.
        external_id: The CRM's own key.
    """
    noun = "record" if operation is None else NOUNS[operation]
    if task_id is not None and task_id > 0:
        noun = f"{noun} of task {task_id}"
    elif external_id is None and operation is not Operation.CREATE:
        noun = f"{noun} without a task"
    if external_id is None:
        return noun
    key = external_id if len(external_id) <= _LONGEST else external_id[:_LONGEST] + "…"
    return f"{key}: {noun}"
