"""The links: which task an external id stands for, as a person asks about it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from reply_tasks.ledger.links import LinkSource
from reply_tasks.ledger.prepared import batches
from reply_tasks.ledger.queries import ROWS_A_PAGE
from reply_tasks.ledger.tables import task_links


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link.

    Attributes:
        external_id: The CRM's own key.
        task_id: The task; of an ambiguous link the one that was named first.
        source: Where it comes from.
        ambiguous: Whether records disagree, so that it stands for nothing.
        linked_at: Since when it is there.
        operation_id: The operation that told it; None where it was imported.
    """

    external_id: str
    task_id: int
    source: LinkSource
    ambiguous: bool
    linked_at: datetime
    operation_id: str | None


def links(
    connection: Connection,
    *,
    external_id: str | None = None,
    task_id: int | None = None,
    ambiguous: bool = False,
) -> Iterator[LinkRow]:
    """The links in the order of their external ids, in pages: a long read holds no lock.

    Args:
        connection: Any connection.
        external_id: Only that of this one.
        task_id: Only those to this task.
        ambiguous: Only those that stand for nothing.
    """
    statement = select(task_links).order_by(task_links.c.external_id).limit(ROWS_A_PAGE)
    if external_id is not None:
        statement = statement.where(task_links.c.external_id == external_id)
    if task_id is not None:
        statement = statement.where(task_links.c.task_id == task_id)
    if ambiguous:
        statement = statement.where(task_links.c.ambiguous.is_(True))
    after = statement
    while True:
        page = connection.execute(after).all()
        connection.rollback()
        yield from map(_read_link, page)
        if len(page) < ROWS_A_PAGE:
            return
        after = statement.where(task_links.c.external_id > page[-1].external_id)


def links_with(
    connection: Connection, *, external_id: str, task_ids: Collection[int]
) -> tuple[LinkRow, ...]:
    """The links of an external id, and those to these tasks."""
    found = {}
    conditions = [task_links.c.external_id == external_id]
    conditions += [task_links.c.task_id.in_(ids) for ids in batches(sorted(task_ids))]
    for condition in conditions:
        for row in connection.execute(select(task_links).where(condition)):
            found[row.external_id] = _read_link(row)
    return tuple(found.values())


def _read_link(row: Row[Any]) -> LinkRow:
    return LinkRow(
        row.external_id,
        row.task_id,
        LinkSource(row.source),
        row.ambiguous,
        row.linked_at,
        row.operation_id,
    )
