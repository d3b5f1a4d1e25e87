"""Signals: SIGTERM and SIGINT become a stop, and a reader that blocks is woken."""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import Any

from target_reply_tasks.reading.reader import InterruptibleReader

#: Wakes a reader that blocks on input when the engine wants no more.
WAKE = signal.SIGUSR1


class Signals:
    """Turns SIGTERM and SIGINT into a stop, without doing anything else in their handler.

    A handler may interrupt this thread while it holds a lock, so it only puts the signal into a
    queue that is safe for that, and a thread of its own does the rest.
    """

    def __init__(self, *, on_stop: Callable[[int], None], reader: InterruptibleReader) -> None:
        self._reader = reader
        self._on_stop = on_stop
        self._got: SimpleQueue[int | None] = SimpleQueue()
        self._first: int | None = None
        self._main = threading.main_thread().ident
        self._before: dict[int, Any] = {}
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)

    def start(self) -> None:
        """Take the signals, if this is the thread that gets them."""
        if threading.get_ident() != self._main:
            return
        for signum in (signal.SIGTERM, signal.SIGINT, WAKE):
            self._before[signum] = signal.signal(signum, self._handle)
        self._thread.start()

    def stop(self) -> None:
        """Give the signals back."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._got.put(None)

    def tell(self) -> None:
        """Tell of the first signal now, if there was one.

        The reader may see the end of its input before the thread has told why it ended.
        """
        if self._first is not None:
            self._on_stop(self._first)

    def wake_reader(self) -> None:
        """Make a reader that blocks see that the input is closed. From any thread."""
        if self._before and self._main is not None:
            signal.pthread_kill(self._main, WAKE)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if signum != WAKE:
            self._first = self._first or signum
            self._got.put(signum)
        self._reader.close()

    def _watch(self) -> None:
        while (signum := self._got.get()) is not None:
            self._on_stop(signum)
