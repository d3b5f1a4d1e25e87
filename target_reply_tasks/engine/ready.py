"""Ready: the heads of lanes that were judged, and that a call may take."""

from collections import deque
from collections.abc import Callable, Iterator

from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation
from target_reply_tasks.work import Work

#: Seconds that an update rests before it is sent, so that a later one may supersede it.
LOOK_AHEAD = 0.05


class Ready:
    """The records that may be sent, each user's in the order judged."""

    def __init__(self) -> None:
        self._heads: dict[str | None, deque[Work]] = {}
        self._rests_until: float | None = None

    def copy(self) -> "Ready":
        """What is ready now."""
        copied = Ready()
        copied._heads = {user: heads.copy() for user, heads in self._heads.items()}
        copied._rests_until = self._rests_until
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

    def pick(
        self,
        user: str | None,
        room: Callable[[Operation], int],
        *,
        rested_before: float,
        is_head: Callable[[Work], bool],
    ) -> list[Work]:
        """The records to send next for a user: as many as there is room for, in the order judged.

        The user is the last to be asked for more: users take turns.

        Args:
            user: Whose quota they spend.
            room: How many records of an operation may be handed out now.
            rested_before: Only updates that were read before this instant.
            is_head: Whether a record is still the next on its task.
        """
        heads = self._heads.get(user)
        picked: list[Work] = []
        while heads and len(picked) < room(heads[0].operation):
            work = heads[0]
            if not is_head(work):  # superseded: its successor is judged
                heads.popleft()
                continue
            if work.operation is Operation.UPDATE and work.received > rested_before:
                self._rests_until = min(self._rests_until or work.received, work.received)
                break
            picked.append(heads.popleft())
        if picked:
            self._heads[user] = self._heads.pop(user)
        return picked

    def put_back(self, user: str | None, works: list[Work]) -> None:
        """Records that were picked and can't be sent yet: they stay first."""
        self._heads.setdefault(user, deque()).extendleft(reversed(works))

    def take_due(self) -> float | None:
        """When an update will have rested that was passed over; told once."""
        due = None if self._rests_until is None else self._rests_until + LOOK_AHEAD
        self._rests_until = None
        return due
