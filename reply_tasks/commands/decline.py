"""The ``decline`` command: a person's no, which has no end."""

import getpass
from datetime import UTC, datetime

import click

from reply_tasks.commands.held import named
from reply_tasks.commands.options import ledger_to_read, ledger_to_write, settings_options
from reply_tasks.commands.output import ID_LENGTH
from reply_tasks.ledger.held import held_operations
from reply_tasks.operator.approval import ApprovalResult, decline_held, what_waits
from reply_tasks.settings import CommonSettings

_EXAMPLE = """\b
Example:
  reply-tasks decline 01a2b3c4d5e6 --why "The customer has already answered."
"""


@click.command("decline", epilog=_EXAMPLE)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--why", metavar="TEXT", required=True, help="For whoever asks afterwards.")
@click.option("--by", metavar="NAME", help="Who declines. By default the user of the system.")
@settings_options()
def decline(*, ids: tuple[str, ...], why: str, by: str | None, settings: CommonSettings) -> None:
    """Decline executions that wait: they are rejected, and the same record is never sent.

    A record that says something else is judged on its own.
    """
    with ledger_to_read(settings) as connection:
        waits = what_waits(connection, held_operations(connection))
    chosen = [each.operation_id for each in named(waits, ids)]
    with ledger_to_write(settings) as write, write() as connection:
        words = decline_held(
            connection, chosen, why=why, by=by or getpass.getuser(), at=datetime.now(UTC)
        )
    for operation_id in chosen:
        taken = words[operation_id] is ApprovalResult.TAKEN
        click.echo(f"{operation_id[:ID_LENGTH]}  {'declined.' if taken else 'it no longer waits.'}")
    if any(word is not ApprovalResult.TAKEN for word in words.values()):
        raise click.exceptions.Exit(1)
