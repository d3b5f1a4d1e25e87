"""The ``approve`` command: a person's yes, to exactly the text that is shown."""

import getpass
import sys
from datetime import UTC, datetime

import click
from sqlalchemy import Connection

from reply_tasks.commands.held import named, print_waits
from reply_tasks.commands.options import ledger_to_read, ledger_to_write, settings_options
from reply_tasks.commands.output import ID_LENGTH
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.prepared import IDS_A_QUERY
from reply_tasks.operator import last_ended_run, runs_named
from reply_tasks.operator.approval import ApprovalResult, Waits, approve_as_shown, what_waits
from reply_tasks.settings import CommonSettings

_EXAMPLE = """\b
Example:
  reply-tasks approve 01a2b3c4d5e6 01a2b3c4d5e7
  reply-tasks approve --run last --yes --by ann
"""


@click.command("approve", epilog=_EXAMPLE)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--run", metavar="RUN", help="All that this run read in: its id, or `last`.")
@click.option("--all", "everything", is_flag=True, help="All that waits.")
@click.option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--by", metavar="NAME", help="Who approves. By default the user of the system.")
@settings_options()
def approve(  # noqa: PLR0913 - each one an option
    *,
    ids: tuple[str, ...],
    run: str | None,
    everything: bool,
    yes: bool,
    by: str | None,
    settings: CommonSettings,
) -> None:
    """Approve executions that wait: the next run of the target sends them, before it reads.

    What is approved is what is sent: an approval holds for exactly the text that `reply-tasks held`
    shows. One without a text of its own needs `reply-tasks held --preview` first.

    Send them at once: target-reply-tasks --config config.json < /dev/null
    """
    if sum((bool(ids), run is not None, everything)) != 1:
        raise click.UsageError("Give IDs, or --run, or --all.")
    with ledger_to_read(settings) as connection:
        of_run = None if run is None else _run_id(connection, run)
        waits = what_waits(connection, held_operations(connection, run_id=of_run))
    chosen = tuple(named(waits, ids)) if ids else waits
    ready = [each for each in chosen if each.digest is not None]
    if not ids and ready and not yes:
        _ask(ready)
    words = _say(settings, ready, by=by or getpass.getuser())
    for each in chosen:
        click.echo(f"{each.operation_id[:ID_LENGTH]}  {_SAID[words.get(each.operation_id)]}")
    if not chosen:
        click.echo("Nothing waits for a person.")
    if any(words.get(each.operation_id) is not ApprovalResult.TAKEN for each in chosen):
        raise click.exceptions.Exit(1)


_SAID = {
    ApprovalResult.TAKEN: "approved: the next run sends it.",
    ApprovalResult.CHANGED: "not approved: it has changed since it was shown. Look again.",
    ApprovalResult.GONE: "not approved: it no longer waits.",
    None: "not approved: nobody can have seen its text. Run `reply-tasks held --preview` first.",
}


def _run_id(connection: Connection, run: str) -> str:
    last = last_ended_run(connection) if run == "last" else None
    found = runs_named(connection, run) if last is None else (last,)
    if len(found) != 1:
        raise click.ClickException(f"{run[:40]!r} names no run, or several.")
    return found[0].run_id


def _ask(ready: list[Waits]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: look with `held`, then give --yes.")
    print_waits(ready)
    click.confirm(f"Approve these {len(ready)}, to be sent as they are shown?", abort=True)


def _say(settings: CommonSettings, ready: list[Waits], *, by: str) -> dict[str, ApprovalResult]:
    shown = {each.operation_id: each.digest for each in ready if each.digest is not None}
    words: dict[str, ApprovalResult] = {}
    ids = [*shown]
    with ledger_to_write(settings) as write:
        for start in range(0, len(ids), IDS_A_QUERY):
            some = {each: shown[each] for each in ids[start : start + IDS_A_QUERY]}
            with write() as connection:
                words |= approve_as_shown(connection, some, by=by, at=datetime.now(UTC))
    return words
