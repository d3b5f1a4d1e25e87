"""Verdicts: what the ledger remembers of records that came to nothing, so that it answers once.

A record that says the same again gets the same answer: no call within ``retry_rejected_hours``
where Reply was asked, and no row. What is applied to a task makes its verdicts go.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, select

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.json_text import stable_json
from reply_tasks.ledger.prepared import IDS, Bulk, Query, batches
from reply_tasks.ledger.tables import verdicts
from reply_tasks.ledger.values import Entry, Settlement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


class Verdict(NamedTuple):
    """How a record ended that came to nothing.

    Attributes:
        key: Of the record, as ``verdict_key`` makes it.
        operation_id: The operation that ended so.
        task_id: Its task; None where it could not be read.
        outcome: Rejected or uncertain.
        reason: Why it was rejected.
        detail: One sentence for a person.
        asked: Whether Reply was asked, and refused.
        at: When, by the ledger's clock, UTC.
    """

    key: str
    operation_id: str
    task_id: int | None
    outcome: Outcome
    reason: Reason | None
    detail: str | None
    asked: bool
    at: datetime

    def says_the_same(self, settlement: Settlement) -> bool:
        """Whether a settlement only repeats this verdict."""
        return (self.outcome, self.reason, self.detail) == (
            settlement.outcome,
            settlement.reason,
            settlement.detail,
        )


def verdict_key(entry: Entry, *, mode: str) -> str:
    """What makes two records the same: all that they say, as far as it could be read.

    Args:
        entry: The record as the ledger keeps it.
        mode: The update mode: merged, a record says something else.
    """
    if entry.body_hash is None:
        read = entry.record if entry.as_read is None else entry.as_read.record
        said = f"{entry.stream}\0{stable_json(read)}"
    else:
        parts = (
            mode,
            entry.operation,
            entry.task_id,
            entry.external_id,
            entry.act_as_user_id,
            entry.body_hash,
        )
        said = "\0".join(map(str, parts))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def any_verdicts(connection: Connection) -> bool:
    """Whether anything is remembered at all: most ledgers never look further."""
    return bool(connection.scalar(_ANY))


def known_verdicts(connection: Connection, keys: Collection[str]) -> dict[str, Verdict]:
    """What is remembered of these records."""
    return {
        key: Verdict(
            key,
            operation_id,
            task_id,
            Outcome(outcome),
            None if reason is None else Reason(reason),
            detail,
            asked,
            at,
        )
        for key, operation_id, task_id, outcome, reason, detail, asked, at in _KNOWN.rows_of(
            connection, keys
        )
    }


def remember_verdicts(connection: Connection, found: Iterable[Verdict]) -> None:
    """Remember verdicts; a later one on the same record replaces an earlier."""
    rows: Mapping[str, dict[str, Any]] = {verdict.key: verdict._asdict() for verdict in found}
    if rows:
        _REMEMBER.run(connection, list(rows.values()))


def forget_verdicts(connection: Connection, task_ids: Collection[int]) -> None:
    """Something was applied to these tasks: what was refused may be asked again."""
    for ids in batches(list(task_ids)):
        connection.execute(_FORGET, {"ids": ids})


_ANY = select(exists().select_from(verdicts))
_KNOWN = Query(
    select(*(verdicts.c[name] for name in Verdict._fields)).where(verdicts.c.key.in_(IDS))
)
_FORGET = delete(verdicts).where(verdicts.c.task_id.in_(IDS))


def _remember(dialect: str) -> "sqlite.Insert | postgresql.Insert":
    names = [column.name for column in verdicts.c]
    statement = insert_into(verdicts, dialect).values({name: bindparam(name) for name in names})
    changes = {name: statement.excluded[name] for name in names if name != "key"}
    return statement.on_conflict_do_update(index_elements=[verdicts.c.key], set_=changes)


_REMEMBER = Bulk(_remember)
