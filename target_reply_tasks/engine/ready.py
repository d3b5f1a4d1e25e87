"""Ready: the heads of lanes that were judged, and that a call may take."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation
from target_reply_tasks.batch import MOST_TASKS, Batch, Kind, kind_of
from target_reply_tasks.work import Work

#: Seconds that an update rests before it is sent, so that a later one may supersede it; and for
#: which nothing must join what may share a call.
LOOK_AHEAD = 0.05
#: Seconds that what may share a call rests at most while others may go on joining it.
MOST_REST = 1.0


@dataclass(frozen=True, slots=True)
class Rest:
    """How long what is ready rests, where a moment's wait may save a call.

    Attributes:
        before: It goes if it was read before this instant.
        others_join: Whether calls are under way, whose end makes room for more records: then what
            may share a call rests for as long as it may.
    """

    before: float
    others_join: bool = False


class Ready:
    """The records that may be sent, each user's in the order judged."""

    def __init__(self) -> None:
        self._heads: dict[str | None, deque[Work]] = {}
        self._due: float | None = None

    def copy(self) -> "Ready":
        """What is ready now."""
        copied = Ready()
        copied._heads = {user: heads.copy() for user, heads in self._heads.items()}
        copied._due = self._due
        return copied

    def add(self, work: Work) -> None:
        """A head was judged: it may be sent."""
        self._heads.setdefault(work.user, deque()).append(work)

    def clear(self) -> Iterator[Work]:
        """Nothing is ready any more; what was."""
        heads, self._heads = self._heads, {}
        for works in heads.values():
            yield from works

    def users(self) -> list[str | None]:
        """The users for whom something is ready."""
        return [user for user, heads in self._heads.items() if heads]

    def holds_irreversible(self) -> bool:
        """Whether something is ready that can't be undone."""
        return any(
            work.operation in IRREVERSIBLE for heads in self._heads.values() for work in heads
        )

    def shared(self) -> int:
        """How many of the records that are ready need no call of their own."""
        kinds = Counter(
            (user, kind)
            for user, heads in self._heads.items()
            for work in heads
            if (kind := kind_of(work)) is not None
        )
        return sum(count - ceil(count / MOST_TASKS) for count in kinds.values())

    def pick(
        self,
        user: str | None,
        room: Callable[[Operation], int],
        *,
        may_batch: Callable[[Operation], bool],
        rest: Rest,
        is_head: Callable[[Work], bool],
    ) -> list[Batch]:
        """The calls to make next for a user: as many as there is room for, in the order judged.

        A record takes with it, from behind it, the others that may go in the same call. The user is
        the last to be asked for more: users take turns.

        Args:
            user: Whose quota they spend.
            room: How many calls of an operation may be handed out now.
            may_batch: Whether several records of an operation may go in one call.
            rest: How long what is worth it rests.
            is_head: Whether a record is still the next on its task.
        """
        heads = self._heads.get(user)
        picked: list[Batch] = []
        aside: list[Work] = []
        while heads and len(picked) < room(heads[0].operation):
            work = heads[0]
            if not is_head(work):  # superseded: its successor is judged
                heads.popleft()
                continue
            kind = kind_of(work) if may_batch(work.operation) else None
            works = (work,) if kind is None else _of_kind(kind, filter(is_head, heads))
            if self._rests(works, kind, rest):
                if kind is None:
                    break
                aside += works
            else:
                picked.append(Batch(works))
            _take_out(heads, works)
        if heads is not None:
            heads.extendleft(reversed(aside))
        if picked:
            self._heads[user] = self._heads.pop(user)
        return picked

    def _rests(self, works: tuple[Work, ...], kind: Kind | None, rest: Rest) -> bool:
        """Whether it is worth a moment to wait for what may supersede, or join, these."""
        if len(works) == MOST_TASKS or not (kind or works[0].operation is Operation.UPDATE):
            return False
        latest = works[0].received + MOST_REST
        due = max(work.received for work in works) + LOOK_AHEAD
        due = latest if kind and rest.others_join else min(due, latest)
        rests = due > rest.before + LOOK_AHEAD
        if rests:
            self._due = min(self._due or due, due)
        return rests

    def put_back(self, user: str | None, batches: list[Batch]) -> None:
        """What was picked and can't be sent yet stays first."""
        works = [work for batch in batches for work in batch.works]
        self._heads.setdefault(user, deque()).extendleft(reversed(works))

    def take_due(self) -> float | None:
        """When something will have rested that was passed over; told once."""
        due, self._due = self._due, None
        return due


def _of_kind(kind: Kind, works: Iterable[Work]) -> tuple[Work, ...]:
    """The first of these that may go out in one call, as many as it takes."""
    return tuple(islice((work for work in works if kind_of(work) == kind), MOST_TASKS))


def _take_out(heads: deque[Work], works: tuple[Work, ...]) -> None:
    if len(works) == 1:
        heads.popleft()
        return
    taken = set(works)
    left = [work for work in heads if work not in taken]
    heads.clear()
    heads.extend(left)
