"""What commands print: tables that fit the terminal, colours only on one, JSON for scripts."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.contract.shown import shown

#: The colour of an outcome, by its name; the words say all that the colours do.
STYLES: Mapping[str, str] = {
    "applied": "green",
    "unchanged": "cyan",
    "superseded": "blue",
    "rejected": "yellow",
    "held": "bold yellow",
    "uncertain": "bold magenta",
}
#: So much of an operation's id tells it from all others, and can be given to a command.
ID_LENGTH = 12


def console() -> Console:
    """Where tables and lines for a person go: standard output, 80 columns into a pipe."""
    return Console(highlight=False, markup=False, emoji=False)


def table(*headings: str) -> Table:
    """An empty table in the style of all commands."""
    made = Table(
        header_style="bold",
        show_header=any(headings),
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def section(out: Console, title: str, content: RenderableType) -> None:
    """A titled part of what a command prints, with a blank line before it."""
    out.print()
    out.print(Text(title, "bold"))
    out.print(content)


def cell(value: object, style: str = "") -> Text:
    """A value in a table: escaped, so that no text from outside acts on the terminal."""
    match value:
        case None:
            return Text("")
        case datetime():
            return Text(moment(value), style)
        case _:
            return Text(shown(str(value)), style)


def moment(value: datetime) -> str:
    """An instant for a person."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(value: datetime, now: datetime) -> str:
    """How long ago, or how soon, in the largest two units that count."""
    return duration(abs(now - value))


def duration(value: timedelta) -> str:
    """A length of time for a person, e.g. ``3 h 20 min``."""
    seconds = round(value.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min"
    return f"{seconds} s"


def ending(outcome: Outcome | None, reason: object = None) -> Text:
    """How an operation ended."""
    if outcome is None:
        return Text("claimed", "bold")
    words = f"{outcome}: {reason}" if reason else str(outcome)
    return Text(words, STYLES.get(str(outcome), ""))


def print_json(value: Any) -> None:  # noqa: ANN401 - any value made of dataclasses
    """Write a value as JSON: dataclasses as objects, instants in ISO 8601."""
    click.echo(json.dumps(as_json(value), indent=2))


def as_json(value: Any) -> Any:  # noqa: ANN401
    """A value of dataclasses, enums and instants, in what JSON knows."""
    if hasattr(value, "__dataclass_fields__"):
        return as_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): as_json(member) for name, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def csv_line(values: Iterable[object]) -> str:
    """A line of CSV, without its end, in which no text from outside begins a formula."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(map(_csv_value, values))
    return line.getvalue()


def _csv_value(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def unguarded(text: str) -> str:
    """A text as it was before ``csv_line`` kept it from being a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
