"""The ``link`` command: a cross-walk of the CRM's keys and Reply's tasks comes in."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TextIO

import click
from sqlalchemy import Connection

from reply_tasks.commands.link_file import BadLine, HeadingError, Pair, quoted, read_pairs
from reply_tasks.commands.options import (
    json_option,
    ledger_to_read,
    ledger_to_write,
    settings_options,
)
from reply_tasks.commands.output import print_json
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.database import MissingLedgerError
from reply_tasks.ledger.links import Link, SortedLinks, import_links, sort_links
from reply_tasks.settings import CommonSettings

#: Brings task ids, by external id, into the ledger.
BringIn = Callable[[Mapping[str, int]], SortedLinks]
#: So many lines are written at once: a transaction stands in the way of running targets.
A_TRANSACTION = 500
#: The exit code when a line was refused.
SOME_REFUSED = 1

_EXAMPLE = """\b
Example:
  reply-tasks link --from crosswalk.csv --dry-run
  reply-tasks link --from crosswalk.csv --config config.json
  printf 'external_id,task_id\\ncrm-7,1042\\n' | reply-tasks link --from - --replace
"""


@dataclass(slots=True)
class _Summary:
    """What came of the lines."""

    linked: int = 0
    known: int = 0
    replaced: int = 0
    refused: list[BadLine] = field(default_factory=list)


@click.command("link", epilog=_EXAMPLE)
@click.option(
    "--from",
    "source",
    type=click.File(encoding="utf-8-sig", errors="surrogateescape"),
    required=True,
    metavar="FILE",
    help="A CSV file with a heading: external_id and task_id; - for standard input.",
)
@click.option("--replace", is_flag=True, help="Overwrite what contradicts the file.")
@click.option("--dry-run", is_flag=True, help="Say what would be linked; write nothing.")
@json_option
@settings_options()
def link(
    *, source: TextIO, replace: bool, dry_run: bool, as_json: bool, settings: CommonSettings
) -> None:
    """Say which task of Reply each key of the CRM stands for, from a CSV FILE.

    The first line names the columns, in any order, others beside them: external_id or externalId,
    and task_id, taskId or id. One task has one external id. A line that can't be read, or that
    contradicts what the ledger knows, is named with its number and left out; the others count.
    With --replace the file is right: an external id that loses its task to another one stands for
    nothing any more. No key is needed and nothing is called; a ledger that is not there yet is
    made.

    Exit code 0: every line is linked. 1: some were refused.
    """
    with _ledger(settings, replace=replace, dry_run=dry_run) as bring_in:
        try:
            summary = _link(read_pairs(source), bring_in, replace=replace)
        except HeadingError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        print_json(summary)
    else:
        _show(summary, dry_run=dry_run)
    if summary.refused:
        raise click.exceptions.Exit(SOME_REFUSED)


@contextmanager
def _ledger(settings: CommonSettings, *, replace: bool, dry_run: bool) -> Iterator[BringIn]:
    """What brings pairs into the ledger, or only looks what would become of them."""
    if dry_run:
        with ledger_to_read(settings) as connection:
            yield partial(_look, connection)
    else:
        _make_where_missing(settings)
        with ledger_to_write(settings) as write:
            yield partial(_write, write, replace=replace)


def _make_where_missing(settings: CommonSettings) -> None:
    """A cross-walk may come in before the first run: the ledger is made, and a person told so."""
    try:
        open_engine(settings.ledger_url, create=False).dispose()
    except MissingLedgerError:
        open_engine(settings.ledger_url).dispose()
        click.echo(f"There was no ledger: {settings.ledger_name} is made.", err=True)


def _look(connection: Connection, pairs: Mapping[str, int]) -> SortedLinks:
    found = sort_links(connection, pairs)
    connection.rollback()
    return found


def _write(
    write: Callable[[], AbstractContextManager[Connection]],
    pairs: Mapping[str, int],
    *,
    replace: bool,
) -> SortedLinks:
    with write() as connection:
        return import_links(connection, pairs, replace=replace)


def _link(read: Iterator[Pair | BadLine], bring_in: BringIn, *, replace: bool) -> _Summary:
    summary = _Summary()
    while batch := list(islice(read, A_TRANSACTION)):
        summary.refused += [each for each in batch if isinstance(each, BadLine)]
        pairs = {each.external_id: each for each in batch if isinstance(each, Pair)}
        found = bring_in({key: each.task_id for key, each in pairs.items()})
        summary.linked += len(found.new)
        summary.known += len(found.known)
        if replace:
            summary.replaced += len(found.conflicts)
        else:
            summary.refused += [
                BadLine(pairs[key].line, _why(pairs[key], other))
                for key, other in found.conflicts.items()
            ]
    summary.refused.sort()
    return summary


def _why(pair: Pair, other: Link) -> str:
    if other.external_id != pair.external_id:
        return f"task {pair.task_id} is linked to {quoted(other.external_id)}"
    key = quoted(pair.external_id)
    if other.ambiguous:
        return f"records disagree on what {key} stands for"
    return f"{key} is linked to task {other.task_id}"


def _show(summary: _Summary, *, dry_run: bool) -> None:
    for line, why in summary.refused:
        click.echo(f"Line {line} is left out: {why}.", err=True)
    verb = "would be" if dry_run else "were"
    parts = [f"{summary.linked:,} {verb} linked", f"{summary.known:,} are linked already"]
    if summary.replaced:
        parts.append(f"{summary.replaced:,} {verb} replaced")
    parts.append(f"{len(summary.refused):,} {verb} refused")
    click.echo(f"{', '.join(parts)}.")
