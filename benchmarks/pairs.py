"""Paired runs: A B A B …, so that what disturbs the machine disturbs both alike."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Usage
from benchmarks.server import Served
from benchmarks.table import Goal, Row


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contender."""

    usage: Usage
    served: Served | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who does a job.

    Attributes:
        name: As the table shows it.
        run: Does it once.
    """

    name: str
    run: Callable[[], Sample]


def compare(  # noqa: PLR0913 - a case, by name
    case: str,
    *,
    records: int,
    ours: Contender,
    peer: Contender,
    runs: int,
    ratio: Callable[[Usage, Usage], float],
    goal: Goal,
) -> list[Row]:
    """Run both in turns; ``ratio`` is taken of each pair (ours, peer)."""
    pairs = [(ours.run(), peer.run()) for _ in range(runs)]
    found = median(ratio(mine.usage, theirs.usage) for mine, theirs in pairs)
    mine, theirs = zip(*pairs, strict=True)
    return [
        row(case, ours.name, records, mine, ratio=found, goal=goal),
        row(case, peer.name, records, theirs),
    ]


def row(  # noqa: PLR0913 - the cells of a row
    case: str,
    contender: str,
    records: int,
    samples: "tuple[Sample, ...]",
    *,
    ratio: float | None = None,
    goal: Goal | None = None,
) -> Row:
    """The medians of some runs; of calls and 429s, the most."""
    served = [sample.served for sample in samples if sample.served is not None]
    return Row(
        case=case,
        contender=contender,
        records=records,
        usage=Usage(
            seconds=median(sample.usage.seconds for sample in samples),
            cpu_seconds=median(sample.usage.cpu_seconds for sample in samples),
            peak_mb=median(sample.usage.peak_mb for sample in samples),
        ),
        calls=max((each.calls for each in served), default=None),
        refused=max((each.refused for each in served), default=None),
        ratio=ratio,
        goal=goal,
    )


def rate(ours: Usage, peer: Usage) -> float:
    """How many times as fast as the peer."""
    return peer.seconds / ours.seconds


def time(ours: Usage, peer: Usage) -> float:
    """How many times the peer's time."""
    return ours.seconds / peer.seconds
