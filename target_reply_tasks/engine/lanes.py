"""Lanes: the records of one task wait in the order read, and at most one of them is under way.

A lane is a task, or the key of one whose id is not known yet. In ``replace`` mode a later update
makes an earlier one that has not been sent superfluous, unless an execution stands between them.
"""

from dataclasses import dataclass, field

from reply_tasks.contract.outcomes import Operation
from target_reply_tasks.work import Work


@dataclass(slots=True)
class _Lane:
    """Almost every lane holds one record: a list and a tuple are the least for so few."""

    waiting: list[Work] = field(default_factory=list)
    under_way: Work | None = None
    names: tuple[str, ...] = ()


def _place(work: Work) -> int:
    """Where a record stands in the order read; what earlier runs read stands first, as it is."""
    return max(work.index, -1)


class Lanes:
    """The waiting records of all tasks. It decides nothing; it keeps order."""

    def __init__(self, *, supersedes: bool) -> None:
        self._supersedes = supersedes
        self._lanes: dict[int, _Lane] = {}
        self._named: dict[str, set[int]] = {}

    def copy(self) -> "Lanes":
        """The lanes as they are now."""
        copied = Lanes(supersedes=self._supersedes)
        copied._lanes = {
            task_id: _Lane(lane.waiting.copy(), lane.under_way, lane.names)
            for task_id, lane in self._lanes.items()
        }
        copied._named = {name: tasks.copy() for name, tasks in self._named.items()}
        return copied

    def add(self, work: Work) -> Work | None:
        """Queue a record behind the others of its task; the update that it supersedes, if any.

        A claim taken over from a dead run goes before them: it was read earlier.
        """
        task_id = work.task_id
        lane = self._lanes.get(task_id)
        if lane is None:
            lane = self._lanes[task_id] = _Lane()
        name = work.entry.external_id
        if name is not None and task_id > 0:
            self._note_name(name, task_id, lane)
        if work.recovered:
            lane.waiting.insert(0, work)
            return None
        superseded = None
        if self._supersedes and work.operation is Operation.UPDATE and lane.waiting:
            last = lane.waiting[-1]
            if last.operation is Operation.UPDATE and not last.recovered:
                superseded = lane.waiting.pop()
        lane.waiting.append(work)
        return superseded

    def _note_name(self, name: str, task_id: int, lane: _Lane) -> None:
        """A record that carries both keys tells those behind it which task its external id is."""
        if name not in lane.names:
            lane.names += (name,)
            self._named.setdefault(name, set()).add(task_id)

    def has(self, task_id: int) -> bool:
        """Whether a record of this task is in hand."""
        return task_id in self._lanes

    def named(self, external_id: str) -> frozenset[int]:
        """The tasks that records in hand name by this external id."""
        return frozenset(self._named.get(external_id, ()))

    def move(self, task_id: int, to: int) -> None:
        """A key turned out to be a task: what waits joins the task's lane, in the order read.

        A creation stays: the key is all that it has.
        """
        lane = self._lanes.pop(task_id)
        if lane.under_way is not None:  # pragma: no cover - a bug of ours
            raise AssertionError("a lane was moved while a record of it is under way")
        joined = self._lanes.setdefault(to, _Lane())
        moved = [work for work in lane.waiting if work.task_id == to]
        stay = [work for work in lane.waiting if work.task_id != to]
        joined.waiting = sorted((*joined.waiting, *moved), key=_place)
        if stay:
            self._lanes[task_id] = _Lane(stay)

    def waiting(self, task_id: int) -> tuple[Work, ...]:
        """The records that wait in a lane, in order."""
        return tuple(self._lanes[task_id].waiting)

    def head(self, task_id: int) -> Work | None:
        """The record that is next on a task; None while one is under way or none waits."""
        lane = self._lanes.get(task_id)
        if lane is None or lane.under_way is not None or not lane.waiting:
            return None
        return lane.waiting[0]

    def start(self, work: Work) -> None:
        """The head of its lane is sent: nothing else of its task may be, until it is finished."""
        lane = self._lanes[work.task_id]
        head = lane.waiting.pop(0)
        if head is not work or lane.under_way is not None:  # pragma: no cover - a bug of ours
            raise AssertionError("a record was started out of order")
        lane.under_way = work

    def finish(self, work: Work) -> bool:
        """What was under way on a task has ended; whether another one waits, which may go now."""
        lane = self._lanes[work.task_id]
        lane.under_way = None
        return not self._forget_if_empty(work.task_id, lane)

    def give_back(self, work: Work) -> None:
        """What was under way on a task was not sent: it is the next again."""
        lane = self._lanes[work.task_id]
        lane.under_way = None
        lane.waiting.insert(0, work)

    def drop_head(self, work: Work) -> bool:
        """The head of a lane was settled without being sent; whether another one waits."""
        task_id = work.task_id
        lane = self._lanes[task_id]
        lane.waiting.pop(0)
        return not self._forget_if_empty(task_id, lane)

    def _forget_name(self, name: str, task_id: int) -> None:
        self._named[name].discard(task_id)
        if not self._named[name]:
            del self._named[name]

    def _forget_if_empty(self, task_id: int, lane: _Lane) -> bool:
        empty = not lane.waiting and lane.under_way is None
        if empty:
            del self._lanes[task_id]
            for name in lane.names:
                self._forget_name(name, task_id)
        return empty
