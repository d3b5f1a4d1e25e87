"""The ``rejected`` command: what was rejected and why, also as messages that can be read again."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

import click
from rich.text import Text
from sqlalchemy import Connection

from reply_tasks.commands.naming import run_named
from reply_tasks.commands.options import SINCE, json_option, ledger_to_read, settings_options
from reply_tasks.commands.output import STYLES, cell, console, moment, print_json, table
from reply_tasks.commands.rejected_lines import (
    Lines,
    csv_lines,
    jsonl_lines,
    plain_rejection,
    singer_lines,
)
from reply_tasks.contract.outcomes import Reason
from reply_tasks.contract.shown import shown
from reply_tasks.operator import (
    HINTS,
    OperationRow,
    RejectionFilter,
    rejections,
)
from reply_tasks.settings import CommonSettings


class Format(StrEnum):
    """How they are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    SINGER = "singer"


_EXAMPLE = """\b
Example:
  reply-tasks rejected --config config.json --run last
  reply-tasks rejected --reason task_not_found --format csv > not_found.csv
  reply-tasks rejected --format singer |
    jq -c 'if .record then .record.dueTo = "2027-01-31" else . end' |
    target-reply-tasks --config config.json
"""


@click.command("rejected", epilog=_EXAMPLE)
@click.option(
    "--format",
    "output",
    type=click.Choice([each.value for each in Format]),
    default=Format.TABLE.value,
    help="A table, JSON lines, CSV, or Singer messages that the target can read.",
)
@click.option("--run", metavar="ID", help="Only of this run: the beginning of its id, or `last`.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([each.value for each in Reason]),
    metavar="REASON",
    help="Only for this reason; may be given more than once.",
)
@click.option(
    "--since", type=SINCE, help="Only rejected since then: 2026-01-31, 2026-01-31T08:00Z, 24h, 7d."
)
@json_option
@settings_options()
def rejected(  # noqa: PLR0913 - each one an option
    *,
    output: str,
    run: str | None,
    reasons: tuple[str, ...],
    since: datetime | None,
    as_json: bool,
    settings: CommonSettings,
) -> None:
    """Show which records are rejected, and why.

    Only the latest verdict on each record counts: what was rejected and applied later is not here.
    With --format singer the records come as they were read, in the streams in which they were read,
    each with a SCHEMA: let jq or an editor mend them, and pipe them into the target. Replaying is
    safe: what was applied meanwhile costs no call.
    """
    with ledger_to_read(settings) as connection:
        which = RejectionFilter(
            run_id=None if run is None else run_named(connection, run).run_id,
            reasons=[Reason(each) for each in reasons],
            since=since,
        )
        if as_json:
            print_json([plain_rejection(row) for row in rejections(connection, which)])
        else:
            _WRITERS[Format(output)](connection, which)


def _as_table(connection: Connection, which: RejectionFilter) -> None:
    out = console()
    made = table("Record", "Reason", "Why")
    count, reasons = 0, dict[Reason, None]()
    for count, row in enumerate(rejections(connection, which), start=1):  # noqa: B007
        if row.reason is not None:
            reasons[row.reason] = None
        made.add_row(_name(row), cell(row.reason, STYLES["rejected"]), cell(row.detail))
    if not count:
        out.print("No record is rejected.")
        return
    out.print(made)
    for reason in reasons:
        if reason in HINTS:
            out.print()
            out.print(Text.assemble((f"{reason}: ", STYLES["rejected"]), HINTS[reason]))
    out.print()
    out.print(f"{count:,} rejected. With --format singer they can be mended and read again.")


def _name(row: OperationRow) -> Text:
    parts = [f"{row.operation or 'a record of ' + shown(row.stream)}"]
    if row.external_id is not None:
        parts.append(shown(row.external_id))
    if row.task_id is not None:
        parts.append(f"task {row.task_id}")
    settled = "" if row.settled_at is None else moment(row.settled_at)
    return Text.assemble("\n".join(parts), "\n", (settled, "dim"))


def _in_lines(lines: Lines) -> Callable[[Connection, RejectionFilter], None]:
    def write(connection: Connection, which: RejectionFilter) -> None:
        for line in lines(connection, which, _tell):
            click.echo(line)

    return write


def _tell(text: str) -> None:
    click.echo(text, err=True)


_WRITERS: Mapping[Format, Callable[[Connection, RejectionFilter], None]] = {
    Format.TABLE: _as_table,
    Format.JSONL: _in_lines(jsonl_lines),
    Format.CSV: _in_lines(csv_lines),
    Format.SINGER: _in_lines(singer_lines),
}
