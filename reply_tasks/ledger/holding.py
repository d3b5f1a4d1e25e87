"""Holding: executions that wait for a person, the person's word, and the claim that follows a yes.

An approval binds to the digest of exactly what would be sent. It is used once: what was approved
leaves ``held`` with its claim, and whatever it becomes, it does not come back.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from reply_tasks.contract.kept import digest_of
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.claims import UNCLAIMED, claimed_by, last_sequence, read_claim
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.queries import batches
from reply_tasks.ledger.settling import next_sequences
from reply_tasks.ledger.tables import operations
from reply_tasks.ledger.values import Claim, Entry


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


_IS_HELD: ColumnElement[bool] = and_(
    operations.c.outcome == Outcome.HELD, operations.c.record.is_not(None)
)
_HELD_ON = select(
    operations.c.task_id,
    operations.c.operation_id,
    operations.c.body_hash,
    operations.c.external_id,
    operations.c.approved_digest,
).where(_IS_HELD, operations.c.task_id.in_(bindparam("ids", expanding=True)))
_DECLINED_ON = select(
    operations.c.task_id,
    operations.c.operation_id,
    operations.c.body_hash,
    operations.c.external_id,
).where(
    operations.c.reason == Reason.NOT_APPROVED,
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
        approved: Only those that a person has approved, or has not; None: both.
        after: Only what was settled after this ``sequence``: for reading in pages.
        most: At most so many.
    """
    statement = (
        select(operations)
        .where(_IS_HELD, operations.c.sequence > after)
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
    return connection.scalar(statement.where(_IS_HELD, _approved(word=approved))) or 0


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


# -- a person's word -------------------------------------------------------------------------------


def note_preview(
    connection: Connection,
    held: Held,
    *,
    task_detail: Mapping[str, Any],
    attempts: Iterable[Mapping[str, Any]],
) -> bool:
    """Keep what a preview read; False: it does not wait any more."""
    last_sequence(connection)
    calls = [*(attempt.as_json() for attempt in held.claim.attempts), *attempts]
    return _change(
        connection,
        held.operation_id,
        operations.c.approved_at.is_(None),
        task_detail=dict(task_detail),
        attempts=calls,
        api_calls=len(calls),
    )


def approve(
    connection: Connection, held: Held, *, record: Mapping[str, Any], by: str, at: datetime
) -> bool:
    """A person's yes to exactly this; False: it waits no more, or its text has changed since.

    Args:
        connection: In a write transaction.
        held: What the person was shown.
        record: What is to be sent: the record, with the previewed text frozen into it where it
            brought none.
        by: Who says so.
        at: When, UTC.
    """
    last_sequence(connection)
    current = connection.scalar(
        select(operations.c.record).where(operations.c.operation_id == held.operation_id, _IS_HELD)
    )
    if current is None or digest_of(current) != digest_of(held.claim.entry.record):
        return False
    return _change(
        connection,
        held.operation_id,
        operations.c.approved_at.is_(None),
        record=dict(record),
        approved_by=by,
        approved_at=at,
        approved_digest=digest_of(record),
    )


def decline(connection: Connection, held: Held, *, why: str, by: str, at: datetime) -> bool:
    """A person's no, which has no end; False: it does not wait any more."""
    return _end(
        connection,
        held.operation_id,
        outcome=Outcome.REJECTED,
        reason=Reason.NOT_APPROVED,
        detail=f"Declined by {by}: {why}" if why else f"Declined by {by}.",
        settled_at=at,
        approved_by=by,
        approved_at=at,
        approved_digest=digest_of(held.claim.entry.record),
    )


def supersede_held(connection: Connection, operation_id: str, *, by: str) -> bool:
    """A later execution record of the same task replaces one that waits."""
    return _end(
        connection,
        operation_id,
        outcome=Outcome.SUPERSEDED,
        detail=f"Operation {by} replaces it before anybody approved it.",
        settled_at=datetime.now(UTC),
        record=null(),
    )


def expire_held(connection: Connection, *, after: timedelta) -> int:
    """Reject what nobody approved in time; how many.

    The database's clock says what the time is.
    """
    last_sequence(connection)  # nobody says yes between the look and the no
    now = clock(connection)
    ids = held_too_long(connection, after=after)
    hours = after.total_seconds() / 3600
    for operation_id in ids:
        _end(
            connection,
            operation_id,
            outcome=Outcome.REJECTED,
            reason=Reason.APPROVAL_EXPIRED,
            detail=f"Nobody approved it within {hours:g} hours (hold_hours). Read in again, it "
            "waits anew.",
            settled_at=now,
        )
    return len(ids)


def held_too_long(connection: Connection, *, after: timedelta) -> list[str]:
    """The operations that nobody approved in time, in the order settled."""
    return list(
        connection.scalars(
            select(operations.c.operation_id)
            .where(
                _IS_HELD,
                operations.c.approved_at.is_(None),
                operations.c.settled_at < clock(connection) - after,
            )
            .order_by(operations.c.sequence)
        )
    )


def _end(connection: Connection, operation_id: str, **values: Any) -> bool:  # noqa: ANN401
    (number,) = next_sequences(connection, "operations", 1)
    return _change(connection, operation_id, sequence=number, **values)


def _change(
    connection: Connection,
    operation_id: str,
    *conditions: ColumnElement[bool],
    **values: Any,  # noqa: ANN401 - the columns' own types
) -> bool:
    statement = update(operations).where(
        operations.c.operation_id == operation_id, _IS_HELD, *conditions
    )
    return connection.execute(statement.values(**values)).rowcount == 1


# -- what follows a yes ----------------------------------------------------------------------------


def approved_operations(connection: Connection) -> list[Claim]:
    """What a person approved and no run has claimed yet, in the order approved.

    What is not, to the letter, what the person was shown is left alone.
    """
    rows = connection.execute(
        select(operations)
        .where(_IS_HELD, operations.c.approved_at.is_not(None))
        .order_by(operations.c.approved_at, operations.c.sequence)
    )
    return [read_claim(row) for row in rows if digest_of(row.record) == row.approved_digest]


def claim_approved(  # noqa: PLR0913 - the columns of a claim
    connection: Connection,
    entries: Iterable[Entry],
    *,
    holder: Holder,
    run_id: str,
    at: datetime,
    reply_ahead: float | None = None,
) -> frozenset[str]:
    """Claim what was approved; the ids of those whose task is free and whose text is unchanged.

    Args:
        connection: In a write transaction that holds the counter's lock, so that no other writer
            comes between.
        entries: What is claimed.
        holder: Who claims.
        run_id: The run that will settle them.
        at: Now, by this process's clock.
        reply_ahead: Seconds by which Reply's clock is ahead of it; None: not known.
    """
    granted = set()
    shared = claimed_by(holder, run_id=run_id, at=at, reply_ahead=reply_ahead)
    other = operations.alias()
    for entry in entries:
        free = ~exists().where(other.c.task_id == operations.c.task_id, other.c.outcome.is_(None))
        changed = _change(
            connection,
            entry.operation_id,
            operations.c.approved_digest == digest_of(entry.record),
            free,
            **shared,
            outcome=None,
            sequence=None,
            task_detail=null(),
            detail=null(),
        )
        if changed:
            granted.add(entry.operation_id)
    return frozenset(granted)


def put_back_approved(
    connection: Connection, operation_ids: Collection[str], *, holder: Holder
) -> None:
    """Give back claims of approved operations that were never sent: they wait as they did."""
    for operation_id in operation_ids:
        (number,) = next_sequences(connection, "operations", 1)
        connection.execute(
            update(operations)
            .where(
                operations.c.operation_id == operation_id,
                operations.c.claimed_by == holder.holder_id,
                operations.c.outcome.is_(None),
            )
            .values(**UNCLAIMED, outcome=Outcome.HELD, sequence=number)
        )
