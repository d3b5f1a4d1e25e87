"""Links: which task an external id stands for, learnt from records, made by creations, or imported.

One external id, one task. Where records disagree the link is ambiguous, and nobody guesses: records
that carry both keys go on, since they say themselves which task they mean.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger.claims import last_sequence
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.prepared import IDS, Query
from reply_tasks.ledger.settling import next_sequences
from reply_tasks.ledger.tables import task_links
from reply_tasks.ledger.values import Settlement


class LinkSource(StrEnum):
    """Where a link comes from."""

    CREATED = "created"
    RECORD = "record"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Link:
    """Which task an external id stands for.

    Attributes:
        external_id: The CRM's own key.
        task_id: The task; of an ambiguous link the one that was named first.
        source: Where it comes from.
        ambiguous: Whether records disagree, so that it stands for nothing.
    """

    external_id: str
    task_id: int
    source: LinkSource
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class SortedLinks:
    """Links that a person brings, each by its external id.

    Attributes:
        new: Those that nothing was known of.
        known: Those that are there already.
        conflicts: What stands in the way of the others: what their external id stands for, else
            the external id that their task has.
    """

    new: dict[str, Link] = field(default_factory=dict)
    known: dict[str, Link] = field(default_factory=dict)
    conflicts: dict[str, Link] = field(default_factory=dict)


def links_of(connection: Connection, external_ids: Collection[str]) -> dict[str, Link]:
    """The links of these external ids, as far as there are any."""
    found = map(_link, _OF_EXTERNAL_IDS.rows_of(connection, external_ids))
    return {link.external_id: link for link in found}


def learn_links(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Learn from what was applied, or needed nothing, which task an external id stands for.

    In the transaction that settles; the counter of the operations is locked by then.
    """
    learnt = [link for link in map(_learnt_from, settlements) if link is not None]
    if learnt:
        _write(connection, learnt)


def sort_links(connection: Connection, pairs: Mapping[str, int]) -> SortedLinks:
    """What writing these links would come to.

    Args:
        connection: Any connection.
        pairs: Task ids by external id; no task is there twice.
    """
    known = links_of(connection, pairs)
    taken = _links_to(connection, pairs.values())
    sorted_links = SortedLinks()
    for external_id, task_id in pairs.items():
        link = Link(external_id, task_id, LinkSource.IMPORTED)
        other = known.get(external_id) or taken.get(task_id)
        if other is None:
            sorted_links.new[external_id] = link
        elif _agree(link, other):
            sorted_links.known[external_id] = other
        else:
            sorted_links.conflicts[external_id] = other
    return sorted_links


def import_links(
    connection: Connection, pairs: Mapping[str, int], *, replace: bool = False
) -> SortedLinks:
    """Write links that a person brings.

    Args:
        connection: In a write transaction.
        pairs: Task ids by external id; no task is there twice.
        replace: Whether what contradicts them goes. An external id that loses its task to another
            one stands for nothing any more.

    Returns:
        What came of each; with ``replace``, the conflicts are those that were overwritten.
    """
    last_sequence(connection)  # one order of locks for all writers
    sorted_links = sort_links(connection, pairs)
    _insert(connection, [(link, None) for link in sorted_links.new.values()])
    if replace:
        for external_id in sorted_links.conflicts:
            _replace(connection, external_id, pairs[external_id])
    return sorted_links


def _agree(link: Link, other: Link) -> bool:
    said = (link.external_id, link.task_id)
    return not other.ambiguous and (other.external_id, other.task_id) == said


def _replace(connection: Connection, external_id: str, task_id: int) -> None:
    rivals = connection.scalars(
        select(task_links.c.external_id).where(
            task_links.c.task_id == task_id,
            task_links.c.external_id != external_id,
            task_links.c.ambiguous.is_(False),
        )
    ).all()
    _cast_doubt(connection, list(rivals))
    connection.execute(delete(task_links).where(task_links.c.external_id == external_id))
    _insert(connection, [(Link(external_id, task_id, LinkSource.IMPORTED), None)])


def _learnt_from(settlement: Settlement) -> tuple[Link, str] | None:
    entry, task_id = settlement.entry, settlement.task_id
    says_so = settlement.outcome in {Outcome.APPLIED, Outcome.UNCHANGED} and not settlement.repeats
    if entry.external_id is None or task_id is None or not says_so:
        return None
    created = entry.operation is Operation.CREATE
    source = LinkSource.CREATED if created else LinkSource.RECORD
    return Link(entry.external_id, task_id, source), entry.operation_id


def _write(connection: Connection, learnt: list[tuple[Link, str]]) -> None:
    known = links_of(connection, {link.external_id for link, _ in learnt})
    missing = [(link, by) for link, by in learnt if link.external_id not in known]
    taken = _links_to(connection, {link.task_id for link, _ in missing})
    new: list[tuple[Link, str | None]] = []
    in_doubt: dict[str, None] = {}
    for link, by in learnt:
        other = known.get(link.external_id)
        if other is None:
            ambiguous = link.task_id in taken
            made = Link(link.external_id, link.task_id, link.source, ambiguous)
            known[link.external_id] = taken[link.task_id] = made
            new.append((made, by))
        elif other.task_id != link.task_id and not other.ambiguous:
            in_doubt[link.external_id] = None
    _insert(connection, new)
    _cast_doubt(connection, list(in_doubt))


def _insert(connection: Connection, links: list[tuple[Link, str | None]]) -> None:
    if not links:
        return
    now = clock(connection)
    numbers = next_sequences(connection, "task_links", len(links))
    connection.execute(
        insert(task_links),
        [
            {
                "external_id": link.external_id,
                "task_id": link.task_id,
                "source": link.source,
                "ambiguous": link.ambiguous,
                "operation_id": by,
                "linked_at": now,
                "sequence": number,
            }
            for number, (link, by) in zip(numbers, links, strict=True)
        ],
    )


def _cast_doubt(connection: Connection, external_ids: list[str]) -> None:
    """Records disagree on these: they stand for nothing any more, and the warehouse hears of it."""
    numbers = next_sequences(connection, "task_links", len(external_ids)) if external_ids else ()
    for number, external_id in zip(numbers, external_ids, strict=True):
        connection.execute(
            update(task_links)
            .where(task_links.c.external_id == external_id)
            .values(ambiguous=True, sequence=number)
        )


def _links_to(connection: Connection, task_ids: Collection[int]) -> dict[int, Link]:
    found: dict[int, Link] = {}
    for link in map(_link, _TO_TASKS.rows_of(connection, task_ids)):
        if link.task_id not in found or found[link.task_id].ambiguous:
            found[link.task_id] = link
    return found


def _link(row: Sequence[Any]) -> Link:
    external_id, task_id, source, ambiguous = row
    return Link(external_id, task_id, LinkSource(source), ambiguous)


_LINKS = select(*(task_links.c[each.name] for each in fields(Link)))
_OF_EXTERNAL_IDS = Query(_LINKS.where(task_links.c.external_id.in_(IDS)))
_TO_TASKS = Query(_LINKS.where(task_links.c.task_id.in_(IDS)))
