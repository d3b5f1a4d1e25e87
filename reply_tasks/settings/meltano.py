"""Both plugins as a ``meltano.yml`` defines them, with every setting of the catalog."""

from collections.abc import Mapping
from typing import Any

from reply_tasks.settings.catalog import (
    BUILTIN_SETTINGS,
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
