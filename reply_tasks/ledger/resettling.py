"""Settling anew: an uncertain operation gets the outcome that was found out later.

Its row gets a new number, so that whoever reads in order of ``sequence`` learns of its new fate.
"""

from sqlalchemy import Connection, select, update

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.links import learn_links
from reply_tasks.ledger.remembering import remember
from reply_tasks.ledger.settling import next_sequences, outcome_row
from reply_tasks.ledger.tables import operations, tasks
from reply_tasks.ledger.values import Settlement

#: What is remembered of an operation that can't be undone.
_REMEMBERED = ("operation_id", "outcome", "hash", "external_id")


def resettle(connection: Connection, settlement: Settlement) -> bool:
    """Give an uncertain operation another outcome.

    What the ledger knows of its task follows: what happened stands in the way of another such
    operation for ever, what did not happen no longer does. A creation that happened is linked.

    Args:
        connection: In a write transaction.
        settlement: The outcome, with every call ever made for the operation.

    Returns:
        False if it is not uncertain any more.
    """
    operation_id = settlement.entry.operation_id
    outcome = connection.scalar(
        select(operations.c.outcome)
        .where(operations.c.operation_id == operation_id)
        .with_for_update()
    )
    if outcome != Outcome.UNCERTAIN:
        return False
    (number,) = next_sequences(connection, "operations", 1)
    connection.execute(
        update(operations)
        .where(operations.c.operation_id == operation_id)
        .values(task_id=settlement.task_id, **outcome_row(settlement, number))
    )
    for kind in ("execution", "deletion"):
        connection.execute(
            update(tasks)
            .where(tasks.c[f"{kind}_operation_id"] == operation_id)
            .values({f"{kind}_{name}": None for name in _REMEMBERED})
        )
    remember(connection, [settlement])
    learn_links(connection, [settlement])
    return True
