"""What a first config is made of: every setting with what it means, and the few that matter set."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reply_tasks.settings.catalog import (
    COMMON_SETTINGS,
    Setting,
    tap_settings,
    target_settings,
)
from reply_tasks.settings.files import COMMENT
from reply_tasks.settings.meltano import TAP, TARGET, meltano_settings

_ABOUT = (
    "Settings of target-reply-tasks, tap-reply-tasks and the reply-tasks commands. A member whose "
    "name begins with // is a comment; take the // away to set it. The key is better given by the "
    "environment: TARGET_REPLY_TASKS_API_KEY, TAP_REPLY_TASKS_API_KEY, REPLY_TASKS_API_KEY."
)
#: Set in a first config, where the catalog has them: what is careful rather than quick.
_CAREFUL: Mapping[str, Any] = {"api_key": "", "executions_without_approval": 0}


def starter_config(folder: Path) -> str:
    """A ``config.json`` that works once a key is given.

    Args:
        folder: Where the ledger is to be; named in full, since the working directory may change.
    """
    values = {**_CAREFUL, "ledger_url": f"sqlite:///{folder.absolute() / 'reply_tasks.db'}"}
    config: dict[str, Any] = {COMMENT: _ABOUT}
    for heading, settings in _groups():
        config[f"{COMMENT} {heading.upper()}"] = ""
        for setting in settings:
            about = f"{COMMENT} {setting.name}"
            if setting.name in values:
                config[f"{about} is"] = setting.description
                config[setting.name] = values[setting.name]
            else:
                config[f"{about} is"] = setting.description
                config[f"{COMMENT}{setting.name}"] = setting.default
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def _groups() -> Iterator[tuple[str, list[Setting]]]:
    shared = {setting.name for setting in COMMON_SETTINGS}
    yield "target and tap", list(COMMON_SETTINGS)
    yield "target only", [each for each in target_settings() if each.name not in shared]
    yield "tap only", [each for each in tap_settings() if each.name not in shared]


def starter_meltano(folder: Path) -> str:
    """The plugins' part of a ``meltano.yml``. Its values are JSON, which YAML includes."""
    ledger_url = f"sqlite:///{folder.absolute() / 'reply_tasks.db'}"
    lines = [
        "# Both plugins of reply-tasks, written by `reply-tasks init --meltano`.",
        "# Give the key as REPLY_API_KEY, in Meltano's .env file for one.",
        "plugins:",
        "  extractors:",
        *_plugin(
            TAP,
            capabilities=["about", "catalog", "discover", "state", "stream-maps", "test"],
            extra={"select": ["task_details.*", "task_operations.*", "task_links.*", "runs.*"]},
            config={"api_key": "$REPLY_API_KEY", "ledger_url": ledger_url},
        ),
        "  loaders:",
        *_plugin(
            TARGET,
            capabilities=["about", "stream-maps", "schema-flattening", "structured-logging"],
            extra={},
            config={"api_key": "$REPLY_API_KEY", "ledger_url": ledger_url, **_careful()},
        ),
    ]
    return "\n".join(lines) + "\n"


def _careful() -> dict[str, Any]:
    known = {setting.name for setting in target_settings()}
    return {name: value for name, value in _CAREFUL.items() if name in known and value != ""}


def _plugin(
    name: str, *, capabilities: list[str], extra: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[str]:
    members = {
        "namespace": name.replace("-", "_"),
        "pip_url": "reply-tasks",
        "executable": name,
        "capabilities": capabilities,
        **extra,
    }
    yield f"  - name: {name}"
    for key, value in members.items():
        yield f"    {key}: {json.dumps(value)}"
    yield "    config:"
    for key, value in config.items():
        yield f"      {key}: {json.dumps(value)}"
    yield "    settings:"
    for setting in meltano_settings(name):
        yield f"    - {json.dumps(setting, ensure_ascii=False)}"
