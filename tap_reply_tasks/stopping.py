"""Ends the process early, by a signal or by what can't be helped, with the state that is true.

A signal may arrive while a line is half written; a STATE written then would land in the middle of
it. So the handler only takes note, unless the tap waits for a database, an answer or the quota.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging import Logger
from signal import Signals
from typing import NoReturn, TypeVar

_T = TypeVar("_T")


class Stopping:
    """Whether this process was asked to end, and how it does so.

    It leaves by SystemExit: the SDK reports any Exception as unhandled and prints its traceback.
    """

    def __init__(self, logger: Logger, write_state: Callable[[], None]) -> None:
        """Nothing was asked yet.

        Args:
            logger: Where the last line goes.
            write_state: Writes a STATE with what was emitted so far.
        """
        self._logger = logger
        self._write_state = write_state
        self._signal: Signals | None = None
        self._waiting = False

    def signalled(self, signum: int) -> None:
        """A signal arrived: leave at once if nothing can be half written, else at the next wait."""
        self._signal = Signals(signum)
        if self._waiting:
            self._waiting = False
            self.leave_if_signalled()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What runs inside writes no message, and may be left at any point."""
        self._waiting = True
        try:
            self.leave_if_signalled()
            yield
        finally:
            self._waiting = False

    def iterated(self, items: Iterator[_T]) -> Iterator[_T]:
        """The same items; the wait for each may be left."""
        while True:
            with self.waiting():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def leave_if_signalled(self) -> None:
        """Leave with exit code 128 and the signal's number, if one arrived."""
        if self._signal is not None:
            self._logger.info("Stopping on %s.", self._signal.name)
            self._leave(128 + self._signal)

    def fail(self, message: str) -> NoReturn:
        """Leave with exit code 1 and one line that tells a person what to do."""
        self._logger.error(message)
        self._leave(1)

    def _leave(self, exit_code: int) -> NoReturn:
        with suppress(OSError):  # the reader may have gone first
            self._write_state()
        raise SystemExit(exit_code)
