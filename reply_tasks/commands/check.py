"""The ``check`` command: is everything there that a run needs?"""

from pathlib import Path

import click
from rich.text import Text

from reply_tasks.commands.checks import Finding, findings
from reply_tasks.commands.options import given_settings, json_option, one_line_errors
from reply_tasks.commands.output import cell, console, print_json, table
from reply_tasks.settings import SettingsError

_EXAMPLE = """\b
Example:
  reply-tasks check --config config.json
"""
_MARKS = {True: Text("ok", "green"), False: Text("FAILS", "bold red"), None: Text("-", "dim")}


@click.command("check", epilog=_EXAMPLE)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The config file that the target or the tap is given.",
)
@json_option
def check(*, config: Path | None, as_json: bool) -> None:
    """Look at settings, ledger, key, dialect, acting user, quota and clock: a line each.

    It says what to do about what fails. One or two reads are made, counted in the quota where there
    is a ledger; nothing is sent, and no ledger is made or upgraded.

    Exit code 0: nothing fails. 1: something does.
    """
    try:
        given = given_settings({}, config)
    except SettingsError as error:
        seen = [Finding("settings", ok=False, text=" ".join(error.problems))]
    else:
        with one_line_errors():
            seen = list(findings(given))
    if as_json:
        print_json(seen)
    else:
        _show(seen)
    if any(finding.ok is False for finding in seen):
        raise click.exceptions.Exit(1)


def _show(seen: list[Finding]) -> None:
    made = table("", "", "")
    for finding in seen:
        made.add_row(_MARKS[finding.ok], cell(finding.name), cell(finding.text))
    console().print(made)
