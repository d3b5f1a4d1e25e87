"""What is rejected now, and why: of each record only the latest verdict counts.

A record that was rejected and later applied, held or superseded is no longer rejected; one that was
rejected again is listed once, with its latest reason.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.rows import OperationRow, read_operation

_A_PAGE = 500


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
    after = 0
    while True:
        statement = (
            _chosen(select(operations), which)
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
    statement = _chosen(select(operations.c.reason, func.count()), which).group_by(
        operations.c.reason
    )
    counted = sorted(connection.execute(statement).all(), key=lambda row: (-row[1], row[0]))
    return {Reason(reason): count for reason, count in counted}


def _chosen(statement: Select[Any], which: RejectionFilter) -> Select[Any]:
    statement = statement.where(
        operations.c.outcome == Outcome.REJECTED, ~_LATER_BY_TASK, ~_LATER_BY_EXTERNAL_ID
    )
    if which.run_id is not None:
        statement = statement.where(operations.c.run_id == which.run_id)
    if which.reasons:
        statement = statement.where(operations.c.reason.in_([*map(str, which.reasons)]))
    if which.since is not None:
        statement = statement.where(operations.c.settled_at >= which.since)
    return statement


# A later verdict on the same record: of the same kind of operation, and of the same task and
# external id as far as both have them. Two look-ups, so that each can use an index.
_LATER = operations.alias("later")
_LATER_AT_ALL = and_(
    _LATER.c.sequence > operations.c.sequence,
    or_(operations.c.operation.is_(None), _LATER.c.operation == operations.c.operation),
)
_LATER_BY_TASK = (
    select(1)
    .where(
        _LATER.c.task_id == operations.c.task_id,
        or_(
            _LATER.c.external_id == operations.c.external_id,
            _LATER.c.external_id.is_(None),
            operations.c.external_id.is_(None),
        ),
        _LATER_AT_ALL,
    )
    .correlate(operations)
    .exists()
)
_LATER_BY_EXTERNAL_ID = (
    select(1)
    .where(
        _LATER.c.external_id == operations.c.external_id,
        or_(_LATER.c.task_id.is_(None), operations.c.task_id.is_(None)),
        _LATER_AT_ALL,
    )
    .correlate(operations)
    .exists()
)
