"""What was measured, as one table."""

from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Usage


@dataclass(frozen=True, slots=True)
class Row:
    """One contender in one case; medians over its runs.

    Attributes:
        case: What was done.
        contender: By whom.
        records: Of one run.
        usage: Of one run.
        calls: That reached the sandbox in one run; None where there is no sandbox.
        refused: How many of them were answered with 429.
        ratio: How we compare with the peer of this case: the median over pairs of runs.
        goal: What ``ratio`` should be.
    """

    case: str
    contender: str
    records: int
    usage: Usage
    calls: int | None = None
    refused: int | None = None
    ratio: float | None = None
    goal: "Goal | None" = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio should be: at least, or at most."""

    value: float
    at_most: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio reaches it."""
        return ratio <= self.value if self.at_most else ratio >= self.value

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{'≤' if self.at_most else '≥'} {self.value:g}"


_NUMBERS = (
    "records",
    "records/s",
    "CPU ms a record",
    "peak MB",
    "calls",
    "429s",
    "ratio",
    "goal",
)


def show(rows: list[Row], console: Console) -> None:
    """Print the table."""
    table = Table(title="reply-tasks beside its peers: whole processes, medians")
    table.add_column("case", overflow="fold")
    table.add_column("who", overflow="fold")
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for row in rows:
        if before is not None and before != row.case:
            table.add_section()
        table.add_row("" if before == row.case else row.case, row.contender, *_cells(row))
        before = row.case
    console.print(table)


def as_json(rows: list[Row]) -> list[dict[str, object]]:
    """The rows as JSON."""
    return [
        {
            **asdict(row),
            "goal": None if row.goal is None else str(row.goal),
            "met": None if row.goal is None or row.ratio is None else row.goal.met(row.ratio),
        }
        for row in rows
    ]


def _cells(row: Row) -> list[str]:
    ratio, goal = "", ""
    if row.ratio is not None:
        ratio = f"{row.ratio:.2f}"
        if row.goal is not None:
            goal = f"{row.goal} {'✓' if row.goal.met(row.ratio) else '✗'}"
    return [
        f"{row.records:,}",
        f"{row.records / row.usage.seconds:,.{1 if row.usage.seconds > row.records else 0}f}",
        f"{row.usage.cpu_seconds * 1000 / row.records:.2f}",
        f"{row.usage.peak_mb:.1f}",
        "" if row.calls is None else f"{row.calls:,}",
        "" if row.refused is None else f"{row.refused:,}",
        ratio,
        goal,
    ]
