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


#: The longest module, of code or of tests; tables may be longer.
LENGTH = 300
TABLES = {"reply_tasks/ledger/tables.py", "reply_tasks/settings/catalog.py"}


def files(kind: str) -> list[str]:
    """The project's own files of a kind: those git follows, or all of an unpacked release."""
    if not (ROOT / ".git").exists():
        unpacked = (path.relative_to(ROOT) for path in ROOT.rglob(kind))
        return [str(name) for name in unpacked if not str(name).startswith(".")]
    listed = subprocess.run(
        ["git", "ls-files", kind], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


def too_wide(text: str) -> list[int]:
    """The numbers of the lines that are wider than they may be."""
    prose = QUOTED.sub(lambda block: "\n" * block[0].count("\n"), text)
    return [
        number
        for number, line in enumerate(prose.splitlines(), 1)
        if len(line) > WIDTH and not ROW.match(line)
    ]


@pytest.mark.parametrize("name", files("*.md"))
def test_a_document_fits_an_editor(name: str) -> None:
    """No line of a document is wider than 120 characters."""
    assert too_wide((ROOT / name).read_text()) == []


def test_a_module_is_short_enough_to_hold_in_the_head() -> None:
    """No module, of code or of tests, has more than 300 lines, save the tables."""
    lengths = {name: (ROOT / name).read_text().count("\n") for name in files("*.py")}
    assert {name for name, lines in lengths.items() if lines > LENGTH} <= TABLES
