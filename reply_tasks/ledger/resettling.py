"""Settling anew: an uncertain execution gets the outcome that was found out later.

Its row gets a new number, so that whoever reads in order of ``sequence`` learns of its new fate.
"""

from sqlalchemy import Connection, select, update

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.remembering import remember
from reply_tasks.ledger.settling import next_sequences, outcome_row
from reply_tasks.ledger.tables import operations, tasks
from reply_tasks.ledger.values import Settlement


def resettle(connection: Connection, settlement: Settlement) -> bool:
    """Give an uncertain operation another outcome.

    What the ledger knows of its task follows: an execution that happened stands in the way of
    another one for ever, one that did not happen no longer does.

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
        .values(**outcome_row(settlement, number))
    )
    connection.execute(
        update(tasks)
        .where(tasks.c.execution_operation_id == operation_id)
        .values(
            execution_operation_id=None,
            execution_outcome=None,
            execution_hash=None,
            execution_external_id=None,
        )
    )
    remember(connection, [settlement])
    return True
