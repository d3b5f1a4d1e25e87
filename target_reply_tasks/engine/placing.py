"""Placing: which lane a record goes to, and which task it means that brings the CRM's key alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import Entry, Execution, KnownTask
from reply_tasks.ledger.links import Link, LinkSource
from target_reply_tasks.engine.judgements import Judgement
from target_reply_tasks.engine.lanes import Lanes
from target_reply_tasks.engine.linking import (
    Linking,
    already_linked,
    ambiguous,
    behind_uncertain_creation,
)
from target_reply_tasks.work import Work

if TYPE_CHECKING:
    from reply_tasks.contract import TaskRecord


class Placing:
    """The records that wait for the ledger to say which task they mean.

    Args:
        linking: The links that they need.
    """

    def __init__(self, linking: Linking) -> None:
        self._linking = linking
        self._unplaced: list[Work] = []
        #: What records were before their tasks were found, in the turn that is not committed yet.
        self._as_read: list[tuple[Work, TaskRecord, Entry]] = []

    def remember(self) -> Callable[[], None]:
        """What restores all this as it is now: for a turn that may not be committed."""
        unplaced = list(self._unplaced)
        self._as_read = []

        def put_back() -> None:
            for work, record, entry in reversed(self._as_read):
                work.means(record, entry)
            self._unplaced = unplaced

        return put_back

    @property
    def any_wait(self) -> bool:
        """Whether a record waits for its lane."""
        return bool(self._unplaced)

    def keeps(self, work: Work) -> bool:
        """Whether a record that was read waits for its lane.

        One that brings no id is placed when the ledger can be asked, and so is all that is read
        behind it until then.
        """
        waits = bool(self._unplaced) or work.waits_for_id
        if waits:
            self._unplaced.append(work)
        return waits

    def place(self, connection: Connection, lanes: Lanes) -> Iterator[Work]:
        """The records that wait, in the order read, each when its lane is known."""
        unplaced, self._unplaced = self._unplaced, []
        if not unplaced:
            return
        self._linking.look_up(connection, unplaced)
        for work in unplaced:
            if work.waits_for_id and not lanes.has(work.task_id):
                tasks = self._tasks_of(work, lanes)
                if len(tasks) == 1:
                    self._is_about(work, *tasks)
            yield work

    def look_up(self, connection: Connection, heads: Iterable[Work]) -> None:
        """Ask the ledger for the links of these records, as far as they need them."""
        self._linking.look_up(connection, heads)

    def found(self, work: Work, lanes: Lanes) -> int | None:
        """The task of a head that had none, if it is known now: then its lane is that task's."""
        tasks = self._tasks_of(work, lanes) if work.waits_for_id else frozenset()
        if len(tasks) != 1:
            return None
        (task_id,), key = tasks, work.task_id
        for each in lanes.waiting(key):
            if each.waits_for_id:
                self._is_about(each, task_id)
        lanes.move(key, task_id)
        return task_id

    def judge(self, work: Work, known: KnownTask, lanes: Lanes) -> Judgement | None:
        """What a record comes to without a call whose task has no id yet; None: it creates it."""
        link = self._linking.link_of(work)
        if work.operation is Operation.CREATE:
            if known.execution is not None and not _says_more(link, work, known.execution):
                return None
            link = link or _named(work, lanes)
            return None if link is None else already_linked(work, link)
        if self._tasks_of(work, lanes):
            return ambiguous(work)
        if known.execution is not None and known.execution.outcome is Outcome.UNCERTAIN:
            return behind_uncertain_creation(work, known.execution)
        missing = self._linking.missing(work)
        if missing is None:
            self._as_read.append((work, work.record, work.entry))
            work.becomes_creation()
        return missing

    def _tasks_of(self, work: Work, lanes: Lanes) -> frozenset[int]:
        """The task that an external id stands for; several where that is not clear."""
        link = self._linking.link_of(work)
        named = lanes.named(work.entry.external_id or "")
        if link is None:
            return named
        return named | {link.task_id, *((0,) if link.ambiguous else ())}

    def _is_about(self, work: Work, task_id: int) -> None:
        self._as_read.append((work, work.record, work.entry))
        work.found(task_id)


def _named(work: Work, lanes: Lanes) -> Link | None:
    """What records in hand say that an external id stands for, before the ledger has learnt it."""
    name = work.entry.external_id
    tasks = lanes.named(name or "")
    if name is None or not tasks:
        return None
    return Link(name, min(tasks), LinkSource.RECORD, ambiguous=len(tasks) > 1)


def _says_more(link: Link | None, work: Work, made: Execution) -> bool:
    """Whether the link that an earlier creation made decides: of another body it names the task."""
    applied = made.outcome is Outcome.APPLIED
    return link is not None and applied and made.body_hash != work.entry.body_hash
