"""The ``resolve`` command: settle what dead processes and lost answers left open."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import click

from reply_tasks.commands.options import json_option, one_line_errors, settings_options
from reply_tasks.commands.reads import Reads
from reply_tasks.contract.naming import record_name
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.contract.shown import shown
from reply_tasks.ledger import Ledger
from reply_tasks.resolving import (
    SHOWN_ID,
    Fate,
    OperatorVerdict,
    ReadBackError,
    ResolveError,
    Resolver,
    find_operation,
)
from reply_tasks.settings import COMMON_SETTINGS, CommonSettings

#: The exit code when an execution stays uncertain.
STAYS_UNCERTAIN = 2

_EXAMPLE = """\b
Example:
  reply-tasks resolve
  reply-tasks resolve --as not-sent 1f0a93c27b6e
  reply-tasks resolve --as sent --task 1042 2b1c84d38e7f
"""


@click.command("resolve", epilog=_EXAMPLE)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--as",
    "word",
    type=click.Choice([word.value for word in OperatorVerdict]),
    help="A person's word on the operations with these IDs, in place of a read-back.",
)
@click.option(
    "--task",
    "task_id",
    type=click.IntRange(min=1),
    help="With --as sent, of one creation: the task that it made.",
)
@click.option("--dry-run", is_flag=True, help="Read tasks back and tell, but settle nothing.")
@json_option
@settings_options(offered=COMMON_SETTINGS)
def resolve(  # noqa: PLR0913 - each one an option
    *,
    ids: tuple[str, ...],
    word: str | None,
    task_id: int | None,
    dry_run: bool,
    as_json: bool,
    settings: CommonSettings,
) -> None:
    """Settle claims of dead processes and what is uncertain by looking in Reply.

    An ID is that of an operation, or a unique beginning of it; without one, all that is open is
    looked at. Nothing is ever sent, and what a live process does is left alone. A task is read
    back; that of a creation is looked for by what it is. What is not established stays uncertain
    until a person says with --as whether it was sent: "sent" makes it applied; "not-sent" makes it
    rejected, and a replay of its record may send it. For a creation that was sent, --task says
    which task it made.

    Exit code 0: nothing is uncertain any more. 2: something is. 1: Reply or the ledger could not be
    asked.
    """
    if word is not None and not ids:
        raise click.UsageError("--as needs the ID of an operation.")
    if task_id is not None and (word != OperatorVerdict.SENT or len(ids) != 1):
        raise click.UsageError("--task needs --as sent and the ID of one operation.")
    fates: list[Fate] = []
    try:
        with one_line_errors(), ExitStack() as stack:
            ledger = stack.enter_context(
                Ledger.open(settings.ledger_url, create=False, api_url=settings.api_url)
            )
            chosen = [find_operation(ledger, each) for each in ids]
            look = Reads(ledger, settings, stack)
            resolver = Resolver(ledger, look, dry_run=dry_run)
            said = None if word is None else OperatorVerdict(word)
            for fate in _fates(resolver, chosen, said, task_id):
                fates.append(fate)
                if not as_json:
                    click.echo(_line(fate))
    except (ReadBackError, ResolveError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        if as_json:
            click.echo(json.dumps([asdict(fate) for fate in fates], indent=2))
    if not fates and not as_json:
        click.echo("Nothing is open: every operation has its outcome.")
    if any(fate.outcome is Outcome.UNCERTAIN for fate in fates):
        raise click.exceptions.Exit(STAYS_UNCERTAIN)


def _fates(
    resolver: Resolver, chosen: list[str], word: OperatorVerdict | None, task_id: int | None
) -> Iterator[Fate]:
    if word is None:
        yield from resolver.resolve(chosen or None)
        return
    for operation_id in chosen:
        yield from resolver.take_word(operation_id, word, task_id=task_id)


def _line(fate: Fate) -> str:
    outcome: Any = "left to the next run" if fate.outcome is None else fate.outcome
    reason = "" if fate.reason is None else f" ({fate.reason})"
    name = shown(record_name(fate.operation, fate.task_id, fate.external_id))
    return f"{fate.operation_id[:SHOWN_ID]}  {name}, {fate.was} -> {outcome}{reason}. {fate.detail}"
