"""Held: the executions that wait for a person, as the engine and a person are shown them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    and_,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.claims import read_claim
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.prepared import IDS, Query
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


class PeopleAsked(NamedTuple):
    """What people are asked, and have said, about executions.

    Attributes:
        held: The execution of each task that waits for a person.
        declined: The executions of each task to which a person said no.
    """

    held: dict[int, HeldExecution]
    declined: dict[int, list[Declined]]


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


_COLUMNS = (
    operations.c.task_id,
    operations.c.operation_id,
    operations.c.body_hash,
    operations.c.external_id,
    operations.c.approved_digest,
)
_OF_TASKS = operations.c.task_id.in_(IDS)
_WAITS = literal_column("1", Integer).label("waits")
_SAID_NO = literal_column("0", Integer).label("waits")
#: One statement, since each costs a turn as much as its rows do; two halves, each with its index.
_PEOPLE_ASKED = Query(
    union_all(
        select(_WAITS, *_COLUMNS).where(IS_HELD, _OF_TASKS),
        select(_SAID_NO, *_COLUMNS).where(
            operations.c.reason == literal(str(Reason.NOT_APPROVED), literal_execute=True),
            _OF_TASKS,
        ),
    )
)


def asked_about(connection: Connection, task_ids: Collection[int]) -> PeopleAsked:
    """The executions of these tasks about which a person is asked, or has said no."""
    asked = PeopleAsked({}, {})
    for waits, task_id, *found in _PEOPLE_ASKED.rows_of(connection, task_ids):
        operation_id, body_hash, external_id, digest = found
        if waits:
            asked.held[task_id] = HeldExecution(operation_id, body_hash, external_id, digest)
        else:
            declined = Declined(operation_id, body_hash, external_id)
            asked.declined.setdefault(task_id, []).append(declined)
    return asked


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
