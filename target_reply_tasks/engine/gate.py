"""The gate between reader and engine: it admits so many records at once, and can be shut."""

from threading import Event, Semaphore
from typing import Any

from reply_tasks.ledger import Settlement
from target_reply_tasks.engine.inbox import (
    Inbox,
    InputEnded,
    Received,
    Refused,
    StateRead,
    StopWanted,
)
from target_reply_tasks.errors import InputClosedError
from target_reply_tasks.work import Work

#: The most records that are in hand at once: what bounds memory, and how far superseding looks.
WINDOW = 1000


class Gate:
    """What the reader's thread may tell the engine. The engine makes room, and shuts it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._window = Semaphore(WINDOW)
        self._shut = Event()

    def received(self, work: Work) -> None:
        """A valid record was read. Waits while too many are in hand.

        Raises:
            InputClosedError: The run is stopping.
        """
        self._admit()
        self._inbox.put(Received(work), urgent=False)

    def refused(self, settlement: Settlement) -> None:
        """A record was read that can't be applied.

        Raises:
            InputClosedError: The run is stopping.
        """
        self._admit()
        self._inbox.put(Refused(settlement), urgent=False)

    def state(self, value: Any) -> None:  # noqa: ANN401 - any JSON
        """A STATE was read: it leaves when every record read before it is settled."""
        self._inbox.put(StateRead(value), urgent=False)

    def end_of_input(self, *, broken: str | None = None) -> None:
        """There is no more to read; what was read is applied.

        Args:
            broken: What was wrong with the input, if it ended before its end.
        """
        self._inbox.put(InputEnded(broken), urgent=True)

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Stop: what is in flight settles, within a bound."""
        self._shut.set()
        self._inbox.put(StopWanted(cause, exit_code), urgent=True)

    def make_room(self, settled: int) -> None:
        """So many records are no longer in hand."""
        if settled:
            self._window.release(settled)

    def shut(self) -> None:
        """Admit no more, and let go a reader that waits for room."""
        self._shut.set()
        self._window.release()

    def _admit(self) -> None:
        if not self._shut.is_set():
            self._window.acquire()
        if self._shut.is_set():
            raise InputClosedError
