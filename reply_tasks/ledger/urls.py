"""The ledger's URL, which may hold a password: which parts can be used, and which may be shown."""

import re
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from reply_tasks.ledger.errors import LedgerError

#: A database's own words may quote what it was given to connect with.
_CONNINFO = re.compile(r"(?i)(pass(?:word|wd|file)?\s*=\s*)('[^']*'|\S+)")
_USER_INFO = re.compile(r"(://)[^/\s]*@")
_MASK = "***"

#: Passwords of the ledgers that this process was given, as they may be written.
_secrets: set[str] = set()


def usable(ledger_url: str) -> URL:
    """The URL with its driver spelled out.

    Raises:
        LedgerError: It is not of SQLite or PostgreSQL, or not to be read without doubt.
    """
    try:
        url = make_url(ledger_url)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise LedgerError(
            "ledger_url is not a SQLAlchemy URL of SQLite or PostgreSQL, e.g. "
            "sqlite:///reply_tasks.db or postgresql+psycopg://user:password@host/database"
        ) from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise LedgerError(
            f"ledger_url names {url.get_backend_name()}; a ledger is SQLite or PostgreSQL."
        )
    if url.get_backend_name() == "postgresql":
        if ledger_url.partition("?")[0].count("@") > 1:
            raise LedgerError(
                "ledger_url holds more than one @: write @ in a user or password as %40, so that "
                "it is clear where the password ends."
            )
        url = url.set(drivername="postgresql+psycopg")
        try:
            import psycopg  # noqa: F401, PLC0415 - an extra: absent in a plain install
        except ImportError:
            raise LedgerError(
                "A PostgreSQL ledger needs psycopg: pip install 'reply-tasks[postgres]'"
            ) from None
    _remember_secrets(url)
    return url


def shown(url: URL) -> str:
    """The ledger as a log may name it: without user, password or query."""
    place = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return place.render_as_string()


def cause(error: Exception) -> str:
    """The first line of what the database said, without the statement, its values or a password."""
    origin = getattr(error, "orig", None) or error
    line = (str(origin).strip().splitlines() or [type(origin).__name__])[0]
    for secret in sorted(_secrets, key=len, reverse=True):
        line = line.replace(secret, _MASK)
    line = _USER_INFO.sub(rf"\1{_MASK}@", _CONNINFO.sub(rf"\1{_MASK}", line))
    return line[:300]


def _remember_secrets(url: URL) -> None:
    given = [url.password or ""]
    for name, value in url.query.items():
        if "pass" in name.lower():
            given += [value] if isinstance(value, str) else value
    for secret in filter(None, given):
        _secrets.update({secret, quote(secret, safe=""), quote_plus(secret)})
