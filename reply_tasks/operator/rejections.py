"""What is rejected now, and why: of each record only the latest verdict counts.

A record that was rejected and later applied, held or superseded is no longer rejected; one that was
rejected again is listed once, with its latest reason.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, literal, or_, select

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.queries import IDS_A_QUERY
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.rows import OperationRow, read_operation

_A_PAGE = 500
#: The reason is asked for as well, since what has one has an index. The value stands in the text of
#: the statement: a database can't choose an index of a part by a value that it does not see.
_IS_REJECTED = and_(
    operations.c.reason.is_not(None),
    operations.c.outcome == literal(str(Outcome.REJECTED), literal_execute=True),
)


@dataclass(frozen=True, slots=True)
class RejectionFilter:
    """Which rejections.

    Attributes:
        run_id: Only those of this run.
        reasons: Only those for one of these reasons; empty: for any.
        since: Only those settled then or later.
    """

    run_id: str | None = None
    reasons: Collection[Reason] = ()
    since: datetime | None = None


ALL_REJECTIONS = RejectionFilter()


def rejections(
    connection: Connection, which: RejectionFilter = ALL_REJECTIONS
) -> Iterator[OperationRow]:
    """The rejected records in the order settled, in pages: a long read holds no lock."""
    after, answered = 0, _answered_later(connection)
    while True:
        statement = (
            _chosen(select(operations), which, answered)
            .where(operations.c.sequence > after)
            .order_by(operations.c.sequence)
            .limit(_A_PAGE)
        )
        page = connection.execute(statement).all()
        connection.rollback()
        for row in page:
            yield read_operation(row)
        if len(page) < _A_PAGE:
            return
        after = page[-1].sequence


def rejected_by_reason(
    connection: Connection, which: RejectionFilter = ALL_REJECTIONS
) -> Mapping[Reason, int]:
    """How many records are rejected for which reason, the most frequent first."""
    counts = select(operations.c.reason, func.count())
    statement = _chosen(counts, which, _answered_later(connection)).group_by(operations.c.reason)
    counted = sorted(connection.execute(statement).all(), key=lambda row: (-row[1], row[0]))
    return {Reason(reason): count for reason, count in counted}


def _chosen(
    statement: Select[Any], which: RejectionFilter, answered: Collection[str]
) -> Select[Any]:
    statement = statement.where(_IS_REJECTED, ~_LATER)
    if answered:
        statement = statement.where(operations.c.operation_id.not_in(answered))
    if which.run_id is not None:
        statement = statement.where(operations.c.run_id == which.run_id)
    if which.reasons:
        statement = statement.where(operations.c.reason.in_([*map(str, which.reasons)]))
    if which.since is not None:
        statement = statement.where(operations.c.settled_at >= which.since)
    return statement


# A later verdict on the same record: of the same kind of operation, the same task, and the same
# external id as far as both have one.
_later = operations.alias("later")
_LATER = (
    select(1)
    .where(
        _later.c.task_id == operations.c.task_id,
        _later.c.sequence > operations.c.sequence,
        or_(operations.c.operation.is_(None), _later.c.operation == operations.c.operation),
        or_(
            _later.c.external_id == operations.c.external_id,
            _later.c.external_id.is_(None),
            operations.c.external_id.is_(None),
        ),
    )
    .correlate(operations)
    .exists()
)


def _answered_later(connection: Connection) -> list[str]:
    """Rejections whose task could not be read, and whose external id was answered since.

    Few if any are such, and external ids have no index: they are looked up together.
    """
    unreadable = connection.execute(
        select(
            operations.c.operation_id,
            operations.c.external_id,
            operations.c.operation,
            operations.c.sequence,
        ).where(_IS_REJECTED, operations.c.task_id.is_(None), operations.c.external_id.is_not(None))
    ).all()
    if not unreadable:
        return []
    latest: dict[tuple[str, str | None], int] = {}
    keys = sorted({row.external_id for row in unreadable})
    since = min(row.sequence for row in unreadable)
    for start in range(0, len(keys), IDS_A_QUERY):
        found = connection.execute(
            select(
                operations.c.external_id, operations.c.operation, func.max(operations.c.sequence)
            )
            .where(
                operations.c.sequence > since,
                operations.c.external_id.in_(keys[start : start + IDS_A_QUERY]),
            )
            .group_by(operations.c.external_id, operations.c.operation)
        )
        for external_id, operation, sequence in found:
            for kind in (operation, None):
                key = external_id, kind
                latest[key] = max(sequence, latest.get(key, 0))
    return [
        row.operation_id
        for row in unreadable
        if latest.get((row.external_id, row.operation), 0) > row.sequence
    ]
