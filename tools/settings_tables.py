"""The settings as documents print them: the reference's tables and Meltano's plugin definitions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reply_tasks.settings.catalog import (
    BUILTIN_SETTINGS,
    COMMON_SETTINGS,
    Kind,
    Schema,
    Setting,
    tap_settings,
    tap_settings_schema,
    target_settings,
    target_settings_schema,
)

TARGET = "target-reply-tasks"
TAP = "tap-reply-tasks"

#: A plugin's settings as ``meltano.yml`` and Meltano Hub have them.
Definition = list[dict[str, Any]]

_MELTANO_KINDS: Mapping[Kind, str] = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.DATE_TIME: "date_iso8601",
}


def settings_markdown() -> str:
    """The reference's tables: what target and tap share, then what is each one's own."""
    shared = {setting.name for setting in COMMON_SETTINGS}
    parts = (
        ("Target and tap", [each for each in target_settings() if each.name in shared]),
        ("Target only", [each for each in target_settings() if each.name not in shared]),
        ("Tap only", [each for each in tap_settings() if each.name not in shared]),
    )
    return "\n\n".join(f"**{title}**\n\n{_table(settings)}" for title, settings in parts)


def meltano_settings(plugin: str) -> Definition:
    """Every setting of ``target-reply-tasks`` or ``tap-reply-tasks``, the SDK's built-ins too.

    A default that the plugin may adapt by itself is not stated as a value: Meltano would pass it on
    as if the user had given it.
    """
    settings, schema = {
        TARGET: (target_settings(), target_settings_schema()),
        TAP: (tap_settings(), tap_settings_schema()),
    }[plugin]
    builtins = ((name, schema["properties"][name]) for name in BUILTIN_SETTINGS)
    return [*map(_meltano_setting, settings), *(_meltano_builtin(*each) for each in builtins)]


def _table(settings: Iterable[Setting]) -> str:
    return "\n".join(("| Setting | Default | Meaning |", "|---|---|---|", *_rows(settings)))


def _rows(settings: Iterable[Setting]) -> Iterator[str]:
    for setting in settings:
        about = setting.description.replace("|", "\\|")
        yield f"| `{setting.name}`<br>{_type(setting)} | {_default(setting)} | {about} |"


def _type(setting: Setting) -> str:
    words = " or ".join(f"`{option}`" for option in setting.options) or str(setting.kind)
    if setting.maximum is not None:
        words += f" {setting.minimum} to {setting.maximum}"
    return f"{words}, secret" if setting.secret else words


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.default is None:
        return "null" if setting.nullable else ""
    return f"`{str(setting.default).lower() if setting.kind is Kind.BOOLEAN else setting.default}`"


def _meltano_setting(setting: Setting) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "name": setting.name,
        "label": setting.title,
        "kind": "options" if setting.options else _MELTANO_KINDS[setting.kind],
        "description": setting.description,
    }
    if setting.options:
        definition["options"] = [
            {"label": option.capitalize(), "value": option} for option in map(str, setting.options)
        ]
    if setting.secret:
        definition["sensitive"] = True
    if setting.default is not None and not setting.adaptive:
        definition["value"] = setting.default
    return definition


def _meltano_builtin(name: str, schema: Schema) -> dict[str, Any]:
    kind = next(each for each in schema["type"] if each != "null")
    return {
        "name": name,
        "label": schema["title"],
        "kind": kind,
        "description": schema["description"],
    }
