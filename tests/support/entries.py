"""The one factory of ledger entries."""

from datetime import UTC, datetime
from typing import Any

from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Entry, new_id

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def entry(
    task_id: int | None, operation: Operation | None = Operation.EXECUTE, **members: Any
) -> Entry:
    """An operation as it was received; ``members`` stand in the place of the usual ones."""
    usual = Entry(
        operation_id=new_id(),
        stream="tasks",
        operation=operation,
        task_id=task_id,
        external_id=None,
        act_as_user_id=None,
        body_hash="a" * 64,
        record={"id": task_id},
        received_at=NOON,
    )
    return usual._replace(**members)
