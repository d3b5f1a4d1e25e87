"""Charts as numbers for inline SVG: a row for each outcome, so that no colour tells them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.operator import Period

#: The SVG's own units.
HEIGHT = 36
_STEP = 12
_GAP = 2
_LEAST = 2.0


class Range(NamedTuple):
    """A stretch of time that a chart shows.

    Attributes:
        name: For a person.
        step: How long one bar is.
        steps: How many bars.
        each: What one bar is, after a number.
    """

    name: str
    step: timedelta
    steps: int
    each: str


_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
RANGES: Mapping[str, Range] = {
    "day": Range("24 hours", _HOUR, 24, "an hour"),
    "fortnight": Range("14 days", _DAY, 14, "a day"),
    "quarter": Range("13 weeks", _WEEK, 13, "a week"),
}
#: The most bars that can be told apart on a phone.
_MOST_BARS = 60


def range_for(length: timedelta) -> Range:
    """The finest bars that show so long a time."""
    for step, each in ((_HOUR, "an hour"), (_DAY, "a day"), (_WEEK, "a week")):
        steps = -(-length // step) + 1
        if steps <= _MOST_BARS:
            return Range("", step, steps, each)
    return Range("", _WEEK, _MOST_BARS, "a week")


def stretch(shown: Range, now: datetime) -> tuple[datetime, datetime]:
    """From a whole hour or day on, to the end of this one."""
    begin = now.replace(minute=0, second=0, microsecond=0)
    if shown.step > _HOUR:
        begin = begin.replace(hour=0)
    until = begin + min(shown.step, _DAY)
    return until - shown.steps * shown.step, until


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from the baseline up, in the SVG's units."""

    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """One outcome over time.

    Attributes:
        width: Of the whole row.
        bars: One a period that has any.
        total: How many records.
        highest: In one period.
    """

    outcome: Outcome
    width: int
    bars: tuple[Bar, ...]
    total: int
    highest: int


def rows_of(periods: Sequence[Period]) -> tuple[Row, ...]:
    """A row for each outcome, each in its own scale: three held beside a million unchanged."""
    return tuple(_row(outcome, periods) for outcome in Outcome)


def _row(outcome: Outcome, periods: Sequence[Period]) -> Row:
    counts = [period.outcomes[outcome] for period in periods]
    highest = max(counts, default=0)
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = round(max(_LEAST, HEIGHT * count / highest), 1)
            bars.append(
                Bar(place * _STEP + _GAP // 2, round(HEIGHT - height, 1), _STEP - _GAP, height)
            )
    return Row(outcome, len(counts) * _STEP, tuple(bars), sum(counts), highest)
