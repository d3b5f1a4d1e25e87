"""The ``report`` command: one HTML file of a run or a period, to send on or to keep."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from reply_tasks.commands.naming import LAST, run_named
from reply_tasks.commands.options import SINCE, ledger_to_read, settings_options
from reply_tasks.console.command import need_extra
from reply_tasks.settings import CommonSettings

_EXAMPLE = """\b
Example:
  reply-tasks report --config config.json --output today.html
  reply-tasks report --since 7d --output week.html
"""


@click.command("report", epilog=_EXAMPLE)
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="The file to write; - for standard output.",
)
@click.option("--run", metavar="ID", help="Of this run: the beginning of its id. Default: last.")
@click.option("--since", type=SINCE, help="Of all since then: 2026-01-31, 24h, 7d.")
@settings_options()
def report(
    *, output: Path, run: str | None, since: datetime | None, settings: CommonSettings
) -> None:
    """Write what came of a run or a period to one HTML file that opens without a network.

    What was sent to whom, with its text; what waits, is uncertain, or was rejected and why. It
    holds personal data, as the ledger does, and only you may read the file.
    """
    need_extra()
    from reply_tasks.console.report import Scope  # noqa: PLC0415 - part of the extra
    from reply_tasks.console.report import report as made_of  # noqa: PLC0415

    if run is not None and since is not None:
        raise click.UsageError("Give --run or --since, not both.")
    now = datetime.now(UTC)
    with ledger_to_read(settings) as connection:
        of_run = run_named(connection, run or LAST) if since is None else None
        begins = since or (of_run.started_at if of_run else now)
        page = made_of(connection, Scope(of_run, begins, now), ledger=settings.ledger_name)
    if str(output) == "-":
        sys.stdout.write(page)
        return
    try:
        _write(output, page)
    except OSError as error:
        raise click.ClickException(f"{output} can't be written: {error.strerror}.") from None
    click.echo(f"The report is in {output}.")


def _write(output: Path, page: str) -> None:
    """Whole or not at all, and for its owner only."""
    part = output.with_name(f".{output.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        part.replace(output)
    except OSError:
        part.unlink(missing_ok=True)
        raise
