"""The ``demo`` command: play the loop, and show what happened to each example record."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.demo.examples import Note, notes
from reply_tasks.demo.loop import DemoError, Operation, Story, play

_EXAMPLE = """\b
Example:
  reply-tasks demo
  reply-tasks demo --folder ./demo
"""

_STYLES = {
    Outcome.APPLIED: "green",
    Outcome.UNCHANGED: "cyan",
    Outcome.SUPERSEDED: "blue",
    Outcome.REJECTED: "yellow",
    Outcome.HELD: "bold yellow",
    Outcome.UNCERTAIN: "magenta",
}
#: Narrower than this the table can't be read.
_WIDTH = 80


@click.command("demo", epilog=_EXAMPLE)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo's files go and stay; a new temporary folder unless given.",
)
def demo(*, folder: Path | None) -> None:
    """Run the whole loop on example records, and show what happened to each.

    A sandbox stands in for Reply, so nothing is sent. The console scripts are the real ones.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="reply-tasks-demo-"))
    elif folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty: the demo needs a folder of its own.")
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    console.width = max(console.width, _WIDTH)
    try:
        story = play(folder.resolve(), lambda text: console.print(f"[dim]·[/dim] {text}"))
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    expected = notes()
    console.print(_table(story, expected))
    console.print(_summary(story))
    console.print("Where to look next", style="bold")
    click.echo(_where_to_look(folder.resolve()))
    surprises = unexpected(story.operations, expected)
    if surprises:
        raise click.ClickException("Not as it must be: " + "; ".join(surprises))


def unexpected(operations: Sequence[Operation], expected: Mapping[str, Note]) -> list[str]:
    """What did not end as its note says when it was first read, or was done twice."""
    first: dict[str, Operation] = {}
    for operation in operations:
        if operation.external_id is not None:
            first.setdefault(operation.external_id, operation)
    wrong = [f"{key} was never settled" for key in expected if key not in first]
    for key, operation in first.items():
        note = expected.get(key)
        if note is None:
            wrong.append(f"{key} is not an example")
        elif (operation.outcome, operation.reason) != (note.outcome, note.reason):
            wrong.append(
                f"{key} ended {_ending(operation)}, not {_words(note.outcome, note.reason)}"
            )
    wrong += [
        f"{each.external_id} was requested again"
        for each in operations
        if each.run == 1 and each.api_calls and each.outcome != Outcome.REJECTED
    ]
    return wrong


def _table(story: Story, expected: Mapping[str, Note]) -> Table:
    table = Table(title="What happened to each record", title_justify="left", header_style="bold")
    for heading in ("Record", "What it is", "Task", "Outcome", "Read again"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"Record", "Task"})
    again = {each.external_id: each for each in story.operations if each.run == 1}
    order = {key: place for place, key in enumerate(expected)}
    shown = [each for each in story.operations if each.run != 1]
    shown.sort(key=lambda each: (each.run, order.get(each.external_id or "", len(order))))
    texts = {key: [note.text, *note.then] for key, note in expected.items()}
    for place, each in enumerate(shown):
        if place and shown[place - 1].run != each.run:
            table.add_section()
        text = next(iter(texts.get(each.external_id or "", ())), each.detail or "")
        texts.get(each.external_id or "", [])[:1] = []
        repeated = again.get(each.external_id) if each.run == 0 else None
        table.add_row(
            each.external_id or "",
            text,
            "" if each.task_id is None else str(each.task_id),
            _styled(each),
            "" if repeated is None else _styled(repeated),
        )
    return table


def _styled(operation: Operation) -> Text:
    return Text(_ending(operation), style=_STYLES[Outcome(operation.outcome)])


def _ending(operation: Operation) -> str:
    return _words(operation.outcome, operation.reason)


def _words(outcome: str, reason: str | None) -> str:
    return f"{outcome}: {reason}" if reason else outcome


def _summary(story: Story) -> str:
    first, again, merged, lived, held, approved = story.calls
    streams = ", ".join(f"{count} {stream}" for stream, count in story.emitted.items())
    return (
        f"First run: {first} calls, {story.sent[0]} emails and SMS sent.\n"
        f"Same records again: {again} calls, {story.sent[1] - story.sent[0]} sent. "
        "What Reply had refused is not asked again within a day.\n"
        f"Merge run: {merged} calls, {story.sent[2] - story.sent[1]} sent.\n"
        f"Whole lives by the CRM's key: {lived} calls, {story.sent[3] - story.sent[2]} sent.\n"
        f"Two updates, and two emails held for a person: {held} calls, "
        f"{story.sent[4] - story.sent[3]} sent.\n"
        f"One of the emails approved: {approved} call, {story.sent[5] - story.sent[4]} sent.\n"
        f"The tap emitted {streams}; run again with its state, {story.emitted_again}.\n"
    )


def _where_to_look(folder: Path) -> str:
    return f"""\
  {folder}
    records.singer, lives.singer    what went in
    config.json                     a config to start from: it works once
                                    `reply-tasks sandbox` is started
    1-first.log                     the run's own account
    7-tap.jsonl                     what a warehouse would get
    ledger.db                       every claim, call and outcome (a SQLite file)
  reply-tasks held --config {folder}/5-held.config.json
                                    what still waits for a person
  reply-tasks console --config {folder}/5-held.config.json
                                    the same in a browser (pip install 'reply-tasks[console]')
  target-reply-tasks --about        every setting
  reply-tasks sandbox               a local Reply API to rehearse your own pipeline on
  README.md                         a real pipeline in a page
"""
