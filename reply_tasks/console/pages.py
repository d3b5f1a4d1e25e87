"""What can be looked at: each page asks the ledger what the commands ask."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from reply_tasks.commands.rejected_lines import Lines, csv_lines, jsonl_lines, singer_lines
from reply_tasks.console.app import console_of, page
from reply_tasks.console.charts import RANGES, rows_of, stretch
from reply_tasks.contract.outcomes import Reason
from reply_tasks.ledger.held import held_operations
from reply_tasks.operator import (
    HINTS,
    RejectionFilter,
    history,
    outcomes_over_time,
    overview,
    recipients,
    rejected_by_reason,
    rejections,
    task_history,
    uncertain_operations,
)
from reply_tasks.operator.approval import what_waits
from reply_tasks.operator.history import LARGEST_ID
from reply_tasks.operator.sent import SettledFilter, sent_executions

#: So many messages are on a page: each with its whole text.
A_PAGE = 25
#: So many rows where each is a line or two.
A_LONG_PAGE = 100
_MOST_RUNS = 8


def overview_page(request: Request) -> Response:
    """How things stand: what waits, what came of records, the last runs, the quota."""
    console = console_of(request)
    name = request.query_params.get("range", "fortnight")
    shown = RANGES.get(name, RANGES["fortnight"])
    since, until = stretch(shown, datetime.now(UTC))
    with console.reading() as connection:
        seen = overview(connection, console.whose_quota, most_runs=_MOST_RUNS)
        periods = outcomes_over_time(connection, since=since, until=until, step=shown.step)
        values = {
            "title": "Overview",
            "seen": seen,
            "periods": periods,
            "chart": rows_of(periods),
            "range": shown,
            "ranges": RANGES,
        }
        return page(request, "overview.html", connection, values)


def held_page(request: Request) -> Response:
    """What waits for a person's word, and what waits for the next run."""
    console = console_of(request)
    after = _number(request, "after") or 0
    run_id = _run(request)
    with console.reading() as connection:
        found = held_operations(
            connection, run_id=run_id, approved=False, after=after, most=A_PAGE + 1
        )
        approved = held_operations(connection, run_id=run_id, approved=True, most=A_LONG_PAGE)
        values = {
            "title": "Waiting for approval",
            "undecided": what_waits(connection, found[:A_PAGE]),
            "approved": what_waits(connection, approved),
            "run_id": run_id,
            "after": after,
            "next": _link(run=run_id, after=found[A_PAGE - 1].sequence)
            if len(found) > A_PAGE
            else None,
        }
        return page(request, "held.html", connection, values)


def sent_page(request: Request) -> Response:
    """What was sent to whom, newest first."""
    run_id = _run(request)
    which = SettledFilter(run_id=run_id, before=_number(request, "before"))
    with console_of(request).reading() as connection:
        rows = sent_executions(connection, which, most=A_PAGE + 1)
        values = {
            "title": "Sent",
            "rows": rows[:A_PAGE],
            "run_id": run_id,
            "first": which.before is None,
            "next": _link(run=run_id, before=rows[A_PAGE - 1].sequence)
            if len(rows) > A_PAGE
            else None,
        }
        return page(request, "sent.html", connection, values)


def uncertain_page(request: Request) -> Response:
    """Operations whose effect nobody knows, for a person's word."""
    with console_of(request).reading() as connection:
        rows = uncertain_operations(connection)
        values = {
            "title": "Uncertain",
            "rows": rows[:A_LONG_PAGE],
            "more": max(0, len(rows) - A_LONG_PAGE),
            "recipients": recipients(connection, rows[:A_LONG_PAGE]),
        }
        return page(request, "uncertain.html", connection, values)


def rejected_page(request: Request) -> Response:
    """What is rejected, why, and how to get it back."""
    which = _which(request)
    reason = next(iter(which.reasons), None)
    after = _number(request, "after") or 0
    with console_of(request).reading() as connection:
        counts = rejected_by_reason(connection, RejectionFilter(run_id=which.run_id))
        found = rejections(connection, which, after=after, a_page=A_LONG_PAGE + 1)
        rows = [*islice(found, A_LONG_PAGE + 1)]
        values = {
            "title": "Rejected",
            "counts": counts,
            "reason": reason,
            "hints": HINTS,
            "run_id": which.run_id,
            "rows": rows[:A_LONG_PAGE],
            "query": _link(run=which.run_id, reason=reason),
            "links": {each: _link(run=which.run_id, reason=each) for each in [None, *counts]},
            "downloads": {
                name: _link(run=which.run_id, reason=reason, format=name) for name in DOWNLOADS
            },
            "next": _link(run=which.run_id, reason=reason, after=rows[A_LONG_PAGE - 1].sequence)
            if len(rows) > A_LONG_PAGE
            else None,
        }
        return page(request, "rejected.html", connection, values)


DOWNLOADS: Mapping[str, tuple[Lines, str, str]] = {
    "csv": (csv_lines, "text/csv; charset=utf-8", "csv"),
    "jsonl": (jsonl_lines, "application/jsonl; charset=utf-8", "jsonl"),
    "singer": (singer_lines, "application/jsonl; charset=utf-8", "singer.jsonl"),
}


def rejected_download(request: Request) -> Response:
    """The rejected records as a file; ``singer`` can be piped into the target."""
    console, which = console_of(request), _which(request)
    form = DOWNLOADS.get(request.query_params.get("format", ""))
    if form is None:
        return not_found(request, LookupError())
    lines, media_type, ending = form

    def written() -> Iterator[str]:
        with console.reading() as connection:
            for line in lines(connection, which, _told_nobody):
                yield f"{line}\n"

    headers = {"content-disposition": f'attachment; filename="rejected.{ending}"'}
    return StreamingResponse(written(), media_type=media_type, headers=headers)


def _told_nobody(_text: str) -> None:
    """A record without its text is listed on the page; a file has nowhere to say so."""


def find_page(request: Request) -> Response:
    """The history of what a person looks for."""
    key = request.query_params.get("key", "").strip()
    with console_of(request).reading() as connection:
        found = history(connection, key) if key else None
        values = {"title": "Find", "key": key, "found": found}
        return page(request, "find.html", connection, values)


def task_page(request: Request) -> Response:
    """The history of one task."""
    task_id: int = request.path_params["task_id"]
    with console_of(request).reading() as connection:
        task = task_history(connection, min(task_id, LARGEST_ID))
        known = bool(task.operations)
        values = {"title": f"Task {task.task_id}", "task": task, "known": known}
        return page(request, "task.html", connection, values, status=200 if known else 404)


def not_found(request: Request, _error: Exception) -> Response:
    """There is no such page."""
    with console_of(request).reading() as connection:
        values: dict[str, Any] = {"title": "There is no such page"}
        return page(request, "missing.html", connection, values, status=404)


def _which(request: Request) -> RejectionFilter:
    wanted = request.query_params.get("reason")
    reasons = [each for each in Reason if each == wanted]
    return RejectionFilter(run_id=_run(request), reasons=reasons)


def _run(request: Request) -> str | None:
    """The run that a page is narrowed to; what is no run's id finds nothing."""
    return request.query_params.get("run", "").replace("\0", "") or None


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len("9" * 19) else None


def _link(**parts: object) -> str:
    return "?" + urlencode({name: str(part) for name, part in parts.items() if part is not None})
