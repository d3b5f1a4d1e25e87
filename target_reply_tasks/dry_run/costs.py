"""What the calls of an input cost beside those of each record by itself: look-ups, and batches."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from reply_tasks.contract.members import LOOKED_UP
from target_reply_tasks.batch import MOST_TASKS, Kind, kind_of
from target_reply_tasks.dry_run.planned import NO_CALLS, CallRange
from target_reply_tasks.work import Work

#: Asked for one, Reply lists all.
_OF_USERS = "assignedUserEmail"


class Cost(NamedTuple):
    """What a record adds to the cost of those before it.

    Attributes:
        looked_up: The members that stand for an id which is looked up.
        look_ups: The calls that find those ids; an address is asked for once.
        batched: Whether it may go out in a call with others.
        begins_a_batch: Whether the fullest batches leave no room for it in the call before.
    """

    looked_up: tuple[str, ...] = ()
    look_ups: CallRange = NO_CALLS
    batched: bool = False
    begins_a_batch: bool = True


class Costs:
    """Counts what was planned so far."""

    def __init__(self) -> None:
        self._asked: set[tuple[str | None, str, str]] = set()
        self._in_batches: Counter[tuple[str | None, Kind]] = Counter()

    def of(self, work: Work, unknown: Collection[str]) -> Cost:
        """What a record costs that would be sent.

        Args:
            work: The record.
            unknown: Its members whose addresses the ledger does not know.
        """
        looked_up = tuple(name for name in LOOKED_UP if work.record.body.get(name) is not None)
        calls = NO_CALLS
        for member in unknown:
            calls = calls.plus(self._look_up(work, member))
        cost = Cost(looked_up, calls)
        kind = kind_of(work)
        if kind is None:
            return cost
        place = self._in_batches[work.user, kind] % MOST_TASKS
        self._in_batches[work.user, kind] += 1
        return cost._replace(batched=True, begins_a_batch=place == 0)

    def _look_up(self, work: Work, member: str) -> CallRange:
        """An address is asked for once; one call brings all users of a team."""
        key = work.user, member, str(work.record.body[member])
        if key in self._asked:
            return NO_CALLS
        told_already = member == _OF_USERS and any(
            each[:2] == (work.user, member) for each in self._asked
        )
        self._asked.add(key)
        return CallRange(0, 1) if told_already else CallRange(1, 1)
