"""The settings of one run: frozen, typed, and silent about secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from reply_tasks.api.dialect import Dialect
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.outcomes import Operation
from reply_tasks.settings.catalog import (
    COMMON_SETTINGS,
    OnLostAnswer,
    Setting,
    tap_settings,
    target_settings,
)
from reply_tasks.settings.parsing import is_given, read_config

#: Settings whose values a log must not show: credentials and personal data.
_HIDDEN = ("api_key", "user_email")


def _plain(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value


@dataclass(frozen=True, kw_only=True, repr=False)
class CommonSettings:
    """What target and tap share. Meanings and units are in the catalog."""

    api_key: str | None
    api_url: str
    api_dialect: Dialect
    team_id: int | None
    user_id: int | None
    user_email: str | None
    ledger_url: str
    requests_per_minute: int | None
    requests_per_hour: int | None
    request_timeout: int
    max_retries: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The settings that ``config`` gives, with the defaults of the others.

        Digit strings and ``"true"`` are accepted, since environment variables and Meltano can pass
        nothing else.

        Raises:
            SettingsError: Something in ``config`` is unknown, missing or wrong; it names all of it.
        """
        return cls(**cls._read(config))

    @classmethod
    def _read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        values = read_config(cls._catalog(), config)
        return values | {"api_dialect": Dialect(values["api_dialect"])}

    @classmethod
    def _catalog(cls) -> tuple[Setting, ...]:
        return COMMON_SETTINGS

    @property
    def acting_user(self) -> str | None:
        """The Reply user that calls act as, as the quota knows it; None means the key's own."""
        return self.user_email if self.user_id is None else str(self.user_id)

    @property
    def ledger_name(self) -> str:
        """The ledger as a log may name it: without user, password or query."""
        from sqlalchemy.engine import URL, make_url  # noqa: PLC0415 - where a ledger is opened

        url = make_url(self.ledger_url)
        place = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
        return place.render_as_string()

    def as_config(self) -> dict[str, Any]:
        """The settings in the JSON types of the schema, to lay over a config of digit strings.

        It holds the secrets; it is for the SDK's own validation, not for a log.
        """
        names = (setting.name for setting in self._catalog())
        return {name: _plain(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        texts = {field.name: repr(getattr(self, field.name)) for field in fields(self)}
        texts |= {name: "'***'" for name in _HIDDEN if getattr(self, name) is not None}
        texts["ledger_url"] = repr(self.ledger_name)
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in texts.items())})"


@dataclass(frozen=True, kw_only=True, repr=False)
class TargetSettings(CommonSettings):
    """The target's settings.

    Attributes:
        concurrency_is_explicit: Whether the user gave the number; a run may raise the default.
            ``from_config`` must therefore see the config as the user gave it: the SDK's own
            validation fills defaults in, and then every number looks given.
    """

    api_key: str
    default_operation: Operation | None
    update_mode: UpdateMode
    merge_nulls: MergeNulls
    skip_unchanged: bool
    on_lost_answer: OnLostAnswer
    settle_seconds: int
    max_rejected: int | None
    max_rejected_percent: int
    concurrency: int
    concurrency_is_explicit: bool
    timezone: ZoneInfo
    date_format: str | None
    dry_run: bool
    executions_without_approval: int | None
    hold_hours: int
    keep_repeats: bool
    retention_days: int | None
    allow_placeholders: bool
    retry_rejected_hours: int
    create_missing: bool

    @classmethod
    def _catalog(cls) -> tuple[Setting, ...]:
        return target_settings()

    @classmethod
    def _read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        values = super()._read(config)
        operation = values["default_operation"]
        return values | {
            "default_operation": None if operation is None else Operation(operation),
            "update_mode": UpdateMode(values["update_mode"]),
            "merge_nulls": MergeNulls(values["merge_nulls"]),
            "on_lost_answer": OnLostAnswer(values["on_lost_answer"]),
            "concurrency_is_explicit": is_given(config, "concurrency"),
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class TapSettings(CommonSettings):
    """The tap's settings. ``api_key`` may be absent while only ledger streams are selected."""

    start_date: datetime | None
    page_size: int
    include_content: bool

    @classmethod
    def _catalog(cls) -> tuple[Setting, ...]:
        return tap_settings()
