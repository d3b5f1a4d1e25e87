"""``python -m tools.coverage_document REPORT`` writes docs/coverage.md out of coverage's JSON.

A developer's tool, run from the top of a checkout by ``make coverage``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click

DOCUMENT = Path("docs/coverage.md")
#: The packages whose every module is listed: what promises depend on most.
IN_FULL = ("reply_tasks/contract", "target_reply_tasks/engine")

_HEAD = """\
# Coverage

Which lines and branches `make test` runs; `make coverage` measures them again and writes this page.
Lines that only the end-to-end suites reach (Meltano, dbt, crashes, signals) count as not run here,
and so do those of a process that a test kills.

A branch is a line that can go on in two ways; it is run when both were taken. Coverage says what
no test looks at, not that the rest is right: for that there are the crash tests, the model test
and the fault rows of [guarantees](guarantees.md).
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How much there is, and how much of it was run."""

    statements: int = 0
    run: int = 0
    branches: int = 0
    taken: int = 0

    @classmethod
    def of(cls, summary: Mapping[str, int]) -> Self:
        """The count out of a file's summary."""
        return cls(
            summary["num_statements"],
            summary["covered_lines"],
            summary["num_branches"],
            summary["covered_branches"],
        )

    @classmethod
    def total(cls, counts: Iterable["Count"]) -> Self:
        """The sum of all."""
        rows = [(each.statements, each.run, each.branches, each.taken) for each in counts]
        return cls(*map(sum, zip(*rows, strict=True)))

    def row(self, name: str) -> str:
        """A row of a table."""
        lines, branches = _percent(self.run, self.statements), _percent(self.taken, self.branches)
        return f"| {name} | {self.statements} | {lines} | {self.branches} | {branches} |"


def document(files: Mapping[str, Any]) -> str:
    """The page, out of what coverage says of each file."""
    counts = {path: Count.of(each["summary"]) for path, each in files.items()}
    counts = {path: count for path, count in counts.items() if count.statements}
    packages: dict[str, list[Count]] = {}
    for path, count in counts.items():
        packages.setdefault(_package(path), []).append(count)
    rows = [Count.total(each).row(f"`{name}`") for name, each in sorted(packages.items())]
    rows.append(Count.total(counts.values()).row("**all**"))
    return "\n".join((_HEAD, *_table("Package", rows), *_in_full(counts)))


def _in_full(counts: Mapping[str, Count]) -> Iterator[str]:
    for package in IN_FULL:
        yield f"\n## `{package}`\n"
        rows = [
            count.row(f"`{path.removeprefix(f'{package}/')}`")
            for path, count in sorted(counts.items())
            if path.startswith(f"{package}/")
        ]
        yield from _table("Module", rows)
    yield ""


def _table(first: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"| {first} | Statements | Run | Branches | Taken |"
    yield "|---|---:|---:|---:|---:|"
    yield from rows


def _package(path: str) -> str:
    """The package within a distribution's, or that itself for what lies flat in it."""
    return "/".join(path.split("/")[:-1][:2])


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that 100 % means all."""
    return f"{100 * part // whole} %" if whole else "-"


@click.command()
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(report: Path) -> None:
    """Write the page."""
    DOCUMENT.write_text(document(json.loads(report.read_text())["files"]))


if __name__ == "__main__":
    main()
