"""Settings in environment variables: the plugin's prefix, then the setting's name in capitals."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reply_tasks.settings.catalog import BUILTIN_SETTINGS, Kind, every_setting
from reply_tasks.settings.parsing import SettingsError, nearest_setting, read_flag, speaks

#: Variables of the SDK's own that begin with a plugin's prefix.
_SDK_VARIABLES = frozenset({"LOGLEVEL"})
#: Set by Meltano for everything that it runs.
_MELTANO_MARK = "MELTANO_PROJECT_ROOT"


def read_environment(
    environment: Mapping[str, str], prefix: str, *, only_ours: bool = True
) -> dict[str, Any]:
    """The settings that variables with this prefix give. One without a value says nothing.

    Args:
        environment: Every variable of the process.
        prefix: E.g. ``TARGET_REPLY_TASKS_``.
        only_ours: Whether every variable with this prefix must be a setting; otherwise only one
            that is close to a setting is refused.

    Raises:
        SettingsError: A variable belongs to no setting, or can't be read.
    """
    known = {setting.name for setting in every_setting()} | BUILTIN_SETTINGS.keys()
    by_meltano = _MELTANO_MARK in environment
    given: dict[str, Any] = {}
    problems: list[str] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(prefix):
            continue
        rest = variable.removeprefix(prefix)
        name = rest.lower()
        if rest.isupper() and name in known:
            if text.strip():
                try:
                    given[name] = _read(name, text)
                except ValueError:
                    problems.append(f"{variable} must be a JSON object.")
        elif not (rest in _SDK_VARIABLES or (by_meltano and _is_meltanos(name, known))):
            near = nearest_setting(name, known)
            if only_ours or near is not None:
                problems.append(_not_a_setting(variable, prefix, near))
    if problems:
        raise SettingsError(problems)
    return given


def merged(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """One config of several: the later source wins, save that ``dry_run`` in any of them counts.

    A null that only means "not given" does not win.
    """
    config: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            if name not in config or speaks(name, value):
                config[name] = value
    dry = [source["dry_run"] for source in sources if source.get("dry_run") is not None]
    if dry:
        config["dry_run"] = _of_all(dry)
    return config


def _of_all(values: Iterable[object]) -> object:
    """True when one says so; what can't be read might have, so it stays to be refused."""
    said: object = False
    for value in values:
        try:
            said = read_flag(value) or said
        except ValueError:
            return value
    return said


def _read(name: str, text: str) -> Any:  # noqa: ANN401
    """Our own settings stay text, for their reader to judge; the SDK's want their types."""
    match BUILTIN_SETTINGS.get(name):
        case Kind.OBJECT:
            value = json.loads(text)
            if not isinstance(value, dict):
                raise ValueError("no object")  # noqa: TRY004 - as what is no JSON
            return value
        case Kind.INTEGER:
            return int(text) if text.strip().isdecimal() else text
        case Kind.BOOLEAN:
            return read_flag(text)
        case _:
            return text


def _is_meltanos(name: str, known: Iterable[str]) -> bool:
    """Whether Meltano may have made it: an extra, a part of an object, a setting of another plugin.

    Extras have two underscores. What is inside of an object setting gets a variable as well. A
    plugin whose name goes on after ours (``target-reply-tasks-emails``) has ours as its prefix.
    """
    parts = ["__", *(f"{each}_" for each, kind in BUILTIN_SETTINGS.items() if kind is Kind.OBJECT)]
    of_another = tuple(f"_{each}" for each in known)
    return name.startswith("_") or any(part in name for part in parts) or name.endswith(of_another)


def _not_a_setting(variable: str, prefix: str, near: str | None) -> str:
    sentence = f"The environment variable {variable} is not a setting"
    if near is None:
        return f"{sentence}; --about lists those that are."
    return f"{sentence}; did you mean {prefix}{near.upper()}?"
