"""The gate between reader and engine: it admits so much at once, and can be shut."""

from threading import Condition, RLock

from reply_tasks.ledger import Settlement
from target_reply_tasks.batch import MOST_TASKS
from target_reply_tasks.errors import InputClosedError
from target_reply_tasks.inbox import (
    Inbox,
    InputEnded,
    Received,
    Refused,
    StateRead,
    StopWanted,
)
from target_reply_tasks.work import Work

#: The most records that are in hand at once: how far superseding looks. So many full batches: a
#: window that ends in the middle of one would send it half full.
WINDOW = 6 * MOST_TASKS
#: The most that is in hand at once, in bytes of input; a larger record is in hand alone.
MOST_BYTES = 64 * 2**20


class Gate:
    """What the reader's thread may tell the engine. The engine makes room, and shuts it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._records = 0
        self._bytes = 0
        self._shut = False

    def received(self, work: Work) -> None:
        """A valid record was read. Waits while too much is in hand.

        Raises:
            InputClosedError: The run is stopping.
        """
        self._admit(1, work.size)
        self._inbox.put(Received(work), urgent=False)

    def refused(self, settlement: Settlement, size: int) -> None:
        """A record was read that can't be applied.

        Args:
            settlement: Its rejection.
            size: Bytes of its line.

        Raises:
            InputClosedError: The run is stopping.
        """
        self._admit(1, size)
        self._inbox.put(Refused(settlement, size), urgent=False)

    def state(self, text: str) -> None:
        """A STATE was read: it leaves when every record read before it is settled.

        Raises:
            InputClosedError: The run is stopping.
        """
        self._admit(0, len(text))
        self._inbox.put(StateRead(text), urgent=False)

    def end_of_input(self, *, broken: str | None = None) -> None:
        """There is no more to read; what was read is applied.

        Args:
            broken: What was wrong with the input, if it ended before its end.
        """
        self._inbox.put(InputEnded(broken), urgent=True)

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Stop: what is in flight settles, within a bound."""
        self.shut()
        self._inbox.put(StopWanted(cause, exit_code), urgent=True)

    def make_room(self, records: int, size: int) -> None:
        """So many records, and so many bytes, are no longer in hand."""
        if records or size:
            with self._changed:
                self._records -= records
                self._bytes -= size
                self._changed.notify()

    def shut(self) -> None:
        """Admit no more, and let go a reader that waits for room."""
        with self._changed:
            self._shut = True
            self._changed.notify()

    def _admit(self, records: int, size: int) -> None:
        with self._lock:  # taken through the condition it costs two calls more a record
            while not self._shut and (
                self._records + records > WINDOW
                or (self._bytes and self._bytes + size > MOST_BYTES)
            ):
                self._changed.wait()
            if self._shut:
                raise InputClosedError
            self._records += records
            self._bytes += size
