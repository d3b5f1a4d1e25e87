"""The ``find`` command: the history of one task, record, contact or address."""

import json
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from reply_tasks.commands.options import json_option, ledger_to_read, settings_options
from reply_tasks.commands.output import ID_LENGTH, cell, console, ending, moment, print_json
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.contract.shown import shown
from reply_tasks.operator import (
    Delivered,
    DeliveryAnswer,
    History,
    Message,
    OperationRow,
    TaskHistory,
    history,
)
from reply_tasks.settings import CommonSettings

#: So much of a record that was not read is shown to a person; --json has all of it.
LONGEST_RECORD = 600
#: The exit code when the ledger knows nothing of the key.
NOTHING_FOUND = 1

_EXAMPLE = """\b
Example:
  reply-tasks find 1042 --config config.json
  reply-tasks find ada@example.com
  reply-tasks find crm-7 --json
"""
_ANSWERS = {
    Delivered.YES: "green",
    Delivered.UNKNOWN: "bold magenta",
    Delivered.HELD: "bold yellow",
    Delivered.NO: "red",
}


@click.command("find", epilog=_EXAMPLE)
@click.argument("key")
@json_option
@settings_options()
def find(*, key: str, as_json: bool, settings: CommonSettings) -> None:
    """Show the history of KEY: every record, call, answer and text sent.

    KEY is a task's id, an external id, a contact's id, an email address or phone number, or the
    beginning of an operation's id. The first line answers whether the customer got the mail: yes,
    no, held or unknown. An external id is followed to its task, and a task's records that brought
    the external id alone are among its own. By contact or address only those tasks are found that
    Reply has returned with it. No key is needed and nothing is called.

    Exit code 0: something was found. 1: the ledger knows nothing of KEY.
    """
    with ledger_to_read(settings) as connection:
        found = history(connection, key)
    if as_json:
        print_json(_plain(found))
    else:
        _show(console(), found)
    if not found.tasks:
        raise click.exceptions.Exit(NOTHING_FOUND)


def _plain(found: History) -> dict[str, Any]:
    return {
        "key": found.key,
        **_plain_answer(found.answer),
        "tasks": [
            {
                "task_id": task.task_id,
                "found_as": task.found_as,
                "links": task.links,
                "recipient": task.recipient,
                **_plain_answer(task.answer),
                "operations": [_plain_operation(row) for row in task.operations],
            }
            for task in found.tasks
        ],
    }


def _plain_answer(answer: DeliveryAnswer) -> dict[str, Any]:
    return {"answer": answer.delivered, "why": answer.why, "decided_by": answer.operation_id}


def _plain_operation(row: OperationRow) -> dict[str, Any]:
    return {
        "operation_id": row.operation_id,
        "run_id": row.run_id,
        "stream": row.stream,
        "operation": row.operation,
        "external_id": row.external_id,
        "act_as_user_id": row.act_as_user_id,
        "outcome": row.outcome,
        "reason": row.reason,
        "detail": row.detail,
        "effect": row.effect,
        "received_at": row.received_at,
        "claimed_at": row.claimed_at,
        "settled_at": row.settled_at,
        "approved_by": row.approved_by,
        "approved_at": row.approved_at,
        "message": row.message,
        "recipient": row.recipient,
        "http_status": row.http_status,
        "attempts": row.attempts,
        "problem": row.problem,
        "record": row.record,
        "task_detail": row.task_detail,
    }


def _show(out: Console, found: History) -> None:
    out.print(_answer("Did this customer get it? ", found.answer))
    for task in found.tasks:
        out.print()
        out.print(_heading(task))
        if len(found.tasks) > 1:
            out.print(_answer("Sent? ", task.answer))
        for row in task.operations:
            out.print()
            _show_operation(out, row)


def _answer(question: str, answer: DeliveryAnswer) -> Text:
    word = (answer.delivered.upper(), _ANSWERS[answer.delivered])
    return Text.assemble((question, "bold"), word, f". {shown(answer.why)}")


def _heading(task: TaskHistory) -> Text:
    parts = ["Records without a task" if task.task_id is None else f"Task {task.task_id}"]
    for link in task.links:
        key = shown(link.external_id)
        parts.append(f"{key} is ambiguous" if link.ambiguous else f"external id {key}")
    if task.recipient.contact_id is not None:
        parts.append(f"contact {task.recipient.contact_id}")
    if task.recipient.address is not None:
        parts.append(shown(task.recipient.address))
    return Text(", ".join(parts), "bold underline")


def _show_operation(out: Console, row: OperationRow) -> None:
    out.print(
        Text.assemble(
            cell(row.received_at),
            "  ",
            (str(row.operation or "unreadable"), "bold"),
            "  ",
            ending(row.outcome, row.reason),
            f"  {row.operation_id[:ID_LENGTH]}",
        )
    )
    for name, text in _lines(row):
        out.print(_indented(Text.assemble((f"{name} ", "dim"), text), 2))
    if row.message is not None:
        _show_message(out, row, row.message)


def _lines(row: OperationRow) -> Iterator[tuple[str, str]]:
    external = "" if row.external_id is None else f", external id {shown(row.external_id)}"
    acting = "" if row.act_as_user_id is None else f", acts as user {row.act_as_user_id}"
    yield "record ", f"stream {shown(row.stream)}{external}{acting}"
    for each in row.attempts:
        answer = each.status if each.error is None else shown(each.error)
        shared = "" if each.tasks == 1 else f" of {each.tasks} tasks"
        yield "call   ", f"{moment(each.at)} {each.call}{shared}: {answer or 'no answer'}"
    if row.approved_at is not None and row.approved_by is not None:
        word = "declined" if row.outcome is Outcome.REJECTED else "approved"
        yield word, f"{moment(row.approved_at)} by {shown(row.approved_by)}"
    if row.effect is not None:
        yield "effect ", row.effect
    if row.settled_at is not None:
        yield "settled", moment(row.settled_at)
    if row.detail:
        yield "because" if row.reason else "detail ", shown(row.detail)
    if row.record is not None and row.message is None:
        yield "as read", shown(json.dumps(row.record, ensure_ascii=False)[:LONGEST_RECORD])
    if row.problem is not None and row.problem.get("code"):
        yield "problem", shown(str(row.problem["code"]))


def _show_message(out: Console, row: OperationRow, message: Message) -> None:
    address = row.recipient.address
    match row.outcome:
        case Outcome.APPLIED:
            heading = "sent:" if address is None else f"sent to {shown(address)}:"
        case None | Outcome.UNCERTAIN:
            heading = "text, which may have been sent:"
        case _:
            heading = "text, which was not sent:"
    out.print(_indented(Text(heading, "dim"), 2))
    if message.subject is not None:
        out.print(_indented(Text(shown(message.subject), "bold"), 4))
    if message.body is not None:
        out.print(_indented(Text(shown(message.body, lines=True)), 4))


def _indented(text: Text, by: int) -> Padding:
    return Padding(text, (0, 0, 0, by), expand=False)
