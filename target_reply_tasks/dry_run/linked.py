"""Linked: which task a record means that brings the CRM's key alone, by the ledger and the plan."""

from collections.abc import Callable

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import KnownTask
from reply_tasks.ledger.links import Link, LinkSource
from target_reply_tasks.engine.judgements import Judgement
from target_reply_tasks.engine.linking import (
    Linking,
    already_linked,
    ambiguous,
    behind_uncertain_creation,
)
from target_reply_tasks.work import Work


class Linked:
    """The links that the ledger knows, and those that the records before would have made.

    Args:
        create_missing: Whether an update of an external id that stands for no task creates one.
        made: What is known of the tasks whose ids are not known, by the key of each.
        assume: Whether an external id is taken to be linked: no ledger is asked.
    """

    def __init__(
        self, made: dict[int, KnownTask], *, create_missing: bool, assume: bool = False
    ) -> None:
        self._linking = Linking(create_missing=create_missing)
        self._made = made
        self._assume = assume
        self._assumed: set[int] = set()
        self._named: dict[str, set[int]] = {}

    def look_up(self, connection: Connection, work: Work) -> None:
        """Ask the ledger for what a record needs."""
        self._linking.look_up(connection, [work])

    def follows(self, work: Work) -> bool:
        """Whether a record is about a task whose id is not known: a record before it creates it."""
        return work.waits_for_id and work.task_id in self._made

    def assumes(self, work: Work) -> bool:
        """Whether it is taken to be linked instead, since no ledger was asked."""
        return work.waits_for_id and work.task_id in self._assumed

    def place(self, work: Work, known: Callable[[], KnownTask]) -> Judgement | None:
        """Find the task of a record, or make a creation of it; what it comes to without either.

        Args:
            work: The record.
            known: Says what is known of the creation that its external id stands for.
        """
        if not work.waits_for_id or self.follows(work):
            return None
        tasks = self._tasks_of(work)
        if len(tasks) == 1:
            work.found(*tasks)
            return None
        if tasks:
            return ambiguous(work)
        if self._assume:
            self._assumed.add(work.task_id)
            self._made[work.task_id] = KnownTask()
            return None
        creation = known().execution
        if creation is not None and creation.outcome is Outcome.UNCERTAIN:
            return behind_uncertain_creation(work, creation)
        missing = self._linking.missing(work)
        if missing is None:
            work.becomes_creation()
        return missing

    def stands_for_another(self, work: Work, known: KnownTask) -> Judgement | None:
        """What a creation comes to whose external id stands for a task already."""
        if work.operation is not Operation.CREATE or known.execution is not None:
            return None
        tasks = self._tasks_of(work)
        if len(tasks) > 1:
            return ambiguous(work)
        for task_id in tasks:
            return already_linked(
                work, Link(work.entry.external_id or "", task_id, LinkSource.RECORD)
            )
        return None

    def learn(self, work: Work) -> None:
        """A record that carries both keys says which task its external id stands for."""
        if work.task_id > 0 and work.entry.external_id is not None:
            self._named.setdefault(work.entry.external_id, set()).add(work.task_id)

    def _tasks_of(self, work: Work) -> frozenset[int]:
        """The task that an external id stands for; several where that is not clear."""
        tasks = set(self._named.get(work.entry.external_id or "", ()))
        link = self._linking.link_of(work)
        if link is not None:
            tasks |= {link.task_id, 0} if link.ambiguous else {link.task_id}
        return frozenset(tasks)
