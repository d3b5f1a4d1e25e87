"""``--about`` for a person: what each setting means and what it is when nothing is said."""

import textwrap
from collections.abc import Mapping
from typing import Any

_WIDTH = 78


def about_text(
    name: str, version: str, description: str, settings: Mapping[str, Any], prefix: str
) -> str:
    """A plugin and its settings as text.

    Args:
        name: The plugin's.
        version: Its version.
        description: What it does, in a sentence.
        settings: The JSON Schema of its settings.
        prefix: What its variables begin with.
    """
    required = settings.get("required", ())
    lines = [f"{name} {version}", *_wrapped(description, ""), "", "Settings, and their variables:"]
    for setting, schema in settings["properties"].items():
        said = "required" if setting in required else _default(schema)
        lines += ["", f"  {setting} ({said})", f"      {prefix}{setting.upper()}"]
        lines += _wrapped(schema.get("description", ""), "      ")
        options = [str(each) for each in schema.get("enum", ()) if each is not None]
        if options:
            lines += _wrapped(f"One of: {', '.join(options)}.", "      ")
    return "\n".join(lines) + "\n"


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if default is None:
        return "not set"
    return f"default {str(default).lower() if isinstance(default, bool) else default}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
