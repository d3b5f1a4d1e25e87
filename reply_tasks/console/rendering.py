"""From values to HTML: every text is escaped, and what draws nothing is written as its escape."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reply_tasks.commands.output import ID_LENGTH, ago, duration
from reply_tasks.console.readable import has_markup, readable
from reply_tasks.contract.naming import NOUNS
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.contract.shown import shown

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"

_COMMAND = re.compile(r"`([^`<>]+)`")

#: A shape beside the word, so that a glance is enough without colour.
_SHAPES: Mapping[Outcome, str] = {
    Outcome.APPLIED: "●",
    Outcome.UNCHANGED: "○",
    Outcome.SUPERSEDED: "↷",
    Outcome.REJECTED: "✕",
    Outcome.HELD: "❚❚",
    Outcome.UNCERTAIN: "?",
}


def make_environment() -> Environment:
    """The templates, with what they may use."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "text": _text,
        "line": _line,
        "sentence": _sentence,
        "moment": _moment,
        "age": _age,
        "number": _number,
        "short_id": _short_id,
        "readable": readable,
        "took": duration,
    }
    environment.tests |= {"markup": has_markup}
    environment.globals |= {"shapes": _SHAPES, "Outcome": Outcome, "nouns": NOUNS}
    return environment


def _text(value: str) -> str:
    """A text of several lines, with nothing in it that could hide or turn letters."""
    return shown(value, lines=True)


def _line(value: object) -> str:
    """A value on one line."""
    return "" if value is None else shown(str(value))


def _sentence(value: object) -> Markup:
    """A sentence for a person: what stands between backticks in it is a command."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(_line(value)))))  # noqa: S704  # nosec B704


def _moment(value: datetime) -> Markup:
    at = value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M}"
    )


def _age(value: datetime, now: datetime) -> str:
    return ago(value, now)


def _number(value: int) -> str:
    return f"{value:,}"


def _short_id(operation_id: str) -> str:
    return operation_id[:ID_LENGTH]


_ENVIRONMENT = make_environment()


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page."""
    return _ENVIRONMENT.get_template(template).render(now=datetime.now(UTC), **values)
