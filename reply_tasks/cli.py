"""The operator's command line: each command is a module of its own, imported when it is called.

To add a command, write it as a click command in ``reply_tasks/commands/<name>.py`` and name that
module here.
"""

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword

import click

from reply_tasks.importing import importing

#: Command -> the module that defines it, under the command's own name.
COMMANDS: Mapping[str, str] = {
    "demo": "reply_tasks.demo.command",
    "sandbox": "reply_tasks.sandbox.command",
    "try": "reply_tasks.commands.trying",
    "init": "reply_tasks.commands.init",
    "check": "reply_tasks.commands.check",
    "status": "reply_tasks.commands.status",
    "rejected": "reply_tasks.commands.rejected",
    "find": "reply_tasks.commands.find",
    "held": "reply_tasks.commands.held",
    "approve": "reply_tasks.commands.approve",
    "decline": "reply_tasks.commands.decline",
    "resolve": "reply_tasks.commands.resolve",
    "link": "reply_tasks.commands.link",
    "links": "reply_tasks.commands.links",
    "prune": "reply_tasks.commands.prune",
    "report": "reply_tasks.console.report_command",
    "console": "reply_tasks.console.command",
}

_EXAMPLE = """\b
Example:
  reply-tasks demo
  reply-tasks sandbox --port 8300
"""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        with importing():
            module = import_module(COMMANDS[cmd_name])
        command = getattr(module, f"{name}_" if iskeyword(name) else name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} defines no click command named {cmd_name}")
        return command


@click.group(
    cls=LazyGroup,
    epilog=_EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="reply-tasks", prog_name="reply-tasks")
def main() -> None:
    """Look after what target-reply-tasks and tap-reply-tasks do.

    The target applies task records to Reply.io, the tap emits what came back; these commands let a
    person rehearse, watch and settle their work.
    """
