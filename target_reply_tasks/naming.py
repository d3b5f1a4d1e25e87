"""How a line names a record."""

from reply_tasks.contract.naming import record_name
from reply_tasks.ledger import Entry


def name_of(entry: Entry) -> str:
    """Its external id, operation and task, as far as they could be read."""
    return record_name(entry.operation, entry.task_id, entry.external_id)
