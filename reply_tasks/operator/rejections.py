"""What is rejected now, and why: of each record only the latest verdict counts.

A record that was rejected and later applied, held or superseded is no longer rejected; one that was
rejected again is listed once, with its latest reason.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.prepared import IDS_A_QUERY
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.rows import OperationRow, read_operation

_A_PAGE = 500
#: The reason is asked for as well, since what has one has an index. The value stands in the text of
#: the statement: a database can't choose an index of a part by a value that it does not see.
_IS_REJECTED = and_(
    operations.c.reason.is_not(None),
    operations.c.outcome == literal(str(Outcome.REJECTED), literal_execute=True),
)


#: What to do about a reason that says little by itself: how to find what is missing, or to say it.
HINTS: Mapping[Reason, str] = {
    Reason.NOT_LINKED: "Bring its task in with `reply-tasks link`, send a record with both keys or "
    "a creation first, or set create_missing; then replay it.",
    Reason.AMBIGUOUS: "Give the record the id itself. `reply-tasks links --ambiguous` shows the "
    "external ids in doubt, and `reply-tasks link --replace` says which task is meant.",
    Reason.CONTACT_NOT_FOUND: "Add the contact in Reply, or correct contactEmail, or give "
    "contactId; then replay it.",
    Reason.USER_NOT_FOUND: "Correct assignedUserEmail, or give userId, of a user of the team; "
    "then replay it.",
    Reason.MAILBOX_NOT_FOUND: "Connect the mailbox in Reply, or correct emailAccount, or give "
    "emailAccountId; then replay it.",
}


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

    def takes(self, row: "_Answered") -> bool:
        """Whether a rejection is one of them."""
        return (
            self.run_id in {None, row.run_id}
            and (not self.reasons or row.reason in self.reasons)
            and (self.since is None or row.settled_at >= self.since)
        )


class _Answered(NamedTuple):
    """A rejection that another record answered."""

    operation_id: str
    run_id: str
    reason: str
    settled_at: datetime


ALL_REJECTIONS = RejectionFilter()


def rejections(
    connection: Connection,
    which: RejectionFilter = ALL_REJECTIONS,
    *,
    after: int = 0,
    a_page: int = _A_PAGE,
) -> Iterator[OperationRow]:
    """The rejected records in the order settled, in pages: a long read holds no lock.

    Args:
        connection: Any connection.
        which: Which of them.
        after: Only those with a higher ``sequence``.
        a_page: How many rows are read at once.
    """
    answered = frozenset(row.operation_id for row in _answered_later(connection))
    while True:
        statement = (
            _chosen(select(operations), which)
            .where(operations.c.sequence > after)
            .order_by(operations.c.sequence)
            .limit(a_page)
        )
        page = connection.execute(statement).all()
        connection.rollback()
        yield from (read_operation(row) for row in page if row.operation_id not in answered)
        if len(page) < a_page:
            return
        after = page[-1].sequence


def rejected_by_reason(
    connection: Connection, which: RejectionFilter = ALL_REJECTIONS
) -> Mapping[Reason, int]:
    """How many records are rejected for which reason, the most frequent first."""
    counts = select(operations.c.reason, func.count())
    statement = _chosen(counts, which).group_by(operations.c.reason)
    counted = Counter({row[0]: row[1] for row in connection.execute(statement)})
    counted.subtract(row.reason for row in _answered_later(connection) if which.takes(row))
    ordered = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    return {Reason(reason): count for reason, count in ordered if count}


def _chosen(statement: Select[Any], which: RejectionFilter) -> Select[Any]:
    statement = statement.where(_IS_REJECTED, ~_LATER)
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


#: What names a record without a task: its external id, or of a creation what it asks for.
_IS_CREATION = operations.c.operation == literal(str(Operation.CREATE), literal_execute=True)
_KEY = func.coalesce(operations.c.external_id, case((_IS_CREATION, operations.c.body_hash))).label(
    "key"
)


def _answered_later(connection: Connection) -> list[_Answered]:
    """Rejections whose task could not be read, and whose key was answered since.

    Keys have no index: they are looked up together.
    """
    unreadable = connection.execute(
        select(
            operations.c.operation_id,
            _KEY,
            operations.c.operation,
            operations.c.stream,
            operations.c.sequence,
            operations.c.run_id,
            operations.c.reason,
            operations.c.settled_at,
        ).where(_IS_REJECTED, operations.c.task_id.is_(None), _KEY.is_not(None))
    ).all()
    if not unreadable:
        return []
    latest: dict[tuple[str, str | None], int] = {}
    keys = sorted({row.key for row in unreadable})
    since = min(row.sequence for row in unreadable)
    for start in range(0, len(keys), IDS_A_QUERY):
        found = connection.execute(
            select(
                _KEY, operations.c.operation, operations.c.stream, func.max(operations.c.sequence)
            )
            .where(operations.c.sequence > since, _KEY.in_(keys[start : start + IDS_A_QUERY]))
            .group_by(_KEY, operations.c.operation, operations.c.stream)
        )
        for key, operation, stream, sequence in found:
            created = (_created_in(stream),) if operation == Operation.CREATE else ()
            for kind in (operation, None, *created):
                latest[key, kind] = max(sequence, latest.get((key, kind), 0))
    return [
        _Answered(row.operation_id, row.run_id, row.reason, row.settled_at)
        for row in unreadable
        if any(latest.get((row.key, kind), 0) > row.sequence for kind in _answers(row))
    ]


def _answers(row: Any) -> tuple[str | None, ...]:  # noqa: ANN401 - a row
    """What answers a rejection: an update may create its task, in the stream in which it came."""
    created = (_created_in(row.stream),) if row.operation == Operation.UPDATE else ()
    return row.operation, *created


def _created_in(stream: str) -> str:
    return f"{Operation.CREATE} in {stream}"
