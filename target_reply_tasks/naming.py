"""How a line names a record."""

from collections.abc import Mapping

from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Entry

_NOUNS: Mapping[Operation, str] = {Operation.UPDATE: "update", Operation.EXECUTE: "execution"}
#: Characters of an external id that are shown.
_LONGEST = 80


def name_of(entry: Entry) -> str:
    """Its external id, operation and task, as far as they could be read."""
    noun = "record" if entry.operation is None else _NOUNS[entry.operation]
    task = "without a task" if entry.task_id is None else f"of task {entry.task_id}"
    key = entry.external_id
    if key is None:
        return f"{noun} {task}"
    return f"{key if len(key) <= _LONGEST else key[:_LONGEST] + '…'}: {noun} {task}"
