"""Signals: SIGTERM and SIGINT become a stop, and a reader that blocks is woken."""

import signal
import threading
from collections.abc import Callable
from logging import Logger
from types import FrameType
from typing import Any

from reply_tasks.watchdog import Watchdog
from target_reply_tasks.reading.reader import InterruptibleReader

#: Wakes a reader that blocks on input when the engine wants no more.
WAKE = signal.SIGUSR1
#: Seconds in which the watchdog has heard of a signal that the main thread knows of.
HEARING = 1.0


class Signals:
    """Turns SIGTERM and SIGINT into a stop, which has a bound.

    A handler may interrupt this thread while it holds a lock, so it only closes the reader; what
    else is to be done, the watchdog's thread does.
    """

    def __init__(
        self, logger: Logger, *, on_stop: Callable[[int], None], reader: InterruptibleReader
    ) -> None:
        self._reader = reader
        self._on_stop = on_stop
        self._first: int | None = None
        self._main = threading.main_thread().ident
        self._before: dict[int, Any] = {}
        self._watchdog = Watchdog(logger, on_stop=on_stop)

    def start(self) -> None:
        """Take the signals, if this is the thread that gets them."""
        if threading.get_ident() != self._main:
            return
        self._watchdog.start()
        for signum in (signal.SIGTERM, signal.SIGINT, WAKE):
            self._before[signum] = signal.signal(signum, self._handle)

    def stop(self) -> None:
        """Give the signals back."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._watchdog.stop()

    @property
    def first(self) -> int | None:
        """The signal that told this process to stop, if any."""
        if self._first is None:
            return None
        return self._watchdog.first(HEARING) or self._first

    def tell(self) -> None:
        """Tell of the first signal now, if there was one.

        The reader may see the end of its input before the watchdog has told why it ended.
        """
        first = self.first
        if first is not None:
            self._on_stop(first)

    def wake_reader(self) -> None:
        """Make a reader that blocks see that the input is closed. From any thread."""
        if self._before and self._main is not None:
            signal.pthread_kill(self._main, WAKE)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        del frame
        if signum != WAKE:
            self._first = self._first or signum
        self._reader.close()
