"""Lanes: the records of one task wait in the order read, and at most one of them is under way.

A lane is a task, or the key of one whose id is not known yet. In ``replace`` mode a later update
makes an earlier one that has not been sent superfluous, unless an execution stands between them.
"""

from collections.abc import Callable
from typing import NamedTuple

from reply_tasks.contract.outcomes import Operation
from target_reply_tasks.engine.journal import Journal
from target_reply_tasks.work import Work


class _Lane(NamedTuple):
    """The records of a task.

    Attributes:
        waiting: Those that are not under way, in the order read.
        under_way: The one that is claimed and sent.
        names: The external ids that records of the task have brought with its id.
    """

    waiting: tuple[Work, ...] = ()
    under_way: Work | None = None
    names: tuple[str, ...] = ()


_EMPTY = _Lane()


def _place(work: Work) -> int:
    """Where a record stands in the order read; what earlier runs read stands first, as it is."""
    return max(work.index, -1)


class Lanes:
    """The waiting records of all tasks. It decides nothing; it keeps order."""

    def __init__(self, *, supersedes: bool) -> None:
        self._supersedes = supersedes
        self._lanes = Journal[int, _Lane]()
        self._named = Journal[str, frozenset[int]]()

    def remember(self) -> Callable[[], None]:
        """What restores the lanes as they are now, until this is called again."""
        parts = (self._lanes.remember(), self._named.remember())

        def put_back() -> None:
            for part in parts:
                part()

        return put_back

    def add(self, work: Work) -> Work | None:
        """Queue a record behind the others of its task; the update that it supersedes, if any.

        A claim taken over from a dead run goes before them: it was read earlier.
        """
        task_id = work.task_id
        lane = self._lanes.get(task_id) or _EMPTY
        name = work.entry.external_id
        if name is not None and task_id > 0 and name not in lane.names:
            lane = _Lane(lane.waiting, lane.under_way, (*lane.names, name))
            self._named.put(name, self.named(name) | {task_id})
        waiting, superseded = lane.waiting, None
        if work.recovered:
            waiting = (work, *waiting)
        else:
            if self._supersedes and work.operation is Operation.UPDATE and waiting:
                last = waiting[-1]
                if last.operation is Operation.UPDATE and not last.recovered:
                    waiting, superseded = waiting[:-1], last
            waiting = (*waiting, work)
        self._lanes.put(task_id, _Lane(waiting, lane.under_way, lane.names))
        return superseded

    def has(self, task_id: int) -> bool:
        """Whether a record of this task is in hand."""
        return task_id in self._lanes

    def named(self, external_id: str) -> frozenset[int]:
        """The tasks that records in hand name by this external id: those which carry both keys."""
        return self._named.get(external_id) or frozenset()

    def move(self, task_id: int, to: int) -> None:
        """A key turned out to be a task: what waits joins the task's lane, in the order read.

        A creation stays: the key is all that it has.
        """
        lane = self._lanes[task_id]
        if lane.under_way is not None:  # pragma: no cover - a bug of ours
            raise AssertionError("a lane was moved while a record of it is under way")
        joined = self._lanes.get(to) or _EMPTY
        moved = [work for work in lane.waiting if work.task_id == to]
        waiting = tuple(sorted((*joined.waiting, *moved), key=_place))
        self._lanes.put(to, joined._replace(waiting=waiting))
        stay = tuple(work for work in lane.waiting if work.task_id != to)
        self._lanes.put(task_id, _Lane(stay) if stay else None)

    def waiting(self, task_id: int) -> tuple[Work, ...]:
        """The records that wait in a lane, in order."""
        return self._lanes[task_id].waiting

    def head(self, task_id: int) -> Work | None:
        """The record that is next on a task; None while one is under way or none waits."""
        lane = self._lanes.get(task_id)
        if lane is None or lane.under_way is not None or not lane.waiting:
            return None
        return lane.waiting[0]

    def start(self, work: Work) -> None:
        """The head of its lane is sent: nothing else of its task may be, until it is finished."""
        lane = self._lanes[work.task_id]
        if lane.waiting[0] is not work or lane.under_way is not None:  # pragma: no cover
            raise AssertionError("a record was started out of order")
        self._lanes.put(work.task_id, _Lane(lane.waiting[1:], work, lane.names))

    def finish(self, work: Work) -> bool:
        """What was under way on a task has ended; whether another one waits, which may go now."""
        lane = self._lanes[work.task_id]
        return self._goes_on(work.task_id, _Lane(lane.waiting, None, lane.names))

    def give_back(self, work: Work) -> None:
        """What was under way on a task was not sent: it is the next again."""
        lane = self._lanes[work.task_id]
        self._lanes.put(work.task_id, _Lane((work, *lane.waiting), None, lane.names))

    def drop_head(self, work: Work) -> bool:
        """The head of a lane was settled without being sent; whether another one waits."""
        lane = self._lanes[work.task_id]
        return self._goes_on(work.task_id, _Lane(lane.waiting[1:], lane.under_way, lane.names))

    def _goes_on(self, task_id: int, lane: _Lane) -> bool:
        """Whether a lane still holds a record; one that does not is forgotten."""
        if lane.waiting or lane.under_way is not None:
            self._lanes.put(task_id, lane)
            return True
        self._lanes.put(task_id, None)
        for name in lane.names:
            self._named.put(name, (self.named(name) - {task_id}) or None)
        return False
