"""Charts as numbers for inline SVG: a row for each outcome, so that no colour tells them apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.operator import Period

#: The SVG's own units.
HEIGHT = 36
_STEP = 12
_GAP = 2
_LEAST = 2.0


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
