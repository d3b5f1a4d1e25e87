"""The ``init`` command: a first config, with what every setting means."""

import os
from pathlib import Path

import click

from reply_tasks.settings.starter import starter_config, starter_meltano

#: Writes to standard output in place of a file.
_STDOUT = "-"

_EXAMPLE = """\b
Example:
  reply-tasks init
  reply-tasks init /etc/reply-tasks/config.json
  reply-tasks init --meltano - >> meltano.yml
"""


@click.command("init", epilog=_EXAMPLE)
@click.argument("file", required=False)
@click.option("--meltano", is_flag=True, help="Write the plugins' part of a meltano.yml.")
def init(*, file: str | None, meltano: bool) -> None:
    """Write a first config to FILE, by default config.json, and never over a file.

    It holds every setting with what it means; members whose names begin with // are comments. The
    file is readable by its owner only, since it may hold the key. `reply-tasks check` then says
    whether everything is there. With --meltano, FILE is meltano.yml by default; - is standard
    output.
    """
    name = file or ("meltano.yml" if meltano else "config.json")
    folder = Path.cwd() if name == _STDOUT else Path(name).absolute().parent
    text = starter_meltano(folder) if meltano else starter_config(folder)
    if name == _STDOUT:
        click.echo(text, nl=False)
        return
    _write(Path(name), text)
    click.echo(f"{name} is written. Next: give it a key, then", err=True)
    if meltano:
        click.echo("  meltano install", err=True)
    else:
        click.echo(f"  reply-tasks check --config {name}", err=True)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise click.ClickException(
            f"{path} is there already, and stays as it is: name another file, or - to print it."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{path} can't be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
