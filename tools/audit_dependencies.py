"""``python -m tools.audit_dependencies`` looks up what users install for known vulnerabilities.

The versions are those of ``uv.lock``, the advisories those of PyPI. What could not be looked up is
said, and never counts as sound; with ``--strict``, as a release wants it, it fails.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

_PROGRAMS = Path(sys.executable).parent
_EXPORT = (
    "uv",
    *("export", "--quiet", "--no-config", "--frozen", "--format", "requirements-txt"),
    *("--no-emit-project", "--extra", "postgres", "--extra", "console", "--no-default-groups"),
)
_AUDIT = ("pip-audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off")

#: What its traceback ends with when there is no network, or no answer.
_UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout")


@dataclass(frozen=True, slots=True)
class Audit:
    """What the advisory database said of each dependency."""

    sound: int
    unchecked: tuple[str, ...]
    vulnerable: tuple[str, ...]

    @classmethod
    def of(cls, report: Sequence[dict[str, Any]]) -> "Audit":
        """An audit out of pip-audit's dependencies."""
        return cls(
            sound=sum("skip_reason" not in each and not each["vulns"] for each in report),
            unchecked=tuple(each["name"] for each in report if "skip_reason" in each),
            vulnerable=tuple(
                f"{each['name']} {each['version']}: {hole['id']}, fixed in {_fixed(hole)}"
                for each in report
                for hole in each.get("vulns", ())
            ),
        )

    def lines(self) -> Iterator[str]:
        """What a person is told."""
        yield from (f"VULNERABLE: {each}" for each in self.vulnerable)
        if self.sound:
            yield f"{self.sound} dependencies have no known vulnerability."
        if self.unchecked and not self.sound and not self.vulnerable:
            yield "NOT CHECKED: advisory database unreachable, it knows no dependency of ours."
        elif self.unchecked:
            yield f"NOT CHECKED: the advisory database does not know {', '.join(self.unchecked)}."


def _fixed(hole: dict[str, Any]) -> str:
    return " or ".join(hole["fix_versions"]) or "no version"


def _audit() -> Audit | None:
    """The audit, or None if the database can't be reached.

    Raises:
        click.ClickException: One of the two programs failed for another reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        requirements, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
        exported = _run(*_EXPORT, "--output-file", requirements)
        if exported.returncode:
            raise click.ClickException(exported.stderr.strip())
        ended = _run(*_AUDIT, "--requirement", requirements, "--format=json", "--output", report)
        if report.exists():
            return Audit.of(json.loads(report.read_text())["dependencies"])
    if any(word in ended.stderr for word in _UNREACHABLE):
        return None
    raise click.ClickException(ended.stderr.strip() or "pip-audit wrote no report.")


def _run(program: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the two programs named above
        [_PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@click.command()
@click.option("--strict", is_flag=True, help="Fail if anything could not be looked up.")
def main(*, strict: bool) -> None:
    """Look up what users install for known vulnerabilities."""
    audit = _audit()
    if audit is None:
        click.echo("NOT CHECKED: advisory database unreachable.")
        sys.exit(int(strict))
    for line in audit.lines():
        click.echo(line)
    sys.exit(int(bool(audit.vulnerable) or (strict and bool(audit.unchecked))))


if __name__ == "__main__":
    main()
