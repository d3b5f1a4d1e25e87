"""The ``status`` command: how things stand, for a person, a script or a scraper."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from reply_tasks.commands.options import json_option, ledger_to_read, settings_options, whose_quota
from reply_tasks.commands.output import (
    ID_LENGTH,
    STYLES,
    ago,
    cell,
    console,
    duration,
    print_json,
    section,
    table,
)
from reply_tasks.commands.prometheus import exposition
from reply_tasks.operator import Overview, RunState, RunSummary, UserQuota, Waiting, overview
from reply_tasks.settings import CommonSettings


class Format(StrEnum):
    """Who reads it."""

    TABLE = "table"
    JSON = "json"
    PROMETHEUS = "prometheus"


_EXAMPLE = """\b
Example:
  reply-tasks status --config config.json
  reply-tasks status --format prometheus > reply_tasks.prom.new &&
    mv reply_tasks.prom.new /var/lib/node_exporter/reply_tasks.prom
"""
_RUN_STYLES = {
    RunState.RUNNING: "bold",
    RunState.FINISHED: "green",
    RunState.ALL_REJECTED: "yellow",
    RunState.STOPPED: "red",
    RunState.INTERRUPTED: "yellow",
    RunState.CRASHED: "red",
}


@click.command("status", epilog=_EXAMPLE)
@click.option(
    "--format",
    "output",
    type=click.Choice([each.value for each in Format]),
    default=Format.TABLE.value,
    help="A table for a person, JSON for a script, or the text that Prometheus reads.",
)
@click.option("--runs", default=5, type=click.IntRange(min=1), help="How many runs. Default: 5.")
@json_option
@settings_options()
def status(*, output: str, runs: int, as_json: bool, settings: CommonSettings) -> None:
    """Show the last runs, what waits, what is rejected, and the quota that is left.

    Of each record only the latest verdict counts: one that was rejected and applied later is not
    listed as rejected. No key is needed and nothing is called; with the key, the quota's users have
    names.
    """
    with ledger_to_read(settings) as connection:
        seen = overview(connection, whose_quota(settings), most_runs=runs)
    if as_json or output == Format.JSON:
        print_json({"ledger": settings.ledger_name, **_plain(seen)})
    elif output == Format.PROMETHEUS:
        click.echo(exposition(seen), nl=False)
    else:
        _show(seen, settings.ledger_name)


def _plain(seen: Overview) -> dict[str, Any]:
    return {
        "runs": [_plain_run(run) for run in seen.runs],
        "last_ended": None if seen.last_ended is None else _plain_run(seen.last_ended),
        "open": seen.waiting.claimed,
        "held": seen.waiting.held,
        "uncertain": seen.waiting.uncertain,
        "rejected": seen.rejected,
        "quota": seen.quota,
    }


def _plain_run(run: RunSummary) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "exit_code": run.exit_code,
        "crashed": run.crashed,
        "records": run.records,
        **{str(outcome): count for outcome, count in run.outcomes.items()},
        "repeated": run.repeated,
        "api_calls": run.api_calls,
        "quota_wait_seconds": run.quota_wait_seconds,
    }


def _show(seen: Overview, ledger: str) -> None:
    out, now = console(), datetime.now(UTC)
    out.print(Text.assemble(("Ledger ", "bold"), cell(ledger)))
    section(out, "Last runs", _runs(seen.runs, now))
    section(out, "Waiting", _waiting(seen, now))
    rejected = "Rejected, by the latest verdict on each record (reply-tasks rejected)"
    section(out, rejected, _rejected(seen))
    section(out, "Quota", _quota(seen.quota, now))


def _runs(runs: tuple[RunSummary, ...], now: datetime) -> Table | Text:
    shown = table("Run", "Started (UTC)", "Took", "Ended", "Records")
    for run in runs:
        end = run.ended_at or now
        code = "" if run.exit_code in {None, 0} else f" ({run.exit_code})"
        shown.add_row(
            cell(run.run_id[:ID_LENGTH]),
            cell(run.started_at),
            cell(duration(end - run.started_at)),
            cell(f"{run.state}{code}", _RUN_STYLES[run.state]),
            _records(run),
        )
    if not runs:
        return Text("None yet.")
    return shown


def _records(run: RunSummary) -> Text:
    parts = [
        Text(f"{count:,} {outcome}", STYLES.get(str(outcome), ""))
        for outcome, count in run.outcomes.items()
        if count
    ]
    return Text(", ").join(parts) if parts else Text("none")


def _waiting(seen: Overview, now: datetime) -> Table:
    shown = table("", "", "", "")
    waiting = seen.waiting
    for name, each, what_to_do in (
        ("claimed", waiting.claimed, "a run works on them, or the next one settles them"),
        ("held", waiting.held, "reply-tasks held"),
        ("uncertain", waiting.uncertain, "reply-tasks resolve"),
    ):
        shown.add_row(cell(name), *_waiting_cells(each, what_to_do, STYLES.get(name, ""), now))
    return shown


def _waiting_cells(each: Waiting, what_to_do: str, style: str, now: datetime) -> Iterator[Text]:
    yield Text(f"{each.count:,}", style if each.count else "")
    yield Text("" if each.since is None else f"oldest {ago(each.since, now)} ago")
    yield Text(what_to_do if each.count else "")


def _rejected(seen: Overview) -> Table | Text:
    shown = table("", "")
    for reason, count in seen.rejected.items():
        shown.add_row(cell(reason), Text(f"{count:,}", STYLES["rejected"]))
    if not seen.rejected:
        return Text("None.")
    return shown


def _quota(quota: tuple[UserQuota, ...], now: datetime) -> Table | Text:
    shown = table("User", "Window", "Left", "Of", "More is back")
    for user in quota:
        for window in user.windows:
            spent = window.left == 0
            back = "" if window.frees_at is None else f"in {ago(window.frees_at, now)}"
            shown.add_row(
                cell(user.user),
                cell(window.name),
                Text(f"{window.left:,}", "red" if spent else ""),
                Text(f"{window.limit:,}"),
                cell(back),
            )
    if not quota:
        return Text("All of it is left: no call in the last hour.")
    return shown
