"""Every setting, said once: ``--about``, ``meltano.yml`` and the reference are made from here.

The order here is the order everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reply_tasks.api.dialect import Dialect
from reply_tasks.contract.modes import MergeNulls, UpdateMode
from reply_tasks.contract.outcomes import Operation

#: A JSON Schema, or a part of one.
Schema = dict[str, Any]

DEFAULT_LEDGER_URL = "sqlite:///reply_tasks.db"
DEFAULT_CONCURRENCY = 4


class OnLostAnswer(StrEnum):
    """What to do with an execution whose answer was lost and whose task is still New."""

    VERIFY = "verify"
    HOLD = "hold"


class Kind(StrEnum):
    """What a setting's value is."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE_TIME = "date-time"
    OBJECT = "object"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting as a user meets it.

    Attributes:
        default: None means that it has none, or that null is the default.
        nullable: null means something of its own; elsewhere null means "not given".
        adaptive: The default is only a start, so plugin definitions must not state it for the user.
    """

    name: str
    title: str
    description: str
    kind: Kind = Kind.STRING
    default: str | int | bool | None = None
    options: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    required: bool = False
    secret: bool = False
    nullable: bool = False
    adaptive: bool = False

    def schema(self) -> Schema:
        """The JSON Schema of the value. What is not required may be null, as the SDK has it."""
        date_time = self.kind is Kind.DATE_TIME
        json_type = Kind.STRING if date_time else self.kind
        schema: Schema = {
            "type": str(json_type) if self.required else [str(json_type), "null"],
            "title": self.title,
            "description": self.description,
        }
        if date_time:
            schema["format"] = "date-time"
        if self.options:
            schema["enum"] = [*self.options] if self.required else [*self.options, None]
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        if self.default is not None:
            schema["default"] = self.default
        if self.secret:
            schema |= {"secret": True, "writeOnly": True}
        return schema


COMMON_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="api_key",
        title="API key",
        secret=True,
        description=(
            "A Reply API key: personal, team or organization. Never printed, logged or stored. "
            "The tap needs it only when a stream is selected that reads from Reply."
        ),
    ),
    Setting(
        name="api_url",
        title="API URL",
        default="https://api.reply.io/v3",
        description=(
            "Base URL of the Reply API, ending in `/v3`. `http://` is refused unless the host is "
            "loopback, where `reply-tasks sandbox` listens."
        ),
    ),
    Setting(
        name="api_dialect",
        title="API dialect",
        options=tuple(Dialect),
        default=str(Dialect.AUTO),
        description=(
            "How requests are written. `preview`: the key in `X-API-Key`, enums as integers. "
            "`current`: the key in `Authorization: Bearer`, enums as camelCase names. `auto`: "
            "found out by one or two reads and kept in the ledger. Answers are read in either "
            "form, whatever is set."
        ),
    ),
    Setting(
        name="team_id",
        title="Team ID",
        kind=Kind.INTEGER,
        minimum=1,
        description="The team to act in, sent as `X-TEAM-ID`. For team and organization keys.",
    ),
    Setting(
        name="user_id",
        title="User ID",
        kind=Kind.INTEGER,
        minimum=1,
        description=(
            "The Reply user to act as, sent as `X-USER-ID`. For team and organization keys. "
            "A record's own `actAsUserId` wins."
        ),
    ),
    Setting(
        name="user_email",
        title="User email",
        description=(
            "The Reply user to act as, by email, sent as `X-User-Email`. An organization key needs "
            "`team_id` with it."
        ),
    ),
    Setting(
        name="ledger_url",
        title="Ledger URL",
        default=DEFAULT_LEDGER_URL,
        secret=True,
        description=(
            "Where the durable record of every claim, answer and outcome is kept, as an SQLAlchemy "
            "URL. A SQLite file (mode 0600) by default; "
            "`postgresql+psycopg://user:password@host/database` when several hosts share the work. "
            "Target, tap and operator's commands must name the same ledger."
        ),
    ),
    Setting(
        name="requests_per_minute",
        title="Requests per minute",
        kind=Kind.INTEGER,
        minimum=1,
        default=100,
        nullable=True,
        description=(
            "Reply's quota of one user for any 60 seconds, shared through the ledger by all "
            "processes that act for that user. null: unlimited."
        ),
    ),
    Setting(
        name="requests_per_hour",
        title="Requests per hour",
        kind=Kind.INTEGER,
        minimum=1,
        default=3000,
        nullable=True,
        description=(
            "Reply's quota of one user for any hour, shared as `requests_per_minute` is. "
            "null: unlimited. Set it lower when other apps use the same Reply user."
        ),
    ),
    Setting(
        name="request_timeout",
        title="Request timeout",
        kind=Kind.INTEGER,
        minimum=1,
        default=30,
        description="Seconds to wait for an answer. Connecting has 10 seconds of its own.",
    ),
    Setting(
        name="max_retries",
        title="Max retries",
        kind=Kind.INTEGER,
        minimum=0,
        default=5,
        description=(
            "Attempts after the first for a call that is safe to repeat: an update, a read, an "
            "execution that is known not to have been sent. An execution whose answer was lost is "
            "never simply repeated: see `on_lost_answer`."
        ),
    ),
)

_TARGET_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="default_operation",
        title="Default operation",
        options=tuple(Operation),
        nullable=True,
        description=(
            "What to do with records of a stream other than `task_updates` and `task_executions` "
            "that carry no `operation` of their own. null: stop before any call, naming the stream."
        ),
    ),
    Setting(
        name="update_mode",
        title="Update mode",
        options=tuple(UpdateMode),
        default=str(UpdateMode.REPLACE),
        description=(
            "`replace`: the record is the whole new task, one call; what it leaves out "
            "is not kept. `merge`: read the task, lay the record's members over it, send only "
            "if something changes."
        ),
    ),
    Setting(
        name="merge_nulls",
        title="Merge nulls",
        options=tuple(MergeNulls),
        default=str(MergeNulls.KEEP),
        description=(
            "What a null member means in merge mode. `keep`: leave what the task has. "
            "`clear`: empty it."
        ),
    ),
    Setting(
        name="skip_unchanged",
        title="Skip unchanged",
        kind=Kind.BOOLEAN,
        default=True,
        description=(
            "Make no call for an update whose body equals the last one applied to that task. "
            "Turn it off when people also edit those tasks in Reply."
        ),
    ),
    Setting(
        name="on_lost_answer",
        title="On lost answer",
        options=tuple(OnLostAnswer),
        default=str(OnLostAnswer.VERIFY),
        description=(
            "What to do with an execution whose answer was lost while the task is still New after "
            "`settle_seconds`. `verify`: it did not happen; send it once more under the same "
            "claim. `hold`: settle it as uncertain, for `reply-tasks resolve`."
        ),
    ),
    Setting(
        name="settle_seconds",
        title="Settle seconds",
        kind=Kind.INTEGER,
        minimum=0,
        default=120,
        description=(
            "Seconds after a lost answer, from when its connection was known to be gone, during "
            "which the task is read back before one that is still New counts as not sent."
        ),
    ),
    Setting(
        name="max_rejected",
        title="Max rejected",
        kind=Kind.INTEGER,
        minimum=0,
        nullable=True,
        description=(
            "Stop the run with exit code 1 when more records than this are rejected. 0 stops at "
            "the first. null: never stop for it."
        ),
    ),
    Setting(
        name="max_rejected_percent",
        title="Max rejected percent",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=100,
        default=100,
        description=(
            "The run's verdict: exit code 2 when at least this share of its records was rejected. "
            "The run still finishes and settles every record."
        ),
    ),
    Setting(
        name="concurrency",
        title="Concurrency",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=32,
        default=DEFAULT_CONCURRENCY,
        adaptive=True,
        description=(
            "Calls in flight at once for one Reply user, and at most 64 for all users of the run; "
            "records of one task keep their order. A number that you set is kept; unset, each "
            "user starts with the default and takes more when slow answers would otherwise leave "
            "quota unused."
        ),
    ),
    Setting(
        name="timezone",
        title="Time zone",
        default="UTC",
        description=(
            "IANA name of the zone in which date-times without an offset are meant, "
            "e.g. `Europe/Berlin`."
        ),
    ),
    Setting(
        name="date_format",
        title="Date format",
        description=(
            "Tried for date-times that are not ISO 8601: a format of Python's `strptime`, e.g. "
            "`%d.%m.%Y %H:%M`, or `epoch_seconds` or `epoch_milliseconds`."
        ),
    ),
    Setting(
        name="dry_run",
        title="Dry run",
        kind=Kind.BOOLEAN,
        default=False,
        description=(
            "Validate and plan every record, call nothing, write nothing, and log what would be "
            "done. On when a file, a variable or the flag `--dry-run` says so."
        ),
    ),
    Setting(
        name="executions_without_approval",
        title="Executions without approval",
        kind=Kind.INTEGER,
        minimum=0,
        nullable=True,
        description=(
            "How many executions of a run go out without a person's approval; the rest are held "
            "for `reply-tasks approve`. 0: each waits for a person. null: all go out at once."
        ),
    ),
    Setting(
        name="hold_hours",
        title="Hold hours",
        kind=Kind.INTEGER,
        minimum=1,
        default=72,
        description=(
            "Hours after which a held execution that nobody approved is rejected, "
            "`approval_expired`."
        ),
    ),
    Setting(
        name="allow_placeholders",
        title="Allow placeholders",
        kind=Kind.BOOLEAN,
        default=False,
        description=(
            "Send a `content` that still holds `{{…}}`. Otherwise it is an invalid record: "
            "`content` is the final text, in which Reply fills in nothing."
        ),
    ),
    Setting(
        name="retry_rejected_hours",
        title="Retry rejected hours",
        kind=Kind.INTEGER,
        minimum=0,
        default=24,
        description=(
            "Hours in which a record that Reply refused is not sent again while it says the same: "
            "its verdict is repeated without a call. 0: every run asks again."
        ),
    ),
    Setting(
        name="keep_repeats",
        title="Keep repeats",
        kind=Kind.BOOLEAN,
        default=False,
        description=(
            "Also keep a row in the ledger for each record that only repeats what the ledger has "
            "answered. Otherwise such records are only counted in their run."
        ),
    ),
    Setting(
        name="retention_days",
        title="Retention days",
        kind=Kind.INTEGER,
        minimum=1,
        nullable=True,
        description=(
            "At a run's end, at most once a day, remove what was settled longer ago, as "
            "`reply-tasks prune` does. null: keep all."
        ),
    ),
    Setting(
        name="create_missing",
        title="Create missing tasks",
        kind=Kind.BOOLEAN,
        default=False,
        description=(
            "An update whose externalId is linked to no task creates one. Otherwise it is "
            "rejected as not_linked."
        ),
    ),
)

_TAP_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="start_date",
        title="Start date",
        kind=Kind.DATE_TIME,
        description=(
            "For `tasks` and `task_snapshots`: only tasks that start at or after it. Without an "
            "offset it is UTC."
        ),
    ),
    Setting(
        name="page_size",
        title="Page size",
        kind=Kind.INTEGER,
        minimum=1,
        maximum=1000,
        default=1000,
        description=(
            "Tasks in one page of `tasks`, mailboxes in one of `email_accounts`. A page costs one "
            "call."
        ),
    ),
    Setting(
        name="include_content",
        title="Include content",
        kind=Kind.BOOLEAN,
        default=True,
        description="Ask Reply for the rendered content of each task in `task_snapshots`.",
    ),
)

#: The SDK's own settings that mean something here. The others are not offered.
BUILTIN_SETTINGS: Mapping[str, Kind] = {
    "stream_maps": Kind.OBJECT,
    "stream_map_config": Kind.OBJECT,
    "flattening_enabled": Kind.BOOLEAN,
    "flattening_max_depth": Kind.INTEGER,
    "flattening_max_key_length": Kind.INTEGER,
    "flattening_separator": Kind.STRING,
}


def every_setting() -> tuple[Setting, ...]:
    """The settings of both plugins: what a config that serves them all may hold."""
    return (*COMMON_SETTINGS, *_TARGET_SETTINGS, *_TAP_SETTINGS)


def target_settings() -> tuple[Setting, ...]:
    """The target's own settings in order; the target can't do without ``api_key``."""
    return (*_with_required_key(COMMON_SETTINGS), *_TARGET_SETTINGS)


def tap_settings() -> tuple[Setting, ...]:
    """The tap's own settings in order."""
    return (*COMMON_SETTINGS, *_TAP_SETTINGS)


def target_settings_schema() -> Schema:
    """The target's whole ``config_jsonschema``, the SDK's built-ins that are offered included."""
    return _object(target_settings())


def tap_settings_schema() -> Schema:
    """The tap's whole ``config_jsonschema``, the SDK's built-ins that are offered included."""
    return _object(tap_settings())


def _with_required_key(settings: Iterable[Setting]) -> Iterable[Setting]:
    return (
        replace(setting, required=True) if setting.name == "api_key" else setting
        for setting in settings
    )


def _object(settings: tuple[Setting, ...]) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {setting.name: setting.schema() for setting in settings} | _builtins(),
        "required": [setting.name for setting in settings if setting.required],
        "additionalProperties": False,
    }


def _builtins() -> Schema:
    # Imported here: the operator's commands read settings and should not pay for the SDK.
    from singer_sdk.helpers.capabilities import (  # noqa: PLC0415
        FLATTENING_CONFIG,
        STREAM_MAPS_CONFIG,
    )

    offered: Schema = STREAM_MAPS_CONFIG["properties"] | FLATTENING_CONFIG["properties"]
    return {name: _repaired(offered[name]) for name in BUILTIN_SETTINGS}


def _repaired(schema: Any) -> Any:  # noqa: ANN401
    """A copy without the bare ``"null"`` that SDK 0.54 leaves in ``anyOf``: it is not a schema."""
    if isinstance(schema, dict):
        return {
            key: [_repaired(each) for each in value if isinstance(each, dict)]
            if key == "anyOf"
            else _repaired(value)
            for key, value in schema.items()
        }
    return schema
