"""Lanes: the records of one task wait in the order read, and at most one of them is under way.

A lane is a task. In ``replace`` mode a later update makes an earlier one that has not been sent
superfluous, unless an execution stands between them.
"""

from collections import deque
from dataclasses import dataclass, field

from reply_tasks.contract.outcomes import Operation
from target_reply_tasks.work import Work


@dataclass(slots=True)
class _Lane:
    waiting: deque[Work] = field(default_factory=deque)
    under_way: Work | None = None


class Lanes:
    """The waiting records of all tasks. It decides nothing; it keeps order."""

    def __init__(self, *, supersedes: bool) -> None:
        self._supersedes = supersedes
        self._lanes: dict[int, _Lane] = {}

    def copy(self) -> "Lanes":
        """The lanes as they are now."""
        copied = Lanes(supersedes=self._supersedes)
        copied._lanes = {
            task_id: _Lane(lane.waiting.copy(), lane.under_way)
            for task_id, lane in self._lanes.items()
        }
        return copied

    def add(self, work: Work) -> Work | None:
        """Queue a record behind the others of its task; the update that it supersedes, if any.

        A claim taken over from a dead run goes before them: it was read earlier.
        """
        lane = self._lanes.get(work.task_id)
        if lane is None:
            self._lanes[work.task_id] = _Lane(deque((work,)))
            return None
        if work.recovered:
            lane.waiting.appendleft(work)
            return None
        superseded = None
        if self._supersedes and work.operation is Operation.UPDATE and lane.waiting:
            last = lane.waiting[-1]
            if last.operation is Operation.UPDATE and not last.recovered:
                superseded = lane.waiting.pop()
        lane.waiting.append(work)
        return superseded

    def head(self, task_id: int) -> Work | None:
        """The record that is next on a task; None while one is under way or none waits."""
        lane = self._lanes.get(task_id)
        if lane is None or lane.under_way is not None or not lane.waiting:
            return None
        return lane.waiting[0]

    def start(self, work: Work) -> None:
        """The head of its lane is sent: nothing else of its task may be, until it is finished."""
        lane = self._lanes[work.task_id]
        head = lane.waiting.popleft()
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
        lane.waiting.appendleft(work)

    def drop_head(self, work: Work) -> bool:
        """The head of a lane was settled without being sent; whether another one waits."""
        lane = self._lanes[work.task_id]
        lane.waiting.popleft()
        return not self._forget_if_empty(work.task_id, lane)

    def _forget_if_empty(self, task_id: int, lane: _Lane) -> bool:
        empty = not lane.waiting and lane.under_way is None
        if empty:
            del self._lanes[task_id]
        return empty
