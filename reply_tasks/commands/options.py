"""Options that several commands share, so that they mean the same everywhere."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from reply_tasks.settings import COMMON_SETTINGS, DEFAULT_LEDGER_URL, usable_ledger_url

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


def reply_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``reply``: where Reply is and who calls, as the settings of both plugins say.

    Each is an option, else ``REPLY_TASKS_...`` of the environment. The command receives what was
    given as texts, by the settings' names, to be read with the ledger's URL beside them.
    """
    settings = [setting for setting in COMMON_SETTINGS if setting.name != "ledger_url"]

    @wraps(command)
    def with_reply(**values: Any) -> None:  # noqa: ANN401 - whatever else the command takes
        given = {setting.name: values.pop(setting.name) for setting in settings}
        reply = {name: value for name, value in given.items() if value is not None}
        command(**values, reply=reply)

    decorated: Callable[..., None] = with_reply
    for setting in reversed(settings):
        name = setting.name
        decorated = click.option(
            f"--{name.replace('_', '-')}",
            name,
            envvar=f"REPLY_TASKS_{name.upper()}",
            show_envvar=True,
            metavar=str(setting.kind).upper(),
            help=f"{setting.description.partition('. ')[0].rstrip('.')}.",
        )(decorated)
    return decorated


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
