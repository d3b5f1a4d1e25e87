"""The ``rejected`` command: what was rejected and why, also as messages that can be read again."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import click
from rich.text import Text
from sqlalchemy import Connection

from reply_tasks.commands.options import SINCE, json_option, ledger_to_read, settings_options
from reply_tasks.commands.output import STYLES, as_json, cell, console, moment, print_json, table
from reply_tasks.contract.outcomes import Reason
from reply_tasks.contract.shown import shown
from reply_tasks.operator import (
    OperationRow,
    RejectionFilter,
    last_ended_run,
    rejections,
    runs_named,
)
from reply_tasks.settings import CommonSettings

#: What ``--run`` takes for the run that ended last.
LAST = "last"


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
            run_id=None if run is None else _run_id(connection, run),
            reasons=[Reason(each) for each in reasons],
            since=since,
        )
        if as_json:
            print_json([_plain(row) for row in rejections(connection, which)])
        else:
            _WRITERS[Format(output)](connection, which)


def _run_id(connection: Connection, beginning: str) -> str:
    if beginning == LAST:
        last = last_ended_run(connection)
        if last is None:
            raise click.ClickException("No run has ended yet.")
        return last.run_id
    named = runs_named(connection, beginning.strip().lower())
    if not named:
        raise click.ClickException("No run's id begins so; `reply-tasks status` shows the last.")
    if len(named) > 1:
        raise click.ClickException("More than one run's id begins so: give more of it.")
    return named[0].run_id


def _plain(row: OperationRow) -> dict[str, Any]:
    return {
        "operation_id": row.operation_id,
        "run_id": row.run_id,
        "stream": row.stream,
        "operation": row.operation,
        "task_id": row.task_id,
        "external_id": row.external_id,
        "act_as_user_id": row.act_as_user_id,
        "reason": row.reason,
        "detail": row.detail,
        "http_status": row.http_status,
        "problem": row.problem,
        "received_at": row.received_at,
        "settled_at": row.settled_at,
        "record": row.record,
    }


def _as_table(connection: Connection, which: RejectionFilter) -> None:
    out = console()
    made = table("Record", "Reason", "Why")
    count = 0
    for count, row in enumerate(rejections(connection, which), start=1):  # noqa: B007
        made.add_row(_name(row), cell(row.reason, STYLES["rejected"]), cell(row.detail))
    if not count:
        out.print("No record is rejected.")
        return
    out.print(made)
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


def _as_jsonl(connection: Connection, which: RejectionFilter) -> None:
    for row in rejections(connection, which):
        click.echo(json.dumps(as_json(_plain(row))))


_CSV_COLUMNS = (
    "operation_id",
    "run_id",
    "stream",
    "operation",
    "task_id",
    "external_id",
    "act_as_user_id",
    "reason",
    "detail",
    "http_status",
    "settled_at",
    "record",
)


def _as_csv(connection: Connection, which: RejectionFilter) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for row in rejections(connection, which):
        plain = as_json(_plain(row))
        writer.writerow(_csv_value(plain[column]) for column in _CSV_COLUMNS)


def _csv_value(value: object) -> object:
    """A value in a spreadsheet: no text from outside begins a formula there."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _as_singer(connection: Connection, which: RejectionFilter) -> None:
    """The SCHEMAs first: a stream may have to name every member that its records have."""
    members: dict[str, dict[str, None]] = {}
    last = lost = 0
    for row in rejections(connection, which):
        last = row.sequence or last
        if row.record is None:
            lost += 1
        else:
            members.setdefault(row.source_stream, {}).update(_names(row.record))
    for stream, names in members.items():
        click.echo(json.dumps(_schema(stream, names)))
    for message in _records(rejections(connection, which), last):
        click.echo(json.dumps(message))
    if lost:
        click.echo(f"{lost} records are missing: the ledger was pruned of their texts.", err=True)


def _names(record: object) -> dict[str, None]:
    return dict.fromkeys(record) if isinstance(record, Mapping) else {}


def _schema(stream: str, names: Iterable[str]) -> dict[str, Any]:
    """What the target needs of a SCHEMA: the members' names. Their types are the contract's."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": {name: {} for name in names}},
        "key_properties": [],
    }


def _records(rows: Iterable[OperationRow], last: int) -> Iterator[dict[str, Any]]:
    for row in rows:
        if (row.sequence or 0) > last:
            return
        if row.record is not None:
            yield {"type": "RECORD", "stream": row.source_stream, "record": row.record}


_WRITERS: Mapping[Format, Callable[[Connection, RejectionFilter], None]] = {
    Format.TABLE: _as_table,
    Format.JSONL: _as_jsonl,
    Format.CSV: _as_csv,
    Format.SINGER: _as_singer,
}
