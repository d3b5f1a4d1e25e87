"""Options that several commands share, so that they mean the same everywhere."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from reply_tasks.api.errors import ConfigurationError
from reply_tasks.ledger import LedgerError, open_engine
from reply_tasks.ledger.database import clear_errors, writing
from reply_tasks.operator import WhoseQuota
from reply_tasks.settings import (
    COMMON_SETTINGS,
    CommonSettings,
    Setting,
    SettingsError,
    merged,
    read_config_file,
    read_environment,
)

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE_PREFIX = "REPLY_TASKS_"
LEDGER_URL = next(setting for setting in COMMON_SETTINGS if setting.name == "ledger_url")
#: Settings that a command which only reads the ledger has an option for.
OF_THE_LEDGER = (LEDGER_URL,)


def settings_options(
    *, offered: tuple[Setting, ...] = OF_THE_LEDGER
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``settings``: what its options, ``--config`` and the environment say.

    An option wins over the file, which wins over ``REPLY_TASKS_...``: what is typed now is meant
    most, and the plugins let the file win over the environment too.

    Args:
        offered: The settings that get an option of their own; file and environment give them all.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_settings(*, config: Path | None, **values: Any) -> None:  # noqa: ANN401
            typed = {setting.name: values.pop(setting.name) for setting in offered}
            with one_line_errors():
                command(**values, settings=read_settings(typed, config))

        decorated: Callable[..., None] = with_settings
        for setting in reversed(offered):
            decorated = _option(setting)(decorated)
        return click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The config file that the target or the tap is given.",
        )(decorated)

    return decorate


def read_settings(typed: Mapping[str, str | None], config: Path | None) -> CommonSettings:
    """The settings that options, a config file and the environment give.

    Raises:
        SettingsError: Something in them is unknown or wrong.
    """
    return CommonSettings.from_config(given_settings(typed, config))


def given_settings(typed: Mapping[str, str | None], config: Path | None) -> dict[str, Any]:
    """All that options, a config file and the environment say, unread.

    Raises:
        SettingsError: The file can't be read, or a variable is no setting's.
    """
    variables = read_environment(os.environ, VARIABLE_PREFIX, only_ours=False)
    options = {name: value for name, value in typed.items() if value is not None}
    return merged(variables, {} if config is None else read_config_file(config), options)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End a command with one line, and exit code 1, where its settings or ledger can't be used."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(" ".join(error.problems)) from None
    except (LedgerError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def ledger_to_read(settings: CommonSettings) -> Iterator[Connection]:
    """A connection to the ledger, which must exist; it ends with the block.

    Raises:
        LedgerError: There is no ledger, or it can't be read.
    """
    engine = open_engine(settings.ledger_url, create=False)
    try:
        with clear_errors(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def ledger_to_write(
    settings: CommonSettings,
) -> Iterator[Callable[[], AbstractContextManager[Connection]]]:
    """A function that opens a write transaction on the ledger, which must exist.

    Raises:
        LedgerError: There is no ledger, or it can't be written.
    """
    engine = open_engine(settings.ledger_url, create=False)

    @contextmanager
    def write() -> Iterator[Connection]:
        with clear_errors(), writing(engine) as connection:
            yield connection

    try:
        yield write
    finally:
        engine.dispose()


def whose_quota(settings: CommonSettings) -> WhoseQuota:
    """Whose quota the settings speak of, for asking what is left of it."""
    return WhoseQuota(
        per_minute=settings.requests_per_minute,
        per_hour=settings.requests_per_hour,
        api_key=settings.api_key,
        acting_user=settings.acting_user,
    )


def json_option(command: F) -> F:
    """Give a command ``as_json``: ``--json`` for a script, a table for a person."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON for a script in place of a table."
    )(command)


class Since(click.ParamType[datetime]):
    """A point in time: a date, a date-time, or how long ago, such as ``24h`` or ``7d``."""

    name = "WHEN"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """The instant, in UTC; without an offset UTC is meant."""
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value.strip())
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            self.fail("Give a date, a date-time, or how long ago: 2026-01-31, 24h, 7d.", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


SINCE = Since()
_AGO = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _option(setting: Setting) -> Callable[[F], F]:
    default = "" if setting.default is None else f" Default: {setting.default}."
    return click.option(
        f"--{setting.name.replace('_', '-')}",
        setting.name,
        metavar=str(setting.kind).upper(),
        help=(
            f"{setting.description.partition('. ')[0].rstrip('.')}.{default}"
            f" [{VARIABLE_PREFIX}{setting.name.upper()}]"
        ),
    )
