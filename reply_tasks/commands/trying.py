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


Trial = Callable[[Mapping[str, Any], IO[str], Callable[[Mapping[str, Any]], None]], int]


def _trial() -> Trial:
    for found in entry_points(group=_GROUP):
        trial: Trial = found.load()
        return trial
    raise click.ClickException("The target is not installed as a package: pip install reply-tasks.")


def _as_json(told: Mapping[str, Any]) -> None:
    click.echo(json.dumps(told, default=str))


def _as_text(told: Mapping[str, Any]) -> None:
    """Two lines: what would be done, and with what."""
    key = told["external_id"] or told["task_id"] or "a record without a key"
    what = f"{told['operation'] or 'operation unknown'} ({told['stream']})"
    why = f", {told['reason']}: {told['detail']}" if told["reason"] else ""
    click.echo(shown(f"{key}  {what}: would {told['would']}{why}"))
    click.echo(f"  {shown(json.dumps(told['record'], default=str, ensure_ascii=False))}")
