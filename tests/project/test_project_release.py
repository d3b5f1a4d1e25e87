"""What a release rests on: versions that come from PyPI, and an audit that is never silent."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.audit_dependencies import Audit

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "uv.lock").read_text()
HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["9.1", "8.4"]}


def known(name: str, *holes: Mapping[str, Any]) -> dict[str, Any]:
    """A dependency that the database knows."""
    return {"name": name, "version": "8.0", "vulns": list(holes)}


def unknown(name: str) -> dict[str, Any]:
    """One that it does not know, or could not be asked for."""
    return {"name": name, "skip_reason": "not found"}


def test_the_lock_names_pypi_and_nothing_else() -> None:
    """Whoever installs from the lock asks PyPI, whatever the machine that wrote it asked."""
    hosts = {urlsplit(url).hostname for url in re.findall(r"\w+://[^\"\s]+", LOCK)}
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_the_lock_was_written_for_this_pyproject() -> None:
    """A dependency that was added or changed is in the lock: ``make lock`` writes it."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = next(each for each in tomllib.loads(LOCK)["package"] if each["name"] == "reply-tasks")
    project, locked = pyproject["project"], package["metadata"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    assert asked(project["dependencies"] + extras) == held(locked["requires-dist"])
    for name, group in pyproject["dependency-groups"].items():
        alone = [each for each in group if isinstance(each, str)]
        assert asked(alone) <= held(locked["requires-dev"][name]), name


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        ([known("click")], ["1 dependencies have no known vulnerability."]),
        (
            [known("click", HOLE), known("rich")],
            [
                "VULNERABLE: click 8.0: PYSEC-2026-1, fixed in 9.1 or 8.4",
                "1 dependencies have no known vulnerability.",
            ],
        ),
        (
            [known("click"), unknown("rich")],
            [
                "1 dependencies have no known vulnerability.",
                "NOT CHECKED: the advisory database does not know rich.",
            ],
        ),
        (
            [unknown("click"), unknown("rich")],
            ["NOT CHECKED: advisory database unreachable, it knows no dependency of ours."],
        ),
    ],
    ids=["sound", "vulnerable", "one-unknown", "all-unknown"],
)
def test_an_audit_says_what_it_could_not_look_up(
    report: list[dict[str, Any]], lines: list[str]
) -> None:
    """A dependency counts as sound only if the database knows it."""
    assert list(Audit.of(report).lines()) == lines


def asked(requirements: Iterable[str]) -> set[tuple[str, SpecifierSet]]:
    """Names and bounds as pyproject.toml has them."""
    parsed = map(Requirement, requirements)
    return {(each.name.lower(), each.specifier) for each in parsed}


def held(requirements: Iterable[Mapping[str, Any]]) -> set[tuple[str, SpecifierSet]]:
    """Names and bounds as the lock has them."""
    return {(each["name"], SpecifierSet(each.get("specifier", ""))) for each in requirements}
