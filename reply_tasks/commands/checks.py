"""What ``reply-tasks check`` looks at: one finding each, with what to do about what fails."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.dialect import FORMS, Dialect
from reply_tasks.api.errors import ConfigurationError
from reply_tasks.commands.options import whose_quota
from reply_tasks.connecting import access_to_reply, shared_quota
from reply_tasks.ledger import LedgerError, open_engine
from reply_tasks.ledger.database import MissingLedgerError, OlderLedgerError, clear_errors, writing
from reply_tasks.operator import UserQuota, last_ended_run, quota_left
from reply_tasks.resolving.evidence import CLOCK_ALLOWANCE
from reply_tasks.settings import CommonSettings, SettingsError, TargetSettings

#: Where a key is made, for those who have none that works.
_WHERE_KEYS_ARE = "Keys are made in Reply under Settings, API Key"
_UNAUTHORIZED = 401
#: What no endpoint of Reply's tells of a key.
_SCOPES = (
    "What it may do Reply does not say: tasks:read and tasks:write are needed, tasks:operate to "
    "execute or complete, contacts:read for contactEmail, channels:read for emailAccount, and an "
    "organization's key for assignedUserEmail."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: None: it could not be looked at, because of something that failed before.
        text: What was found, and what to do where it fails.
    """

    name: str
    ok: bool | None
    text: str


def findings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at everything that a run needs, in the order in which it needs it.

    It makes one or two reads, counted in the quota where there is a ledger, and waits for nothing.

    Args:
        given: All that options, config file and environment say.
    """
    try:
        settings = CommonSettings.from_config(given)
        if settings.api_key is not None:
            TargetSettings.from_config(given)
    except SettingsError as error:
        yield Finding("settings", ok=False, text=" ".join(error.problems))
        return
    yield Finding("settings", ok=True, text=f"accepted; the ledger is {settings.ledger_name}")
    with ExitStack() as stack:
        engine, finding = _ledger(settings, stack)
        yield finding
        yield from _reply(settings, engine)


def _ledger(settings: CommonSettings, stack: ExitStack) -> tuple[Engine | None, Finding]:
    """The ledger, where there is one that this version can read as it stands."""
    try:
        engine = open_engine(settings.ledger_url, create=False, migrate=False)
        stack.callback(engine.dispose)
        with clear_errors(), engine.connect() as connection:
            last = last_ended_run(connection)
    except MissingLedgerError as error:
        return None, _missing(settings, error)
    except OlderLedgerError as error:
        return None, Finding("ledger", ok=True, text=str(error))
    except LedgerError as error:
        return None, Finding("ledger", ok=False, text=str(error))
    text = "no run has ended yet"
    if last is not None and last.ended_at is not None:
        text = f"the last run ended {last.ended_at:%Y-%m-%d %H:%M} UTC: {last.state}"
    return engine, Finding("ledger", ok=True, text=text)


def _missing(settings: CommonSettings, error: MissingLedgerError) -> Finding:
    """No ledger is fine before the first run, if that can make it."""
    url = make_url(settings.ledger_url)
    if url.get_backend_name() == "sqlite":
        folder = Path(str(url.database)).absolute().parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            text = f"There is no ledger, and the folder {folder} is not there or can't be written."
            return Finding("ledger", ok=False, text=text)
    return Finding("ledger", ok=True, text=f"not there yet. {error}")


# -- Reply -----------------------------------------------------------------------------------------


def _reply(settings: CommonSettings, engine: Engine | None) -> Iterator[Finding]:
    if settings.api_key is None:
        yield Finding(
            "key",
            ok=False,
            text="api_key is not set: put it into the config file, or into REPLY_TASKS_API_KEY. "
            f"{_WHERE_KEYS_ARE}.",
        )
        yield from _not_looked_at("dialect", "acting user")
        yield _quota(settings, engine, None)
        yield from _not_looked_at("clock")
        return
    answer, used = None, settings.api_dialect
    try:
        for used in _dialects(settings):
            answer = _read(settings, engine, used, whoami=False)
            if answer is None or answer.status != _UNAUTHORIZED:
                break
    except ConfigurationError as error:
        yield Finding("key", ok=False, text=str(error))
        yield from _not_looked_at("dialect", "acting user", "quota", "clock")
        return
    yield _key(settings, answer)
    if answer is None or not answer.succeeded:
        yield from _not_looked_at("dialect", "acting user")
    else:
        yield _dialect(settings, used, answer)
        yield _acting_user(settings, engine, used)
    yield _quota(settings, engine, answer)
    yield clock_finding(answer, datetime.now(UTC))


def _not_looked_at(*names: str) -> Iterator[Finding]:
    for name in names:
        yield Finding(name, ok=None, text="not checked: a key is needed first")


def _dialects(settings: CommonSettings) -> list[Dialect]:
    """The one of the settings first; the other tells a wrong dialect from a wrong key."""
    first = settings.api_dialect
    if first is Dialect.AUTO:
        first = Dialect.CURRENT
    return [first, *(each for each in FORMS if each is not first)]


def _read(
    settings: CommonSettings, engine: Engine | None, dialect: Dialect, *, whoami: bool
) -> Answer | None:
    """One read; None if the quota has no call left for it."""
    if engine is not None and not _slot(settings, engine):
        return None
    connection = access_to_reply(settings)
    with ReplyClient(replace(connection, form=FORMS[dialect])) as client:
        return client.whoami() if whoami else client.list_tasks(1, 0)


def _slot(settings: CommonSettings, engine: Engine) -> bool:
    quota = shared_quota(settings, lambda: writing(engine))
    with clear_errors(), writing(engine) as connection:
        return quota.take(connection, settings.acting_user, 1).granted == 1


def _key(settings: CommonSettings, answer: Answer | None) -> Finding:
    host = urlsplit(settings.api_url).netloc
    if answer is None:
        return Finding("key", ok=None, text="not tried: the quota has no call left for it")
    if answer.kind is not AnswerKind.RESPONSE:
        text = (
            f"{host} did not answer ({answer.error}): check api_url, the network and its proxies."
        )
        return Finding("key", ok=False, text=text)
    if answer.succeeded:
        return Finding("key", ok=True, text=f"{host} takes it. {_SCOPES}")
    code = f" {answer.problem.code}" if answer.problem is not None and answer.problem.code else ""
    match answer.status:
        case 401:
            advice = f"Reply does not know it in either header. {_WHERE_KEYS_ARE}."
            if settings.acting_user is not None or settings.team_id is not None:
                advice += " Or user_id, user_email or team_id names nobody of this account."
        case 403:
            advice = f"it may not read tasks. {_SCOPES} Its user needs the right to see tasks."
        case 404:
            advice = "nothing is there: api_url must end in /v3."
        case 429:
            wait = answer.retry_after
            advice = "Reply takes no call now" + ("." if wait is None else f" for {wait:.0f} s.")
        case _:
            advice = "try again later, and see whether api_url is Reply's."
    return Finding("key", ok=False, text=f"{host} answers {answer.status}{code}: {advice}")


def _dialect(settings: CommonSettings, used: Dialect, answer: Answer) -> Finding:
    if settings.api_dialect not in {used, Dialect.AUTO}:
        text = f"Reply takes the key as {used}, not as {settings.api_dialect}: set api_dialect."
        return Finding("dialect", ok=False, text=text)
    items = answer.data.get("items") if isinstance(answer.data, dict) else None
    kind = next((each.get("taskType") for each in items or () if isinstance(each, dict)), None)
    written = {int: "; enums come as integers", str: "; enums come as names"}.get(type(kind), "")
    return Finding("dialect", ok=True, text=f"{used}{written}")


def _acting_user(settings: CommonSettings, engine: Engine | None, used: Dialect) -> Finding:
    answer = _read(settings, engine, used, whoami=True)
    data = None if answer is None else answer.data
    if answer is None or not answer.succeeded or not isinstance(data, dict):
        asked = settings.acting_user or "the key's own"
        return Finding("acting user", ok=None, text=f"{asked}; Reply did not say")
    user, name, team = data.get("userId"), data.get("username"), data.get("teamId")
    if settings.user_id is not None and user != settings.user_id:
        text = f"user_id is {settings.user_id}, and Reply answers as {user}: check the kind of key."
        return Finding("acting user", ok=False, text=text)
    parts = [f"user {user}", *([str(name)] if name else []), *([f"team {team}"] if team else [])]
    return Finding("acting user", ok=True, text=", ".join(parts))


def _quota(settings: CommonSettings, engine: Engine | None, answer: Answer | None) -> Finding:
    if engine is not None:
        with clear_errors(), engine.connect() as connection:
            left = quota_left(connection, whose_quota(settings))
        if left:
            return Finding("quota", ok=True, text=_quota_text(left[0]))
    rate = None if answer is None else answer.rate
    if rate is not None and rate.remaining is not None:
        until = "" if rate.reset is None else f" until {rate.reset:%H:%M} UTC"
        return Finding(
            "quota", ok=True, text=f"Reply says that {rate.remaining:,} calls are left{until}"
        )
    limits = settings.requests_per_minute, settings.requests_per_hour
    minute, hour = ("any number" if each is None else f"{each:,}" for each in limits)
    return Finding("quota", ok=True, text=f"{minute} a minute and {hour} an hour; none is used yet")


def _quota_text(user: UserQuota) -> str:
    left = " and ".join(
        f"{window.left:,} of {window.limit:,} this {window.name}" for window in user.windows
    )
    back = "" if user.back_at is None else f"; more at {user.back_at:%H:%M:%S} UTC"
    return f"{left}{back}"


def clock_finding(answer: Answer | None, now: datetime) -> Finding:
    """Whether Reply's clock and this machine's agree as well as a read-back needs it."""
    theirs = None if answer is None else answer.answered_at
    if theirs is None:
        return Finding("clock", ok=None, text="not compared: Reply did not say its time")
    ahead = theirs - now
    seconds = round(ahead.total_seconds())
    if abs(ahead) > CLOCK_ALLOWANCE:
        text = (
            f"Reply's clock differs by {seconds} s from this machine's: keep it in sync with NTP."
        )
        return Finding("clock", ok=False, text=text)
    return Finding("clock", ok=True, text=f"within {abs(seconds) + 1} s of Reply's")
