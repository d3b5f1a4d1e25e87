"""From the settings to a client and its quota: the same for target, tap and commands.

They share one budget only if they name the same user alike.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection as Database

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.dialect import FORMS
from reply_tasks.ledger.database import clock
from reply_tasks.quota.quota import Quota
from reply_tasks.settings import CommonSettings


def access_to_reply(settings: CommonSettings) -> ReplyAccess:
    """Where Reply is and who calls. Without a key no client can be made of it."""
    return ReplyAccess(
        api_url=settings.api_url,
        api_key=settings.api_key or "",
        form=FORMS.get(settings.api_dialect),
        team_id=settings.team_id,
        user_id=settings.user_id,
        user_email=settings.user_email,
        request_timeout=settings.request_timeout,
    )


def shared_quota(
    settings: CommonSettings, write: Callable[[], AbstractContextManager[Database]]
) -> Quota:
    """The quota that all processes on this ledger share.

    Args:
        settings: The limits, and the key whose quota it is.
        write: Opens a write transaction of its own.
    """
    return Quota(
        write=write,
        api_key=settings.api_key or "",
        per_minute=settings.requests_per_minute,
        per_hour=settings.requests_per_hour,
        now=clock,
    )
