"""Reads a config as JSON files, environment variables and Meltano hand it over.

Every reader takes what was given and returns the value to use, or raises ValueError with what the
setting must be, to follow "must". All that is wrong is reported at once.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reply_tasks.contract.date_times import EPOCH_MILLISECONDS, EPOCH_SECONDS
from reply_tasks.settings.catalog import BUILTIN_SETTINGS, Kind, Setting, every_setting

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_NULL_TEXTS = frozenset({"", "null", "none"})
#: Longer than any number or option: quoting more than this back would be no help.
_LONGEST_QUOTE = 60
_DIGITS = re.compile(r"-?[0-9]{1,18}")
_POSTGRES = frozenset({"postgres", "postgresql"})

#: Settings that earlier tools or the SDK taught people to expect, and why they are not here.
_NOT_OFFERED = {
    "load_method": "a stream's operation is an update or an execution; see default_operation",
    "batch_size_rows": "records are applied one by one; see concurrency",
    "batch_config": "BATCH messages are not read; have the tap send records",
    "add_record_metadata": "Reply has no place for metadata columns",
    "validate_records": "records are always validated, and a bad one is rejected, not fatal",
    "faker_config": "made-up values have no place in real tasks",
    "process_activate_version_messages": "ACTIVATE_VERSION means nothing to Reply's tasks",
}


class SettingsError(ValueError):
    """Settings that can't be used. The message names each one and says what to do.

    Attributes:
        problems: One sentence for each setting that is wrong.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_config(settings: Sequence[Setting], config: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each of ``settings``: the one in ``config``, else its default.

    One config serves both plugins and the commands, so what else it gives is checked as well.

    Raises:
        SettingsError: A setting is unknown, missing or has a value that it can't have.
    """
    problems = _unknown(config)
    names = {setting.name for setting in settings}
    beside = [each for each in every_setting() if each.name in config.keys() - names]
    values: dict[str, Any] = {}
    for setting in (*settings, *beside):
        try:
            values[setting.name] = _read(setting, config)
        except ValueError as error:
            problems.append(f"{setting.name} must {error}.")
    if problems:
        raise SettingsError(problems)
    return {name: value for name, value in values.items() if name in names}


def is_given(config: Mapping[str, Any], name: str) -> bool:
    """Whether ``config`` says something about the setting: an absent, null or empty one is not."""
    return not _is_null(config.get(name))


def speaks(name: str, value: object) -> bool:
    """Whether ``value`` says something of the setting; null does where it has a meaning."""
    return not _is_null(value) or any(
        setting.nullable for setting in every_setting() if setting.name == name
    )


def nearest_setting(name: str, known: Iterable[str]) -> str | None:
    """The known setting that ``name`` probably means."""
    near = difflib.get_close_matches(name.lower().replace("-", "_"), list(known), n=1)
    return near[0] if near else None


def _unknown(config: Mapping[str, Any]) -> list[str]:
    known = [*(setting.name for setting in every_setting()), *BUILTIN_SETTINGS]
    problems = []
    for name in sorted(set(map(str, config)) - set(known)):
        sentence = f"{_quoted(name)} is not a setting"
        near = nearest_setting(name, known)
        if name in _NOT_OFFERED:
            sentence += f" here: {_NOT_OFFERED[name]}"
        elif near is not None:
            sentence += f"; did you mean {near}?"
        else:
            sentence += "; --about lists those that are"
        problems.append(sentence if sentence.endswith("?") else f"{sentence}.")
    return problems


def _read(setting: Setting, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    given = config.get(setting.name)
    if _is_null(given):
        if setting.required:
            raise ValueError("be set")
        if setting.nullable and setting.name in config:
            return None
        given = setting.default
        if given is None:
            return None
    value = _BY_KIND[setting.kind](given)
    if setting.options and value not in setting.options:
        # The value is quoted only where it can't be a secret or a person.
        raise ValueError(f"be one of {', '.join(setting.options)}, not {_quoted(value)}")
    if setting.minimum is not None and value < setting.minimum:
        raise ValueError(f"{_range(setting)}, not {value}")
    if setting.maximum is not None and value > setting.maximum:
        raise ValueError(f"{_range(setting)}, not {value}")
    by_name = _BY_NAME.get(setting.name)
    return by_name(value) if by_name else value


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NULL_TEXTS)


def _range(setting: Setting) -> str:
    if setting.maximum is None:
        return f"be at least {setting.minimum}"
    return f"be between {setting.minimum} and {setting.maximum}"


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text) if len(text) <= _LONGEST_QUOTE else "a longer text"


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("be a string")  # noqa: TRY004  # one error for all that is wrong
    return value.strip()


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    raise ValueError("be a whole number")


def read_flag(value: object) -> bool:
    """True or false, in any of the words that people write.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError("be true or false")


def _date_time(value: object) -> datetime:
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(_string(value))
        except ValueError:
            raise ValueError("be an ISO 8601 date or date-time, e.g. 2026-01-31") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _api_key(value: str) -> str:
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("be printable ASCII without spaces, as Reply shows it")
    return value


def _user_email(value: str) -> str:
    if not (value.isascii() and value.isprintable()) or " " in value or "@" not in value:
        raise ValueError("be an email address")
    return value


def _api_url(value: str) -> str:
    try:
        url = urlsplit(value)
        host = url.hostname
        _ = url.port
    except ValueError:
        raise ValueError("be a URL") from None
    if url.scheme not in {"http", "https"} or not host:
        raise ValueError("be an https URL, e.g. https://api.reply.io/v3")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("hold no user, password, query or fragment; the key goes in api_key")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("be a URL without spaces or control characters")
    if url.scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "use https: http:// would send the key in clear, and is allowed only to loopback"
        )
    if not url.path.rstrip("/").endswith("/v3"):
        raise ValueError("end in /v3, e.g. https://api.reply.io/v3")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def usable_ledger_url(value: str) -> str:
    """``value`` with its driver spelled out.

    Raises:
        ValueError: It can't be used; the text, to follow "must", quotes nothing of it.
    """
    # Imported here: what writes or documents settings opens no ledger.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    need = (
        "be an SQLAlchemy URL of SQLite or PostgreSQL, e.g. sqlite:///reply_tasks.db or "
        "postgresql+psycopg://user:password@host/database"
    )
    try:
        url = make_url(value)
    except (SQLAlchemyError, ValueError):
        raise ValueError(need) from None
    backend, _, driver = url.drivername.partition("+")
    if backend in _POSTGRES and driver in {"", "psycopg"}:
        if value.partition("?")[0].count("@") > 1:
            raise ValueError("hold one @ only: write @ in a user or password as %40")
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if backend != "sqlite" or driver not in {"", "pysqlite"}:
        raise ValueError(need)
    if url.host:
        raise ValueError(
            "have three slashes before a file's name (sqlite:///ledger.db), and four before a path "
            "from the root (sqlite:////var/lib/ledger.db)"
        )
    if url.database in {None, "", ":memory:"} or "mode=memory" in value:
        raise ValueError("name a file or a server: a ledger in memory forgets what was sent")
    return value


def _timezone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"be an IANA time zone such as UTC or Europe/Berlin, not {_quoted(value)}"
        ) from None


def _date_format(value: str) -> str:
    need = "be a format of strptime such as %d.%m.%Y %H:%M, or epoch_seconds or epoch_milliseconds"
    if value in {EPOCH_SECONDS, EPOCH_MILLISECONDS}:
        return value
    moment = datetime(2026, 1, 31, 13, tzinfo=UTC)
    try:
        read = datetime.strptime(moment.strftime(value), value)  # noqa: DTZ007 - only its date
    except (ValueError, re.error):
        raise ValueError(need) from None
    if read.date() != moment.date():
        raise ValueError(f"{need}, and hold year, month and day")
    return value


_BY_KIND: Mapping[Kind, Callable[[object], Any]] = {
    Kind.STRING: _string,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: read_flag,
    Kind.DATE_TIME: _date_time,
}

_BY_NAME: Mapping[str, Callable[[Any], Any]] = {
    "api_key": _api_key,
    "api_url": _api_url,
    "user_email": _user_email,
    "ledger_url": usable_ledger_url,
    "timezone": _timezone,
    "date_format": _date_format,
}
