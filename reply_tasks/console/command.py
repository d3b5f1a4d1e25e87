"""The ``console`` command: serve the pages on loopback until it is told to stop."""

import logging
import sys
from contextlib import suppress
from dataclasses import replace
from getpass import getuser
from importlib.util import find_spec

import click

from reply_tasks.commands.options import settings_options
from reply_tasks.ledger import open_engine
from reply_tasks.settings import COMMON_SETTINGS, CommonSettings

#: What the extra brings.
_EXTRA = ("jinja2", "starlette", "uvicorn")

_EXAMPLE = """\b
Example:
  reply-tasks console --config config.json
  reply-tasks console --read-only --port 0
"""


@click.command("console", epilog=_EXAMPLE)
@click.option(
    "--port",
    default=8310,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port on 127.0.0.1; 0: any free one.",
)
@click.option("--read-only", is_flag=True, help="Only look: nothing can be decided.")
@click.option(
    "--preview",
    is_flag=True,
    help="Keep the key, to read from Reply the texts that it would render: one call each.",
)
@click.option("--by", metavar="NAME", help="Who decides. Default: the user of this system.")
@settings_options(offered=COMMON_SETTINGS)
def console(
    *, port: int, read_only: bool, preview: bool, by: str | None, settings: CommonSettings
) -> None:
    """Serve the pages on which a person looks, approves and declines.

    Open the address that is printed, whole: its token lets you in, and nobody else. The pages are
    on this machine's loopback only; through a tunnel (ssh -L) they can be seen from another one.
    Nothing is ever sent from here: what is approved goes out with the next run of the target.
    """
    need_extra()
    from reply_tasks.console.access import Secrets  # noqa: PLC0415 - part of the extra
    from reply_tasks.console.app import Console  # noqa: PLC0415
    from reply_tasks.console.routes import make_app  # noqa: PLC0415
    from reply_tasks.console.serving import LOOPBACK, Server, listen  # noqa: PLC0415

    if preview and read_only:
        raise click.UsageError(
            "--preview decides what may be sent: it does not go with --read-only."
        )
    if preview and settings.api_key is None:
        raise click.UsageError("--preview needs a key: give --api-key, or set REPLY_TASKS_API_KEY.")
    open_engine(settings.ledger_url, create=False).dispose()  # its absence is told at once
    try:
        listening = listen(port)
    except OSError as error:
        raise click.ClickException(
            f"Port {port} can't be used ({error.strerror}): choose another with --port, 0 for any."
        ) from None
    port = listening.getsockname()[1]
    secrets = Secrets.fresh()
    made = Console(
        settings=settings if preview else replace(settings, api_key=None),
        by=by or getuser(),
        csrf=secrets.csrf,
        read_only=read_only,
        previews=preview,
    )
    _log_to_standard_error()
    app = make_app(made, secrets, cookie=f"reply-tasks-console-{port}")
    click.echo(f"The console of {settings.ledger_name} is at\n")
    click.echo(f"    http://{LOOPBACK}:{port}/?token={secrets.token}\n")
    click.echo("Whoever has this address can decide. Ctrl-C ends it.")
    sys.stdout.flush()
    with listening, suppress(KeyboardInterrupt):
        Server(app).run(sockets=[listening])


def need_extra() -> None:
    """Say how to install what the console needs, where it is missing.

    Raises:
        click.ClickException: It is missing.
    """
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"The console needs {', '.join(missing)}: pip install 'reply-tasks[console]'."
        )


def _log_to_standard_error() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("reply_tasks.console")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
