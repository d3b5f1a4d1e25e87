"""Held: the executions that wait for a person, as the engine and a person are shown them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.claims import read_claim
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.queries import batches
from reply_tasks.ledger.tables import operations
from reply_tasks.ledger.values import Claim


class HeldExecution(NamedTuple):
    """The execution of a task that waits for a person.

    Attributes:
        operation_id: The operation.
        body_hash: Hash of its body as it was read.
        external_id: The CRM's own key.
        approved_digest: Of what a person said yes to, so that the next run sends just that; None
            while nobody has.
    """

    operation_id: str
    body_hash: str | None
    external_id: str | None
    approved_digest: str | None


class Declined(NamedTuple):
    """An execution to which a person said no."""

    operation_id: str
    body_hash: str | None
    external_id: str | None


class Held(NamedTuple):
    """An execution that waits for a person, as a person is shown it.

    Attributes:
        claim: The operation, its record and the calls made for it.
        sequence: Its number in the order in which operations were settled.
        run_id: The run that read it in.
        held_at: Since when it waits, UTC.
        preview: The task with its rendered content, as last read for a preview.
        approved_by: Who approved it; None while nobody has.
        approved_at: When, UTC.
    """

    claim: Claim
    sequence: int
    run_id: str
    held_at: datetime
    preview: Mapping[str, Any] | None
    approved_by: str | None
    approved_at: datetime | None

    @property
    def operation_id(self) -> str:
        """The operation."""
        return self.claim.entry.operation_id


#: The value stands in the text of the statement: a database can't choose an index of a part by a
#: value that it does not see.
IS_HELD: ColumnElement[bool] = and_(
    operations.c.outcome == literal(str(Outcome.HELD), literal_execute=True),
    operations.c.record.is_not(None),
)


_HELD_ON = select(
    operations.c.task_id,
    operations.c.operation_id,
    operations.c.body_hash,
    operations.c.external_id,
    operations.c.approved_digest,
).where(IS_HELD, operations.c.task_id.in_(bindparam("ids", expanding=True)))


_DECLINED_ON = select(
    operations.c.task_id,
    operations.c.operation_id,
    operations.c.body_hash,
    operations.c.external_id,
).where(
    operations.c.reason == literal(str(Reason.NOT_APPROVED), literal_execute=True),
    operations.c.task_id.in_(bindparam("ids", expanding=True)),
)


def held_on(connection: Connection, task_ids: Collection[int]) -> dict[int, HeldExecution]:
    """The executions of these tasks that wait for a person."""
    return {
        row.task_id: HeldExecution(
            row.operation_id, row.body_hash, row.external_id, row.approved_digest
        )
        for ids in batches(list(task_ids))
        for row in connection.execute(_HELD_ON, {"ids": ids})
    }


def declined_on(connection: Connection, task_ids: Collection[int]) -> dict[int, list[Declined]]:
    """The executions of these tasks to which a person said no."""
    found: dict[int, list[Declined]] = {}
    for ids in batches(list(task_ids)):
        for row in connection.execute(_DECLINED_ON, {"ids": ids}):
            declined = Declined(row.operation_id, row.body_hash, row.external_id)
            found.setdefault(row.task_id, []).append(declined)
    return found


def held_operations(  # noqa: PLR0913 - each narrows it down
    connection: Connection,
    *,
    run_id: str | None = None,
    operation_ids: Collection[str] | None = None,
    approved: bool | None = None,
    after: int = 0,
    most: int | None = None,
) -> list[Held]:
    """What waits for a person, oldest first.

    Args:
        connection: Any connection.
        run_id: Only what this run read in.
        operation_ids: Only these operations, as many as one query takes.
        approved: Only those that a person has approved, or has not; None means both.
        after: Only what was settled after this ``sequence``: for reading in pages.
        most: At most so many.
    """
    statement = (
        select(operations)
        .where(IS_HELD, operations.c.sequence > after)
        .order_by(operations.c.sequence)
        .limit(most)
    )
    if run_id is not None:
        statement = statement.where(operations.c.run_id == run_id)
    if operation_ids is not None:
        statement = statement.where(operations.c.operation_id.in_(list(operation_ids)))
    if approved is not None:
        statement = statement.where(_approved(word=approved))
    return [_read(row) for row in connection.execute(statement)]


def count_held(connection: Connection, *, approved: bool) -> int:
    """How many wait that a person has approved, or has not."""
    statement = select(func.count()).select_from(operations)
    return connection.scalar(statement.where(IS_HELD, _approved(word=approved))) or 0


def _approved(*, word: bool) -> ColumnElement[bool]:
    column = operations.c.approved_at
    return column.is_not(None) if word else column.is_(None)


def _read(row: Row[Any]) -> Held:
    return Held(
        claim=read_claim(row),
        sequence=row.sequence,
        run_id=row.run_id,
        held_at=row.settled_at,
        preview=row.task_detail,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


def held_too_long(connection: Connection, *, after: timedelta) -> list[str]:
    """The operations that nobody approved in time, in the order settled."""
    return list(
        connection.scalars(
            select(operations.c.operation_id)
            .where(
                IS_HELD,
                operations.c.approved_at.is_(None),
                operations.c.settled_at < clock(connection) - after,
            )
            .order_by(operations.c.sequence)
        )
    )
