"""Settings: what is accepted, what is refused and how, and that no secret is ever shown."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from project_config import KEY, target

from reply_tasks.api.dialect import Dialect
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.outcomes import Operation
from reply_tasks.settings import (
    BUILTIN_SETTINGS,
    OnLostAnswer,
    TapSettings,
    tap_settings_schema,
    target_settings_schema,
)

#: The table of the product's specification: setting -> (required, default).
COMMON: dict[str, Any] = {
    "api_url": "https://api.reply.io/v3",
    "api_dialect": "auto",
    "team_id": None,
    "user_id": None,
    "user_email": None,
    "ledger_url": "sqlite:///reply_tasks.db",
    "requests_per_minute": 100,
    "requests_per_hour": 3000,
    "request_timeout": 30,
    "max_retries": 5,
}
TARGET: dict[str, Any] = COMMON | {
    "default_operation": None,
    "update_mode": "replace",
    "merge_nulls": "keep",
    "skip_unchanged": True,
    "on_lost_answer": "verify",
    "settle_seconds": 120,
    "max_rejected": None,
    "max_rejected_percent": 100,
    "concurrency": 4,
    "timezone": "UTC",
    "date_format": None,
    "dry_run": False,
    "executions_without_approval": None,
    "hold_hours": 72,
    "allow_placeholders": False,
    "retry_rejected_hours": 24,
    "keep_repeats": False,
    "retention_days": None,
    "create_missing": False,
}
TAP: dict[str, Any] = COMMON | {
    "start_date": None,
    "page_size": 1000,
    "include_content": True,
}


def test_defaults_of_the_target_are_the_specified_ones() -> None:
    """A config with only the key gives every target setting its specified default."""
    assert target().as_config() == {"api_key": KEY, **TARGET}


def test_defaults_of_the_tap_are_the_specified_ones() -> None:
    """An empty config gives every tap setting its specified default, and no key is needed."""
    assert TapSettings.from_config({}).as_config() == {"api_key": None, **TAP}


@pytest.mark.parametrize(
    ("schema", "defaults"),
    [(target_settings_schema(), TARGET), (tap_settings_schema(), TAP)],
    ids=["target", "tap"],
)
def test_schema_states_the_same_settings_and_defaults(
    schema: dict[str, Any], defaults: dict[str, Any]
) -> None:
    """The schema that the SDK prints and checks holds exactly the specified settings."""
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert list(properties) == ["api_key", *defaults, *BUILTIN_SETTINGS]
    assert {name: properties[name].get("default") for name in defaults} == defaults
    assert schema["additionalProperties"] is False
    secrets = {name for name, each in properties.items() if each.get("secret")}
    assert secrets == {"api_key", "ledger_url"}
    assert all(properties[name]["writeOnly"] for name in secrets)
    assert all(each["description"] and each["title"] for each in properties.values())


def test_only_the_target_requires_the_key() -> None:
    """The target's schema requires ``api_key``; the tap's requires nothing."""
    assert target_settings_schema()["required"] == ["api_key"]
    assert tap_settings_schema()["required"] == []


def test_values_are_domain_types() -> None:
    """Options, zones and dates arrive as enums, ZoneInfo and aware datetimes, not as text."""
    settings = target(
        api_dialect="current",
        default_operation="execute",
        update_mode="merge",
        merge_nulls="clear",
        on_lost_answer="hold",
        timezone="Europe/Berlin",
    )
    assert settings.api_dialect is Dialect.CURRENT
    assert settings.default_operation is Operation.EXECUTE
    assert settings.update_mode is UpdateMode.MERGE
    assert settings.merge_nulls is MergeNulls.CLEAR
    assert settings.on_lost_answer is OnLostAnswer.HOLD
    assert settings.timezone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "given", ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T02:00:00+02:00"]
)
def test_start_date_is_an_instant_in_utc(given: str) -> None:
    """A start date may lack time or offset; it is always one instant in UTC."""
    start = TapSettings.from_config({"start_date": given}).start_date
    assert start == datetime(2026, 1, 31, tzinfo=UTC)
    assert start.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("concurrency", "8", 8),
        ("requests_per_minute", " 60 ", 60),
        ("max_rejected", "0", 0),
        ("team_id", 7.0, 7),
        ("skip_unchanged", "false", False),
        ("dry_run", "1", True),
        ("api_key", f" {KEY}\n", KEY),
        ("api_url", "https://api.reply.io/v3/", "https://api.reply.io/v3"),
        ("ledger_url", "postgres://h/d", "postgresql+psycopg://h/d"),
        ("ledger_url", "postgresql://u:p%40w@h/d", "postgresql+psycopg://u:p%40w@h/d"),
    ],
)
def test_text_from_an_environment_is_read(name: str, text: object, value: object) -> None:
    """Environment variables and Meltano can pass text where a number or a boolean is meant."""
    assert getattr(target(**{name: text}), name) == value


@pytest.mark.parametrize("null", [None, "", "null"])
def test_null_means_unlimited_where_it_means_something(null: object) -> None:
    """Null lifts a quota; of a setting that has no such meaning it gives the default."""
    settings = target(requests_per_minute=null, requests_per_hour=null, concurrency=null)
    assert (settings.requests_per_minute, settings.requests_per_hour) == (None, None)
    assert settings.concurrency == 4


def test_concurrency_is_explicit_only_when_given() -> None:
    """The engine may raise the default, never a number that the user set, be it the default's."""
    assert target(concurrency=4).concurrency_is_explicit
    assert not target().concurrency_is_explicit
    assert not target(concurrency=None).concurrency_is_explicit


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/v3", "http://127.0.0.2/v3", "http://[::1]:1/v3"]
)
def test_plain_http_is_allowed_to_loopback(url: str) -> None:
    """The sandbox listens on loopback without TLS."""
    assert target(api_url=url).api_url == url


def test_builtin_settings_pass_through() -> None:
    """The SDK's own settings that are offered are left to the SDK."""
    assert target(stream_maps={"tasks": {"__alias__": "task_updates"}}).api_key == KEY


def test_what_was_read_satisfies_the_schema() -> None:
    """Text that was read as numbers and booleans passes the schema that the SDK validates with."""
    given = {"concurrency": "8", "dry_run": "true", "requests_per_hour": "null", "team_id": "7"}
    schema = Draft202012Validator(target_settings_schema())
    assert not schema.is_valid({"api_key": KEY, **given})
    schema.validate({**given, "stream_maps": {}, **target(**given).as_config()})
