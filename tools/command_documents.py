"""``python -m tools.command_documents write`` puts every command's own help into docs/commands.md.

A developer's tool, run from the top of a checkout.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from reply_tasks.cli import main as operator
from tap_reply_tasks.tap import TapReplyTasks
from target_reply_tasks.target import TargetReplyTasks

DOCUMENT = Path("docs/commands.md")
_WIDTH = 100

_HEAD = """\
# Commands

What each says with `--help`; `make docs` writes this page. Every setting can be given in the
environment too ([reference](reference.md#settings)). Exit codes are in
[the reference](reference.md#what-becomes-of-a-record), and what a scheduler does with them in
[operations](operations.md#exit-codes).
"""


def commands_markdown() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_sections()))


def _sections() -> Iterator[str]:
    for name, command in (
        ("target-reply-tasks", TargetReplyTasks.get_singer_command()),
        ("tap-reply-tasks", TapReplyTasks.get_singer_command()),
        ("reply-tasks", operator),
    ):
        yield from _section(name, _context(command, name))


def _section(name: str, context: click.Context) -> Iterator[str]:
    yield f"## `{name}`\n\n```text\n{context.get_help().rstrip()}\n```\n"
    if isinstance(context.command, click.Group):
        for each in context.command.list_commands(context):
            command = context.command.get_command(context, each)
            assert command is not None  # noqa: S101 - it is in the list
            yield from _section(f"{name} {each}", _context(command, each, context))


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    settings = {**command.context_settings, "terminal_width": _WIDTH}
    return click.Context(command, info_name=name, parent=parent, **settings)


@click.group()
def documents() -> None:
    """Keep the page equal to the commands."""


@documents.command()
def write() -> None:
    """Write the page anew."""
    DOCUMENT.write_text(commands_markdown())


@documents.command()
def show() -> None:
    """Show the page as it would be written."""
    click.echo(commands_markdown())


if __name__ == "__main__":
    documents()
