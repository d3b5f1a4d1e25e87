"""Which address is which page."""

import logging
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from reply_tasks.console.access import Secrets
from reply_tasks.console.app import Console
from reply_tasks.console.decisions import decide_on_held, decide_on_uncertain
from reply_tasks.console.guard import Guard
from reply_tasks.console.pages import (
    find_page,
    held_page,
    not_found,
    overview_page,
    rejected_download,
    rejected_page,
    sent_page,
    task_page,
    uncertain_page,
)
from reply_tasks.console.rendering import STATIC
from reply_tasks.ledger import LedgerError

logger = logging.getLogger(__name__)


def make_app(console: Console, secrets: Secrets, *, cookie: str) -> ASGIApp:
    """The console, behind its guard."""
    app = Starlette(
        routes=[
            Route("/", overview_page),
            Route("/held", held_page),
            Route("/held", decide_on_held, methods=["POST"]),
            Route("/sent", sent_page),
            Route("/uncertain", uncertain_page),
            Route("/uncertain", decide_on_uncertain, methods=["POST"]),
            Route("/rejected", rejected_page),
            Route("/rejected/download", rejected_download),
            Route("/find", find_page),
            Route("/tasks/{task_id:int}", task_page),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={
            LedgerError: _ledger_failed,
            HTTPException: _refused,
        },
    )
    app.state.console = console
    return Guard(app, secrets=secrets, cookie=cookie, read_only=console.read_only)


def _ledger_failed(_request: Request, error: Exception) -> Response:
    logger.error("%s", error)
    return PlainTextResponse(f"{error}\n", HTTPStatus.SERVICE_UNAVAILABLE)


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == HTTPStatus.NOT_FOUND:
        return not_found(request, error)
    return PlainTextResponse(f"{HTTPStatus(status).phrase}\n", status)
