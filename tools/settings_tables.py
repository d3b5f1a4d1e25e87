"""The settings as the reference's tables print them."""

from collections.abc import Iterable, Iterator

from reply_tasks.settings.catalog import (
    COMMON_SETTINGS,
    Kind,
    Setting,
    tap_settings,
    target_settings,
)


def settings_markdown() -> str:
    """The reference's tables: what target and tap share, then what is each one's own."""
    shared = {setting.name for setting in COMMON_SETTINGS}
    parts = (
        ("Target and tap", [each for each in target_settings() if each.name in shared]),
        ("Target only", [each for each in target_settings() if each.name not in shared]),
        ("Tap only", [each for each in tap_settings() if each.name not in shared]),
    )
    return "\n\n".join(f"**{title}**\n\n{_table(settings)}" for title, settings in parts)


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
