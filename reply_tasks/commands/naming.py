"""How commands name a run: by the beginning of its id, or as the last."""

import click
from sqlalchemy import Connection

from reply_tasks.operator import RunSummary, last_ended_run, runs_named

#: What ``--run`` takes for the run that ended last.
LAST = "last"


def run_named(connection: Connection, beginning: str) -> RunSummary:
    """The run whose id begins so, or the one that ended last.

    Raises:
        click.ClickException: There is none, or several are.
    """
    if beginning == LAST:
        last = last_ended_run(connection)
        if last is None:
            raise click.ClickException("No run has ended yet.")
        return last
    named = runs_named(connection, beginning.strip().lower())
    if not named:
        raise click.ClickException("No run's id begins so; `reply-tasks status` shows the last.")
    if len(named) > 1:
        raise click.ClickException("More than one run's id begins so: give more of it.")
    return named[0]
