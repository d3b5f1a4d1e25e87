"""How a line names a record."""

from collections.abc import Mapping

from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Entry

_NOUNS: Mapping[Operation, str] = {
    Operation.UPDATE: "update",
    Operation.EXECUTE: "execution",
    Operation.CREATE: "creation",
    Operation.COMPLETE: "completion",
    Operation.ASSIGN: "assignment",
    Operation.DELETE: "deletion",
}
#: Characters of an external id that are shown.
_LONGEST = 80


def name_of(entry: Entry) -> str:
    """Its external id, operation and task, as far as they could be read."""
    noun = "record" if entry.operation is None else _NOUNS[entry.operation]
    key = entry.external_id
    if entry.task_id is not None and entry.task_id > 0:
        noun = f"{noun} of task {entry.task_id}"
    elif key is None and entry.operation is not Operation.CREATE:
        noun = f"{noun} without a task"
    if key is None:
        return noun
    return f"{key if len(key) <= _LONGEST else key[:_LONGEST] + '…'}: {noun}"
