"""The client that these tests connect, and its key."""

import time
from collections.abc import Callable

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.dialect import FORMS, Dialect
from reply_tasks.api.identity import Identity

KEY = "secret-key-0123456789"


def connect(
    url: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    dialect: Dialect = Dialect.PREVIEW,
    request_timeout: float = 5,
    identity: Identity | None = None,
) -> ReplyClient:
    who = identity or Identity()
    connection = ReplyAccess(
        url,
        KEY,
        FORMS[dialect],
        team_id=who.team_id,
        user_id=who.user_id,
        user_email=who.user_email,
        request_timeout=request_timeout,
    )
    return ReplyClient(connection, clock=clock)
