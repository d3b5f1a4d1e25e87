"""Options that several commands share, so that they mean the same everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reply_tasks.settings import DEFAULT_LEDGER_URL, usable_ledger_url

F = TypeVar("F", bound=Callable[..., Any])

LEDGER_URL_VARIABLE = "REPLY_TASKS_LEDGER_URL"


def ledger_url_option(command: F) -> F:
    """Give a command ``ledger_url``: ``--ledger-url``, else the environment, else the default file.

    The command receives a URL that is known to be of SQLite or PostgreSQL; a wrong one ends it with
    a usage error that quotes nothing of the URL, since it may hold a password.
    """
    return click.option(
        "--ledger-url",
        envvar=LEDGER_URL_VARIABLE,
        show_envvar=True,
        default=DEFAULT_LEDGER_URL,
        show_default=True,
        callback=_usable,
        help="The ledger that the target and the tap were given.",
    )(command)


def json_option(command: F) -> F:
    """Give a command ``as_json``: ``--json`` for a script, a table for a person."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for a script in place of a table."
    )(command)


def _usable(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return usable_ledger_url(value)
    except ValueError as error:
        raise click.BadParameter(f"It must {error}.") from None
