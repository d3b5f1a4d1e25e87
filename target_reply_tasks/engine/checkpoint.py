"""Checkpoint: which STATE may leave, because every record read before it is settled."""

import heapq
from collections import deque


class Checkpoint:
    """Numbers the records as they are read, and lets each STATE go when all before it are settled.

    Settling happens out of order. ``_settled_before`` is the number of records at the front of the
    input that are settled without a gap; what is settled beyond the first gap waits in a heap.
    """

    def __init__(self) -> None:
        self._read = 0
        self._settled_before = 0
        self._beyond: list[int] = []
        self._states: deque[tuple[int, str]] = deque()

    @property
    def read(self) -> int:
        """How many records were read."""
        return self._read

    @property
    def in_hand(self) -> int:
        """How many records were read and are not settled."""
        return self._read - self._settled_before - len(self._beyond)

    def next_index(self) -> int:
        """Number a record that was read."""
        index = self._read
        self._read += 1
        return index

    def mark(self, state: str) -> None:
        """A STATE was read: it covers all records read so far."""
        self._states.append((self._read, state))

    def settle(self, index: int) -> None:
        """A record is settled, and that is committed."""
        if index != self._settled_before:
            heapq.heappush(self._beyond, index)
            return
        self._settled_before += 1
        while self._beyond and self._beyond[0] == self._settled_before:
            heapq.heappop(self._beyond)
            self._settled_before += 1

    @property
    def states_wait(self) -> bool:
        """Whether a STATE was read that has not left."""
        return bool(self._states)

    @property
    def has_safe_state(self) -> bool:
        """Whether a STATE may leave now."""
        return bool(self._states) and self._states[0][0] <= self._settled_before

    def safe_states(self) -> list[str]:
        """The STATEs that may leave now, in order; each is given once."""
        safe = []
        while self.has_safe_state:
            safe.append(self._states.popleft()[1])
        return safe
