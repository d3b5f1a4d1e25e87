"""Settling: each operation's one outcome, numbered in commit order.

The counter's row stays locked until the commit, so that numbers become visible in their order: a
reader that has seen number n will never find a smaller one later.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, null, update

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.claims import ENTRY_COLUMNS, entry_row
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.prepared import Bulk, Query
from reply_tasks.ledger.rejected_updates import mark_updates
from reply_tasks.ledger.remembering import remember
from reply_tasks.ledger.tables import operations, sequences
from reply_tasks.ledger.values import Settlement

#: Outcomes whose record is kept, because a person may want to replay it: a rejected one as it was
#: read, so that it can be piped back.
KEPT = frozenset({Outcome.REJECTED, Outcome.HELD, Outcome.UNCERTAIN})


class ClaimLostError(Exception):
    """Another process took a claim of ours: it assumed that we had died, and settles it itself."""


def next_sequences(connection: Connection, name: str, count: int) -> range:
    """The next ``count`` numbers of a counter, which stays locked until the commit."""
    ((last,),) = _COUNT_ON.rows(connection, counter=name, count=count)
    return range(last - count + 1, last + 1)


_COUNT_ON = Query(
    update(sequences)
    .where(sequences.c.name == bindparam("counter"))
    .values(value=sequences.c.value + bindparam("count"))
    .returning(sequences.c.value)
)


def settle(
    connection: Connection, settlements: Sequence[Settlement], *, holder: Holder, run_id: str
) -> None:
    """Settle operations, in the order given.

    Raises:
        ClaimLostError: A claim is no longer ours; the caller's transaction must not commit.
    """
    if not settlements:
        return
    numbers = next_sequences(connection, "operations", len(settlements))
    claimed: list[dict[str, Any]] = []
    unclaimed: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    for number, settlement in zip(numbers, settlements, strict=True):
        row = outcome_row(settlement, number)
        if settlement.claimed:
            row["task_id"] = settlement.task_id
            row["id"], row["holder"] = settlement.entry.operation_id, holder.holder_id
            claimed.append(row)
        elif settlement.was_held:
            row["id"], row["held"] = settlement.entry.operation_id, Outcome.HELD
            held.append(row)
        else:
            row.update(entry_row(settlement.entry), run_id=run_id)
            unclaimed.append(row)
    if unclaimed:
        _SETTLE_UNCLAIMED.run(connection, unclaimed)
    if claimed and _SETTLE_CLAIM.run(connection, claimed) != len(claimed):
        raise ClaimLostError
    if held and _SETTLE_HELD.run(connection, held) != len(held):
        raise ClaimLostError
    mark_updates(connection, settlements)
    remember(connection, settlements)


_OUTCOME_COLUMNS = (
    "sequence",
    "outcome",
    "reason",
    "detail",
    "problem",
    "http_status",
    "attempts",
    "api_calls",
    "body_hash",
    "record",
    "source_stream",
    "task_detail",
    "settled_at",
)
_UNCLAIMED_COLUMNS = (*ENTRY_COLUMNS, "run_id", *_OUTCOME_COLUMNS)
_SETTLE_UNCLAIMED = Bulk(
    lambda _: insert(operations).values({name: bindparam(name) for name in _UNCLAIMED_COLUMNS})
)
_SETTLE_CLAIM = Bulk(
    lambda _: (
        update(operations)
        .where(
            operations.c.operation_id == bindparam("id"),
            operations.c.claimed_by == bindparam("holder"),
            operations.c.outcome.is_(None),
        )
        .values(
            claimed_by=null(),
            **{name: bindparam(name) for name in ("task_id", *_OUTCOME_COLUMNS)},
        )
    )
)

_SETTLE_HELD = Bulk(
    lambda _: (
        update(operations)
        .where(
            operations.c.operation_id == bindparam("id"),
            operations.c.outcome == bindparam("held"),
        )
        .values({name: bindparam(name) for name in _OUTCOME_COLUMNS})
    )
)


def outcome_row(settlement: Settlement, number: int) -> dict[str, Any]:
    """The columns that an outcome fills."""
    entry = settlement.entry
    record, source_stream = (entry.record if keeps_record(settlement) else None), None
    if settlement.outcome is Outcome.REJECTED and entry.as_read is not None:
        record = entry.as_read.record
        source_stream = entry.as_read.stream if entry.as_read.stream != entry.stream else None
    return {
        "sequence": number,
        "outcome": settlement.outcome,
        "reason": settlement.reason,
        "detail": settlement.detail,
        "problem": settlement.problem,
        "http_status": settlement.http_status,
        "attempts": [attempt.as_json() for attempt in settlement.attempts] or None,
        "api_calls": sum(attempt.counted for attempt in settlement.attempts),
        "body_hash": settlement.body_hash or settlement.entry.body_hash,
        "record": record,
        "source_stream": source_stream,
        "task_detail": settlement.task_detail,
        "settled_at": settlement.settled_at,
    }


def keeps_record(settlement: Settlement) -> bool:
    """Whether a person may want to replay, approve or resolve what this operation asks for."""
    return settlement.outcome in KEPT and not (
        settlement.repeats and settlement.outcome is Outcome.HELD
    )
