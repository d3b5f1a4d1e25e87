"""A watchdog: a process that was told to stop ends within a bound, whatever blocks it."""

import os
import signal
import threading
import time
from collections.abc import Callable
from logging import Logger

#: Seconds from the signal to the end. What is in flight has 20 of them to settle.
BOUND = 24.0
#: Seconds for the last line to get out.
LAST_LINE = 0.5
_LAST_LINE = (
    "Ended %.0f s after %s, while something still blocked. The ledger has what was sent; the next "
    "run settles the rest."
)
STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})


class Watchdog:
    """Learns of SIGTERM and SIGINT at once, even while the main thread is stuck in a library.

    Python runs a handler only when the main thread is between two of its instructions: not while it
    waits for a database's lock or for a pipe. What C writes into the wakeup pipe is there at once.
    To end the process hard is safe, since a kill -9 is: the ledger has what was sent.
    """

    def __init__(
        self, logger: Logger, *, on_stop: Callable[[int], object] = int, bound: float = BOUND
    ) -> None:
        """A watchdog that sleeps.

        Args:
            logger: Gets the last line of a process that had to be ended.
            on_stop: Told of every SIGTERM and SIGINT, in a thread of the watchdog's.
            bound: Seconds that the process has.
        """
        self._logger = logger
        self._on_stop = on_stop
        self._bound = bound
        self._timer: threading.Timer | None = None
        self._first: int | None = None
        self._heard = threading.Event()
        self._pipe: tuple[int, int] | None = None
        self._before = -1
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch. The signals need handlers of their own; only the main thread can ask for this."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        self._before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._thread.start()

    def first(self, timeout: float) -> int | None:
        """The signal that came first, which is waited for so many seconds; None: none came.

        Python runs the handlers of two signals that came close together by their numbers, whichever
        came first; the wakeup pipe has them in order.
        """
        self._heard.wait(timeout)
        return self._first

    def stop(self) -> None:
        """Listen no more. A process that was told to stop still has to be gone in time."""
        if self._pipe is None:
            return
        signal.set_wakeup_fd(self._before)
        os.write(self._pipe[1], b"\0")
        self._pipe = None

    def _watch(self) -> None:
        if self._pipe is None:  # pragma: no cover - it is started with one
            return
        reader, writer = self._pipe
        while number := os.read(reader, 1)[0]:
            if number not in STOPPING:
                continue
            if self._timer is None:
                self._first = number
                self._heard.set()
                self._timer = threading.Timer(self._bound, self._end, (number,))
                self._timer.daemon = True
                self._timer.start()
            self._on_stop(number)
        os.close(reader)
        os.close(writer)

    def _end(self, number: int) -> None:
        last_line = threading.Thread(
            target=self._logger.error,
            args=(
                _LAST_LINE,
                self._bound,
                signal.Signals(number).name,
            ),
            daemon=True,
        )
        last_line.start()
        time.sleep(LAST_LINE)
        os._exit(128 + number)
