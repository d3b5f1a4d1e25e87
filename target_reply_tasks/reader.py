"""The reader: Singer messages from standard input, in a way that a signal or a stop can end."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from io import TextIOWrapper
from queue import SimpleQueue
from types import FrameType
from typing import IO, Any

from singer_sdk.singerlib.encoding import SimpleSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_reply_tasks.world import InputClosedError

#: Wakes a reader that blocks on input when the engine wants no more.
WAKE = signal.SIGUSR1


#: As the SDK decodes, whose own function makes a decoder for each line.
_decode = json.JSONDecoder(parse_float=Decimal).decode


class BrokenInputError(Exception):
    """A line of the input is no Singer message. The text names the line, never its content."""


class InterruptibleReader(SimpleSingerReader):
    """Reads messages until the input ends, or until it is closed from outside.

    A read that blocks restarts after a signal handler that returns (PEP 475), so the handler has to
    raise; but only while the thread is reading, so that nothing else is ever torn in the middle.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reading = False
        self._closed = False
        self._line = 0

    def close(self) -> None:
        """Read no more. Call it in the main thread, e.g. in a signal handler."""
        self._closed = True
        if self._reading:
            self._reading = False
            raise InputClosedError

    def process_lines(
        self,
        file_input: IO[str] | None,
        callbacks: dict[str, Callable[[dict[Any, Any]], None]],
    ) -> Counter[str]:
        """Read and hand on every message.

        Raises:
            BrokenInputError: A line is not a Singer message.
            InputClosedError: The input was closed from outside.
        """
        source = file_input or self.default_input
        if isinstance(source, TextIOWrapper):  # whatever the locale says, Singer is UTF-8
            source.reconfigure(encoding="utf-8", errors="surrogateescape")
        lines: Any = self._lines(source)
        try:
            counts: Counter[str] = super().process_lines(lines, callbacks)
        except InvalidInputLine as error:
            missing = str(error).partition(" key(s)")[0].rpartition("required ")[2]
            raise BrokenInputError(
                f"Line {self._line} of the input lacks {missing or 'a required member'}."
            ) from None
        return counts

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Parse a line; what it holds is never shown, as the SDK's own method would."""
        try:
            message: object = _decode(line)
        except json.JSONDecodeError as error:
            raise BrokenInputError(
                f"Line {self._line} of the input is not JSON ({error.msg} at column "
                f"{error.colno}). A tap that was cut off leaves such a line."
            ) from None
        except (ValueError, RecursionError) as error:
            raise BrokenInputError(
                f"Line {self._line} of the input can't be read as JSON: {type(error).__name__}."
            ) from None
        if not isinstance(message, dict):
            raise BrokenInputError(f"Line {self._line} of the input is not a Singer message.")
        return message

    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        kind = str(message_dict.get("type"))[:40]
        raise BrokenInputError(
            f"Line {self._line} of the input has the unknown message type {kind!r}."
        )

    def _lines(self, source: Iterable[str]) -> Iterator[str]:
        lines = iter(source)
        while True:
            self._reading = True
            if self._closed:
                self._reading = False
                raise InputClosedError
            try:
                line = next(lines, None)
            finally:
                self._reading = False
            self._line += 1
            if line is None:
                return
            if not _is_utf8(line):
                raise BrokenInputError(f"Line {self._line} of the input is not UTF-8.")
            if not line.isspace():
                yield line


def _is_utf8(line: str) -> bool:
    """Whether nothing in a line was escaped when it was decoded."""
    try:
        return line.isascii() or bool(line.encode())
    except UnicodeEncodeError:
        return False


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
