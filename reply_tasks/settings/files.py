"""Config files, as ``--config`` names them: one JSON object, in which ``//`` begins a comment."""

import json
from pathlib import Path
from typing import Any

from reply_tasks.settings.parsing import SettingsError

#: How the name of a member begins that is a comment.
COMMENT = "//"


def read_config_file(path: Path) -> dict[str, Any]:
    """The settings in a config file, as they are written there.

    JSON has no comments, so a member whose name begins with ``//`` is one.

    Raises:
        SettingsError: There is no such file, or it is not a JSON object; the message names file and
            place, and quotes nothing, since the file may hold secrets.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError([f"The config file {path} can't be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"The config file {path} is not UTF-8 text."]) from None
    except json.JSONDecodeError as error:
        raise SettingsError(
            [f"{path} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."]
        ) from None
    if not isinstance(config, dict):
        raise SettingsError([f"The config file {path} must hold one JSON object of settings."])
    return {name: value for name, value in config.items() if not name.startswith(COMMENT)}
