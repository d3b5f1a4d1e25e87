"""Log lines that block nobody, and that nothing from outside can forge."""

import copy
import logging
import os
import traceback
from collections.abc import Iterator
from queue import Full, Queue
from threading import Thread
from typing import Self

import click

from reply_tasks.contract.shown import shown

#: Lines that wait at most for whoever reads them; more are counted, not kept.
MOST_WAITING = 10_000
#: Seconds without a line getting out after which nobody is thought to read any more.
PATIENCE = 2.0


class LogLines:
    """While it is entered, every handler works in a thread of its own.

    A full pipe then blocks that thread, never the one that says something. When the process ends
    and nobody reads what is left, it ends all the same: without the interpreter's own farewell,
    which would wait for the same pipe.
    """

    def __init__(self) -> None:
        self._queue: Queue[tuple[list[logging.Handler], logging.LogRecord] | None] = Queue(
            MOST_WAITING
        )
        self._before: list[tuple[logging.Logger, list[logging.Handler]]] = []
        self._left_out = 0
        self._written = 0
        self._thread = Thread(target=self._write, name="log", daemon=True)

    def __enter__(self) -> Self:
        for logger in _all_loggers():
            if logger.handlers:
                self._before.append((logger, logger.handlers[:]))
                logger.handlers[:] = [_HandOn(self, logger.handlers[:])]
        self._thread.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        for logger, handlers in self._before:
            logger.handlers[:] = handlers
        if not self._drained():
            os._exit(_exit_code(error))

    def take(self, handlers: list[logging.Handler], record: logging.LogRecord) -> None:
        """Take a line, from any thread, without waiting."""
        try:
            self._queue.put_nowait((handlers, record))
        except Full:
            self._left_out += 1

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            handlers, record = item
            _handle(handlers, record)
            self._written += 1
            if self._left_out:
                left_out, self._left_out = self._left_out, 0
                text = f"{left_out} lines were left out here, since nobody read them in time."
                _handle(handlers, logging.makeLogRecord({**record.__dict__, "msg": text}))

    def _drained(self) -> bool:
        """Wait until all is written.

        Returns:
            False if nobody reads it.
        """
        written = -1
        while written != self._written:
            written = self._written
            try:
                self._queue.put(None, timeout=PATIENCE)
            except Full:
                continue
            break
        written = -1
        while self._thread.is_alive() and written != self._written:
            written = self._written
            self._thread.join(PATIENCE)
        return not self._thread.is_alive()


class _HandOn(logging.Handler):
    """Stands for a logger's own handlers."""

    def __init__(self, lines: LogLines, handlers: list[logging.Handler]) -> None:
        super().__init__()
        self._lines = lines
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on."""
        self._lines.take(self._handlers, unforgeable(record))


def unforgeable(record: logging.LogRecord) -> logging.LogRecord:
    """A line of which nothing passes for another line, or acts on a terminal."""
    record = copy.copy(record)
    record.name = shown(record.name)
    text = record.getMessage()
    if (safe := shown(text)) != text:
        record.msg, record.args = safe, None
    if record.exc_info and record.exc_info[0] is not None:
        lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        record.exc_text = "\n".join(f"    {shown(line)}" for line in lines)
    return record


def _handle(handlers: list[logging.Handler], record: logging.LogRecord) -> None:
    for handler in handlers:
        if record.levelno >= handler.level:
            handler.handle(record)


def _all_loggers() -> Iterator[logging.Logger]:
    yield logging.getLogger()
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _exit_code(error: BaseException | None) -> int:
    """What the process would have ended with."""
    match error:
        case None:
            return 0
        case SystemExit(code=int(code)) | click.exceptions.Exit(exit_code=code):
            return code
        case SystemExit(code=None):
            return 0
        case _:
            return 1
