"""The ``held`` command: the executions that wait for a person, each as it would be sent."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import click
from rich.text import Text

from reply_tasks.commands.options import json_option, ledger_to_read, settings_options
from reply_tasks.commands.output import ID_LENGTH, ago, cell, console, print_json, table
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import note_preview
from reply_tasks.operator.approval import Waits, what_waits
from reply_tasks.settings import COMMON_SETTINGS, CommonSettings

#: How much of a text is shown in a table.
FIRST_WORDS = 60

_EXAMPLE = """\b
Example:
  reply-tasks held --config config.json
  reply-tasks held --preview
  reply-tasks approve 01a2b3c4d5e6
"""


@click.command("held", epilog=_EXAMPLE)
@click.option(
    "--preview",
    is_flag=True,
    help="Read the rendered text of those that bring none: one call each. It becomes what is sent.",
)
@json_option
@settings_options(offered=COMMON_SETTINGS)
def held(*, preview: bool, as_json: bool, settings: CommonSettings) -> None:
    """List the executions that wait for a person's approval.

    One whose record brings no text of its own can only be approved after a preview, since Reply
    would render it: the previewed text is then what is sent.
    """
    refused = _preview(settings) if preview else []
    with ledger_to_read(settings) as connection:
        waits = what_waits(connection, held_operations(connection))
    if as_json:
        print_json([_as_json(each) for each in waits])
    else:
        print_waits(waits)
    for operation_id, why in refused:
        click.echo(f"{operation_id[:ID_LENGTH]} can't be previewed: {why}", err=True)
    if refused:
        raise click.exceptions.Exit(1)


def _preview(settings: CommonSettings) -> list[tuple[str, str]]:
    """Read the text of what brings none; those that Reply would not show, with its reason."""
    # Imported here: to list, approve or decline nothing is called, and a client is half the start.
    from reply_tasks.commands.reads import Reads  # noqa: PLC0415
    from reply_tasks.resolving import ReadBackError  # noqa: PLC0415

    refused = []
    with ExitStack() as stack:
        ledger = stack.enter_context(
            Ledger.open(settings.ledger_url, create=False, api_url=settings.api_url)
        )
        reads = Reads(ledger, settings, stack, with_content=True)
        with ledger.read() as connection:
            waiting = [each for each in held_operations(connection) if each.approved_at is None]
        for each in waiting:
            if each.claim.entry.record.get("content") is not None:
                continue
            try:
                found = reads.read_back(each.claim.entry)
            except ReadBackError as error:
                raise click.ClickException(str(error)) from None
            if found.task is None:
                refused.append((each.operation_id, found.refusal))
                continue
            with ledger.write() as connection:
                note_preview(
                    connection,
                    each,
                    task_detail=found.task.raw,
                    attempts=[attempt.as_json() for attempt in found.attempts],
                )
    return refused


def print_waits(waits: Iterable[Waits]) -> None:
    """A table of what waits, for a person."""
    waits = tuple(waits)
    if not waits:
        click.echo("Nothing waits for a person.")
        return
    now = datetime.now(UTC)
    made = table("ID", "Task", "To whom, and what", "Age", "Read by")
    for each in waits:
        made.add_row(
            cell(each.operation_id[:ID_LENGTH]),
            cell(each.held.claim.entry.task_id),
            Text("\n").join((_to(each), *_text(each))),
            cell(ago(each.held.held_at, now)),
            cell(each.held.run_id[:ID_LENGTH]),
        )
    console().print(made)
    if any(each.to_send is None for each in waits):
        click.echo("Those without a text need `reply-tasks held --preview` before an approval.")


def _to(each: Waits) -> Text:
    address, contact_id = each.recipient.address, each.recipient.contact_id
    contact = None if contact_id is None else f"contact {contact_id}"
    known = ", ".join(part for part in (address, contact) if part is not None)
    return cell(known, "bold") if known else Text("recipient not known", "yellow")


def _text(each: Waits) -> Iterator[Text]:
    if each.message is None:
        yield Text("no text yet", "dim")
    else:
        words = " ".join((each.message.body or "").split())
        if each.message.subject:
            yield cell(_shortened(each.message.subject))
        yield cell(_shortened(words), "dim")
    for mistake in each.mistakes:
        yield cell(mistake, "yellow")
    if each.held.approved_by is not None:
        yield cell(f"approved by {each.held.approved_by}", "green")


def _shortened(text: str) -> str:
    return text if len(text) <= FIRST_WORDS else f"{text[:FIRST_WORDS]}..."


def _as_json(each: Waits) -> dict[str, Any]:
    entry = each.held.claim.entry
    return {
        "operation_id": each.operation_id,
        "task_id": entry.task_id,
        "external_id": entry.external_id,
        "contact_id": each.recipient.contact_id,
        "address": each.recipient.address,
        "subject": None if each.message is None else each.message.subject,
        "body": None if each.message is None else each.message.body,
        "mistakes": list(each.mistakes),
        "digest": each.digest,
        "held_at": each.held.held_at,
        "run_id": each.held.run_id,
        "stream": entry.stream,
        "approved_by": each.held.approved_by,
        "approved_at": each.held.approved_at,
    }


def named(waits: Iterable[Waits], ids: Iterable[str]) -> Iterator[Waits]:
    """Those that these ids, or unique beginnings of them, name, in the order named.

    Raises:
        click.ClickException: One names nothing that waits, or several.
    """
    waits = tuple(waits)
    for wanted in ids:
        found = [each for each in waits if each.operation_id.startswith(wanted.strip().lower())]
        if len(wanted.strip()) < 4 or len(found) != 1:  # noqa: PLR2004 - as resolve asks
            many = "several operations" if found else "nothing"
            raise click.ClickException(f"{wanted[:40]!r} names {many} that waits.")
        yield found[0]
