"""The ``links`` command: which task each external id stands for."""

import json
from collections.abc import Iterable
from enum import StrEnum

import click
from rich.text import Text

from reply_tasks.commands.options import json_option, ledger_to_read, settings_options
from reply_tasks.commands.output import (
    STYLES,
    as_json,
    cell,
    console,
    csv_line,
    print_json,
    table,
)
from reply_tasks.operator.links import LinkRow
from reply_tasks.operator.links import links as all_links
from reply_tasks.settings import CommonSettings


class Format(StrEnum):
    """How they are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


_COLUMNS = ("external_id", "task_id", "source", "ambiguous", "linked_at", "operation_id")
_EXAMPLE = """\b
Example:
  reply-tasks links --config config.json
  reply-tasks links --external-id crm-7
  reply-tasks links --format csv > crosswalk.csv
"""


@click.command("links", epilog=_EXAMPLE)
@click.option("--external-id", metavar="KEY", help="Only what this key of the CRM stands for.")
@click.option("--task", "task_id", type=click.IntRange(min=1), help="Only the links to this task.")
@click.option("--ambiguous", is_flag=True, help="Only those of which records disagree.")
@click.option(
    "--format",
    "output",
    type=click.Choice([each.value for each in Format]),
    default=Format.TABLE.value,
    help="A table, JSON lines, or CSV that `reply-tasks link` can read.",
)
@json_option
@settings_options()
def links(  # noqa: PLR0913 - each one an option
    *,
    external_id: str | None,
    task_id: int | None,
    ambiguous: bool,
    output: str,
    as_json: bool,
    settings: CommonSettings,
) -> None:
    """Show which task each external id stands for, and where that comes from.

    A link is learnt from a creation, from a record that carries both keys, or brought by
    `reply-tasks link`. An ambiguous one stands for nothing, since records disagree: `reply-tasks
    link --replace` says which task is meant. No key is needed and nothing is called.
    """
    with ledger_to_read(settings) as connection:
        found = all_links(connection, external_id=external_id, task_id=task_id, ambiguous=ambiguous)
        if as_json:
            print_json(list(found))
            return
        match Format(output):
            case Format.JSONL:
                _print_jsonl(found)
            case Format.CSV:
                _print_csv(found)
            case Format.TABLE:
                _print_table(found)


def _print_jsonl(found: Iterable[LinkRow]) -> None:
    for row in found:
        click.echo(json.dumps(as_json(row)))


def _print_csv(found: Iterable[LinkRow]) -> None:
    click.echo(csv_line(_COLUMNS))
    for row in found:
        plain = as_json(row)
        click.echo(csv_line(plain[column] for column in _COLUMNS))


def _print_table(found: Iterable[LinkRow]) -> None:
    made = table("External id", "Task", "From", "Since (UTC)")
    count = in_doubt = 0
    for count, row in enumerate(found, start=1):  # noqa: B007
        in_doubt += row.ambiguous
        made.add_row(cell(row.external_id), _task(row), cell(row.source), cell(row.linked_at))
    if not count:
        click.echo("No link is there.")
        return
    console().print(made)
    click.echo(f"\n{count:,} link{'' if count == 1 else 's'}.")
    if in_doubt:
        click.echo(
            f"{in_doubt:,} of them ambiguous: say which task is meant with `reply-tasks link "
            "--replace`."
        )


def _task(row: LinkRow) -> Text:
    if row.ambiguous:
        return cell(f"ambiguous (first {row.task_id})", STYLES["rejected"])
    return cell(row.task_id)
