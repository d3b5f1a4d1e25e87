"""``python -m benchmarks``: run the cases, print one table."""

import json
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from benchmarks.batches import batches
from benchmarks.cases import CASES as SHORT
from benchmarks.cases import Bench
from benchmarks.measure import BenchmarkError
from benchmarks.table import Row, as_json, show
from benchmarks.years import repeats, years

CASES = {**SHORT, "batches": batches, "repeats": repeats, "years": years}

_EPILOG = """\b
Example:
  python -m benchmarks --only apply --only unchanged --runs 5
"""


@click.command(epilog=_EPILOG)
@click.option("--only", multiple=True, type=click.Choice(list(CASES)), help="Just these cases.")
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Pairs of runs of each comparison; ratios are medians.",
)
@click.option(
    "--long",
    is_flag=True,
    help="With the memory of a million records, a hundred re-syncs, and a ledger of five million "
    "operations: an hour or two more, and 30 GB of room in the folder for temporary files.",
)
@click.option(
    "--postgres",
    metavar="URL",
    help="A PostgreSQL server, as postgresql+psycopg://…/postgres, where databases bench_new and "
    "bench_grown are made: with --long, the ledger of five million operations there as well.",
)
@click.option("--json", "to_json", is_flag=True, help="Print JSON instead of the table.")
def main(
    *, only: tuple[str, ...], runs: int, long: bool, postgres: str | None, to_json: bool
) -> None:
    """Measure the target and the tap beside plain peers, on a sandbox without limits.

    Every contender is a process of its own and is measured whole: its start, its work, its end.
    The machine should have nothing else to do.
    """
    rows: list[Row] = []
    failed = False
    errors = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Progress(console=errors) as progress,
    ):
        bench = Bench(Path(name), runs=runs, long=long, postgres=postgres)
        for case in progress.track(list(only or CASES), description="Measuring"):
            progress.console.print(f"{case}: {(CASES[case].__doc__ or '').splitlines()[0]}")
            try:
                rows += CASES[case](bench)
            except BenchmarkError as error:
                errors.print(f"[red]{case} failed:[/] {error}")
                failed = True
    if to_json:
        click.echo(json.dumps(as_json(rows), indent=2))
    else:
        show(rows, Console(width=None if Console().is_terminal else 140))
    sys.exit(failed)


if __name__ == "__main__":
    main()
