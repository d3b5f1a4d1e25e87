"""The ``try`` command: what each record would become, with no key and no ledger."""

import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any

import click

from reply_tasks.commands.options import one_line_errors
from reply_tasks.contract.shown import shown
from reply_tasks.settings import read_config_file

#: Where a plugin says how its records are tried; what is shared imports no plugin.
_GROUP = "reply_tasks.trial"

_EXAMPLE = """\b
Example:
  tap-mycrm --config tap.json | reply-tasks try --config config.json
  reply-tasks try --json < records.singer | jq 'select(.reason)'
"""


@click.command("try", epilog=_EXAMPLE)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The target's config file, with its stream maps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def try_(*, config: Path | None, as_json: bool) -> None:
    """Show what each record on standard input would become.

    It reads Singer messages as the target does, through its stream maps, and prints for each record
    what would be done and the record in the contract's own spelling, or why it would be rejected.
    No key and no ledger are needed, and nothing is called or written.

    Exit code 0; 1: the input or the settings can't be read; 2: every record would be rejected.
    """
    with one_line_errors():
        given = {} if config is None else read_config_file(config)
        raise click.exceptions.Exit(_trial()(given, sys.stdin, _as_json if as_json else _as_text))


Tell = Callable[[Mapping[str, Any], str], None]
Trial = Callable[[Mapping[str, Any], IO[str], Tell], int]


def _trial() -> Trial:
    for found in entry_points(group=_GROUP):
        trial: Trial = found.load()
        return trial
    raise click.ClickException("The target is not installed as a package: pip install reply-tasks.")


def _as_json(members: Mapping[str, Any], _line: str) -> None:
    click.echo(json.dumps(members, default=str))


def _as_text(members: Mapping[str, Any], line: str) -> None:
    """Two lines: what would be done, and with what."""
    click.echo(line)
    click.echo(f"  {shown(json.dumps(members['record'], default=str, ensure_ascii=False))}")
