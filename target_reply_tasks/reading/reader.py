"""The reader: Singer messages from standard input, until they end or the input is closed."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from typing import IO, Any

from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.singerlib.encoding import SimpleSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_reply_tasks.errors import InputClosedError
from target_reply_tasks.reading.json_text import BYTE_ORDER_MARK, member_text, read_json


class BrokenInputError(Exception):
    """A line of the input is not a Singer message. The text names the line, never its content."""


class InterruptibleReader(SimpleSingerReader):
    """Reads messages until the input ends, or until it is closed from outside.

    A read that blocks restarts after a signal handler that returns (PEP 475), so the handler has to
    raise; but only while the thread is reading, so that nothing else is ever torn in the middle.

    Attributes:
        line_size: Bytes of the line that was read last.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reading = False
        self._closed = False
        self._line = 0
        self.line_size = 0

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
        lines: Any = self._lines(as_singer_text(source))
        try:
            counts: Counter[str] = super().process_lines(lines, callbacks)
        except InvalidInputLine as error:
            missing = str(error).partition(" key(s)")[0].rpartition("required ")[2]
            raise BrokenInputError(
                f"Line {self._line} of the input lacks {missing or 'a required member'}."
            ) from None
        return counts

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Parse a line; what it holds is never shown, as the SDK's own method would.

        The value of a STATE stays the text that it is: nothing is lost that is never read.
        """
        try:
            message = read_json(line)
        except json.JSONDecodeError as error:
            raise BrokenInputError(
                f"Line {self._line} of the input is not JSON ({error.msg} at column "
                f"{error.colno}). A tap that was cut off leaves such a line."
            ) from None
        if not isinstance(message, dict):
            raise BrokenInputError(f"Line {self._line} of the input is not a Singer message.")
        if message.get("type") == "STATE" and "value" in message:
            message["value"] = member_text(line, "value")
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
            if self._line == 1:
                line = line.removeprefix(BYTE_ORDER_MARK)
            try:
                self.line_size = len(line) if line.isascii() else len(line.encode())
            except UnicodeEncodeError:  # a byte was escaped when it was decoded
                raise BrokenInputError(f"Line {self._line} of the input is not UTF-8.") from None
            if not line.isspace():
                yield line


def as_singer_text(source: Any) -> Any:  # noqa: ANN401 - a file, or lines that were read from one
    """An input as Singer has it, whatever the locale says: UTF-8, lines that end in a newline."""
    if isinstance(source, TextIOWrapper):
        source.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    return source


def what_broke(error: Exception) -> str:
    """What went wrong with the input, in a line. The SDK's own messages may hold a whole record."""
    if isinstance(error, BrokenInputError | RecordsWithoutSchemaException):
        return str(error)
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:200] if text else ''}"
