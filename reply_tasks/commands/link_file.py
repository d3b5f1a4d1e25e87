"""A cross-walk as a CSV file has it: pairs of an external id and a task's id, line by line. Pure.

Each line stands for itself, so that one that can't be read takes no other with it.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reply_tasks.commands.output import unguarded
from reply_tasks.contract.shown import shown
from reply_tasks.operator.history import LARGEST_ID

#: What a heading may call a column; the first of these that is there counts.
_EXTERNAL_ID = ("external_id", "externalid")
_TASK_ID = ("task_id", "taskid", "id")
_AMBIGUOUS = "ambiguous"
#: As long as an external id of a record may be.
LONGEST_KEY = 255
_LONGEST_SHOWN = 40
_SEPARATORS = (",", ";", "\t")


class Pair(NamedTuple):
    """A line that names an external id and its task."""

    line: int
    external_id: str
    task_id: int


class BadLine(NamedTuple):
    """A line that is left out, and why."""

    line: int
    why: str


class HeadingError(Exception):
    """The first line does not say which column is which. The message says what to do."""


def read_pairs(lines: Iterable[str]) -> Iterator[Pair | BadLine]:
    """The pairs of a file, and what is wrong with the lines that bring none.

    An external id or a task that was on an earlier line with another partner is wrong as well: of
    two that contradict each other the first counts, and a person hears of the second.

    Args:
        lines: The file's lines; what is no UTF-8 in them as surrogate escapes.

    Raises:
        HeadingError: The first line names no column of either kind.
    """
    numbered = enumerate(lines, start=1)
    _, heading = next(numbered, (1, ""))
    separator = next((each for each in _SEPARATORS if each in heading), ",")
    columns = _columns(heading, separator)
    by_key: dict[str, Pair] = {}
    by_task: dict[int, Pair] = {}
    for number, text in numbered:
        if not text.strip():
            continue
        found = _read_line(number, text, separator, columns)
        if isinstance(found, Pair):
            earlier = by_key.setdefault(found.external_id, found)
            rival = by_task.setdefault(found.task_id, found)
            if earlier.task_id != found.task_id:
                found = BadLine(
                    number, f"line {earlier.line} says that it is task {earlier.task_id}"
                )
            elif rival.external_id != found.external_id:
                key = quoted(rival.external_id)
                found = BadLine(number, f"line {rival.line} gives its task to {key}")
            elif earlier is not found:
                continue  # the same pair once more
        yield found


def _columns(heading: str, separator: str) -> Mapping[str, int]:
    names = [name.strip().lower() for name in next(csv.reader([heading], delimiter=separator), [])]
    places = {name: place for place, name in reversed([*enumerate(names)])}
    found = {}
    for column, spellings in (("key", _EXTERNAL_ID), ("task", _TASK_ID)):
        known = [name for name in spellings if name in places]
        if not known:
            raise HeadingError(
                "The first line must name the columns: external_id (or externalId), and task_id "
                "(or taskId, or id), in UTF-8."
            )
        found[column] = places[known[0]]
    if _AMBIGUOUS in places:
        found[_AMBIGUOUS] = places[_AMBIGUOUS]
    return found


def _read_line(
    number: int, text: str, separator: str, columns: Mapping[str, int]
) -> Pair | BadLine:
    try:
        cells = _cells(text, separator, columns)
        return Pair(number, _key(cells[columns["key"]]), _task_id(cells[columns["task"]]))
    except _LeftOutError as error:
        return BadLine(number, str(error))


class _LeftOutError(Exception):
    """A line brings no pair."""


def _cells(text: str, separator: str, columns: Mapping[str, int]) -> list[str]:
    try:
        text.encode()
        (read,) = csv.reader([text], delimiter=separator, strict=True)
    except UnicodeEncodeError:
        raise _LeftOutError("it is not UTF-8") from None
    except csv.Error:
        raise _LeftOutError("its quotes do not match") from None
    cells = list(read)
    if len(cells) <= max(columns["key"], columns["task"]):
        raise _LeftOutError("it has too few columns")
    if _AMBIGUOUS in columns and "".join(cells[columns[_AMBIGUOUS] :][:1]).strip() == "true":
        raise _LeftOutError("it is marked as ambiguous: say which task it is")
    return cells


def _key(text: str) -> str:
    key = unguarded(text)
    if not key.strip():
        raise _LeftOutError("its external id is empty")
    if key != key.strip():  # of a record it would be part of the key
        raise _LeftOutError(f"its external id begins or ends with a space: {quoted(key)}")
    if len(key) > LONGEST_KEY or "\0" in key:
        raise _LeftOutError(f"its external id is no text of at most {LONGEST_KEY} characters")
    return key


def _task_id(text: str) -> int:
    text = text.strip()
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))
    if not digits or not 0 < int(text) <= LARGEST_ID:
        raise _LeftOutError(f"{quoted(text)} is no task's id")
    return int(text)


def quoted(text: str) -> str:
    """A value of a file, as a person may see it."""
    return shown(repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"))
