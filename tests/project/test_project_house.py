"""The house: rules of the repository that nobody remembers for long."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The widest line of a document.
WIDTH = 120
#: What is one line by its nature: a row of a table.
ROW = re.compile(r"\s*\|")
#: What is quoted as it is: a command, a Singer message, what a program prints.
QUOTED = re.compile(r"^\s*```.*?^\s*```$", re.MULTILINE | re.DOTALL)


def documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def too_wide(text: str) -> list[int]:
    """The numbers of the lines that are wider than they may be."""
    prose = QUOTED.sub(lambda block: "\n" * block[0].count("\n"), text)
    return [
        number
        for number, line in enumerate(prose.splitlines(), 1)
        if len(line) > WIDTH and not ROW.match(line)
    ]


@pytest.mark.parametrize("name", documents())
def test_a_document_fits_an_editor(name: str) -> None:
    """No line of a document is wider than 120 characters."""
    assert too_wide((ROOT / name).read_text()) == []
