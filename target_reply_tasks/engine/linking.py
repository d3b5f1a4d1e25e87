"""Linking: which task a record means that brings the CRM's key alone."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from reply_tasks.contract import Violation
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.contract.validate import violations_of_creation
from reply_tasks.ledger import Execution
from reply_tasks.ledger.links import Link, links_of
from target_reply_tasks.engine.judgements import Judgement, Need
from target_reply_tasks.work import Work


class Linking:
    """The links that the heads of lanes need.

    Args:
        create_missing: Whether an update of an external id that stands for no task creates one.
    """

    def __init__(self, *, create_missing: bool) -> None:
        self._create_missing = create_missing
        self._links: Mapping[str, Link] = {}

    def look_up(self, connection: Connection, works: Iterable[Work]) -> None:
        """Ask the ledger for the links of these records, as far as they need them."""
        wanted = {
            work.entry.external_id
            for work in works
            if work.task_id < 0 and work.entry.external_id is not None
        }
        self._links = links_of(connection, wanted) if wanted else {}

    def link_of(self, work: Work) -> Link | None:
        """What the record's external id stands for, if anything."""
        return self._links.get(work.entry.external_id or "")

    def missing(self, work: Work) -> Judgement | None:
        """What a record comes to whose external id stands for no task; None: it creates the task.

        A merge that brings too little for a whole task is rejected.
        """
        if self._create_missing and work.operation is Operation.UPDATE:
            found = violations_of_creation(work.record.body)
            return no_creation(found) if found else None
        return Judgement(
            Need.SETTLE,
            Outcome.REJECTED,
            Reason.NOT_LINKED,
            f"externalId {work.entry.external_id!r} is linked to no task. Link it with "
            "`reply-tasks link`, send a record that carries both keys, or a creation first.",
        )


def ambiguous(work: Work) -> Judgement:
    """What a record comes to of whose external id records disagree."""
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.AMBIGUOUS,
        f"Records disagree on the task that externalId {work.entry.external_id!r} stands for. Give "
        "the record its id, or say which one is meant with `reply-tasks link --replace`.",
    )


def already_linked(work: Work, link: Link) -> Judgement:
    """What a creation comes to whose external id stands for a task already."""
    if link.ambiguous:
        return ambiguous(work)
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.ALREADY_EXECUTED,
        f"externalId {work.entry.external_id!r} already stands for task {link.task_id}: send an "
        "update of it.",
    )


def behind_uncertain_creation(work: Work, creation: Execution) -> Judgement:
    """What a record comes to whose task may have been made: it is not known, and not made again."""
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.NOT_LINKED,
        f"Operation {creation.operation_id} was to make the task of externalId "
        f"{work.entry.external_id!r}, and whether it did is not established: `reply-tasks resolve` "
        "settles it. Then send this record again.",
    )


def no_creation(violations: Iterable[Violation]) -> Judgement:
    """What an update comes to that should make its task, and brings too little for it."""
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.INVALID_RECORD,
        "No task is linked to its externalId, and it can't be created: "
        + " ".join(f"{violation.pointer}: {violation.message}" for violation in violations),
    )
