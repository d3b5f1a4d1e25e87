"""The ``prune`` command: what is old leaves the ledger, and all that the promises rest on stays."""

from datetime import datetime

import click
from rich.progress import Progress, SpinnerColumn, TextColumn

from reply_tasks.commands.options import SINCE, json_option, settings_options
from reply_tasks.commands.output import console, print_json
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.database import clear_errors
from reply_tasks.ledger.pruning import Pruned
from reply_tasks.ledger.pruning import prune as prune_ledger
from reply_tasks.settings import CommonSettings

_EXAMPLE = """\b
Example:
  reply-tasks prune --older-than 90d --dry-run
  reply-tasks prune --older-than 90d
  reply-tasks prune --texts-only --before 2026-01-01
"""


@click.command("prune", epilog=_EXAMPLE)
@click.option("--older-than", type=SINCE, metavar="AGE", help="What was settled longer ago: 90d.")
@click.option("--before", type=SINCE, metavar="WHEN", help="What was settled before then.")
@click.option(
    "--texts-only", is_flag=True, help="Keep the rows; empty their records, tasks and problems."
)
@click.option("--dry-run", is_flag=True, help="Say how much it would be; remove nothing.")
@json_option
@settings_options()
def prune(  # noqa: PLR0913 - each one an option
    *,
    older_than: datetime | None,
    before: datetime | None,
    texts_only: bool,
    dry_run: bool,
    as_json: bool,
    settings: CommonSettings,
) -> None:
    """Remove operations and runs from the ledger that are older than a time.

    Whatever its age, what the promises rest on stays: what is known of each task, operations that
    are claimed, held or uncertain, a person's no, and of each task the last applied and the
    executing operation. It runs beside targets and taps; a tap that had not read what is removed
    says how many rows it missed.
    """
    limits = [moment for moment in (older_than, before) if moment is not None]
    if len(limits) != 1:
        raise click.UsageError("Give either --older-than or --before.")
    engine = open_engine(settings.ledger_url, create=False)
    try:
        with clear_errors(), _progress() as progress:
            task = progress.add_task("", total=None)

            def tell(pruned: Pruned) -> bool:
                progress.update(task, description=f"{pruned.operations + pruned.texts} so far")
                return True

            pruned = prune_ledger(
                engine, before=limits[0], texts_only=texts_only, dry_run=dry_run, go_on=tell
            )
    finally:
        engine.dispose()
    if as_json:
        print_json(pruned)
    else:
        click.echo(_sentence(pruned, "would be" if dry_run else "were"))


def _progress() -> Progress:
    """Shown on a terminal only."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), console=console(), transient=True
    )


def _sentence(pruned: Pruned, verb: str) -> str:
    if pruned.texts:
        return f"The texts of {pruned.texts} operations {verb} emptied."
    return f"{pruned.operations} operations and {pruned.runs} runs {verb} removed."
