"""The console as a web application: which address is which page, and what all pages share."""

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reply_tasks.commands.options import ledger_to_read, ledger_to_write, whose_quota
from reply_tasks.console.rendering import render
from reply_tasks.operator import WhoseQuota, all_waiting
from reply_tasks.operator.approval import approval_counts
from reply_tasks.settings import CommonSettings

_MOST_NOTICES = 50


class Notices:
    """What came of a person's word, told once on the page that follows."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, list[str]] = OrderedDict()
        self._lock = Lock()

    def leave(self, texts: list[str]) -> str:
        """Keep texts for the next page; its address carries the name that is returned."""
        name = secrets.token_hex(8)
        with self._lock:
            self._texts[name] = texts
            while len(self._texts) > _MOST_NOTICES:
                self._texts.popitem(last=False)
        return name

    def take(self, name: str) -> list[str]:
        """The texts left under a name; none the second time."""
        with self._lock:
            return self._texts.pop(name, [])


@dataclass(frozen=True, kw_only=True)
class Console:
    """What every page works with.

    Attributes:
        settings: Of the ledger; without a key unless previews are allowed.
        by: Who decides, as the ledger will name them.
        csrf: What every form carries.
        read_only: Whether nothing can be decided.
        previews: Whether tasks may be read for their rendered text.
    """

    settings: CommonSettings
    by: str
    csrf: str
    read_only: bool = False
    previews: bool = False
    notices: Notices = field(default_factory=Notices)

    @property
    def whose_quota(self) -> WhoseQuota:
        """Whose quota the overview shows."""
        return whose_quota(self.settings)

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to the ledger as it is now, also after its file was replaced."""
        return ledger_to_read(self.settings)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction for a person's word."""
        with ledger_to_write(self.settings) as write, write() as connection:
            yield connection


def console_of(request: Request) -> Console:
    """The console that a request is for."""
    console: Console = request.app.state.console
    return console


def page(
    request: Request,
    template: str,
    connection: Connection,
    values: dict[str, Any],
    *,
    status: int = 200,
) -> Response:
    """A page with what all of them show."""
    console = console_of(request)
    shared = {
        "console": console,
        "ledger": console.settings.ledger_name,
        "path": request.url.path,
        "approvals": approval_counts(connection),
        "waiting": all_waiting(connection),
        "told": console.notices.take(request.query_params.get("notice", "")),
    }
    return HTMLResponse(render(template, {**shared, **values}), status)
