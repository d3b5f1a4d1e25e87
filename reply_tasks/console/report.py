"""The report: one HTML file of a run or a period, from the console's own parts."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from reply_tasks.console.charts import range_for, rows_of, stretch
from reply_tasks.console.rendering import STATIC, render
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.held import held_operations
from reply_tasks.operator import (
    RejectionFilter,
    RunSummary,
    outcomes_over_time,
    recipients,
    rejected_by_reason,
    rejections,
    uncertain_operations,
)
from reply_tasks.operator.approval import what_waits
from reply_tasks.operator.runs import runs_since
from reply_tasks.operator.sent import (
    SettledFilter,
    applied_by_operation,
    count_sent,
    sent_executions,
)

#: So many of a kind are told one by one; of the others it is said how many there are.
MOST = 500
_MOST_RUNS = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about: a run, or all that was settled since.

    Attributes:
        run: The run; None means a period.
        since: Where the period begins.
        now: When the report is made, which is where the period ends.
    """

    run: RunSummary | None
    since: datetime
    now: datetime


def report(connection: Connection, scope: Scope, *, ledger: str) -> str:
    """The report as HTML that needs no network and no other file.

    Args:
        connection: Any connection.
        scope: What it is about.
        ledger: The ledger's name, without a secret.
    """
    run_id = None if scope.run is None else scope.run.run_id
    settled = SettledFilter(run_id=run_id, since=None if run_id else scope.since)
    which = RejectionFilter(run_id=run_id, since=settled.since)
    counts = rejected_by_reason(connection, which)
    held = held_operations(connection, run_id=run_id, most=MOST + 1)
    uncertain = tuple(
        row for row in uncertain_operations(connection) if run_id in {None, row.run_id}
    )
    values: dict[str, Any] = {
        "title": "Report of a run" if scope.run else "Report",
        "scope": scope,
        "ledger": ledger,
        "runs": (scope.run,) if scope.run else runs_since(connection, scope.since, _MOST_RUNS),
        "sent": sent_executions(connection, settled, most=MOST),
        "applied": applied_by_operation(connection, settled),
        "sent_count": count_sent(connection, settled),
        "held": what_waits(connection, held[:MOST]),
        "more_held": len(held) > MOST,
        "uncertain": uncertain[:MOST],
        "uncertain_count": len(uncertain),
        "recipients": recipients(connection, uncertain[:MOST]),
        "rejected": [*islice(rejections(connection, which), MOST)] if counts else [],
        "rejected_counts": counts,
        **_chart(connection, scope),
        **_style(),
    }
    values["outcomes"] = _outcomes(scope, values["chart"])
    return render("report.html", values)


def _chart(connection: Connection, scope: Scope) -> Mapping[str, Any]:
    """How a period went; a run is one point, which its numbers say better."""
    if scope.run is not None:
        return {"chart": (), "periods": (), "range": None}
    shown = range_for(scope.now - scope.since)
    since, until = stretch(shown, scope.now)
    periods = outcomes_over_time(connection, since=since, until=until, step=shown.step)
    return {"chart": rows_of(periods), "periods": periods, "range": shown}


def _outcomes(scope: Scope, chart: Iterable[Any]) -> Mapping[Outcome, int]:
    if scope.run is not None:
        return scope.run.outcomes
    return {row.outcome: row.total for row in chart}


def _style() -> Mapping[str, Any]:
    """The stylesheet inside the page, and its digest, the one that the page allows."""
    style = (STATIC / "console.css").read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    unescaped = Markup(style)  # noqa: S704  # nosec B704 - a file of this package
    return {"style": unescaped, "style_digest": f"sha256-{digest}"}
