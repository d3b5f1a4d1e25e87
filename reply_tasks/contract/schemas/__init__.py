"""The JSON Schemas of what is sent and of what comes back, and their loader."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


def schema(name: str) -> dict[str, Any]:
    """The schema ``task_update``, ``task_creation``, ``task_detail`` …, as a dict of one's own.

    Raises:
        FileNotFoundError: there is no schema of that name.
    """
    loaded: dict[str, Any] = json.loads(_text(name))
    return loaded


@cache
def _text(name: str) -> str:
    return (files(__name__) / f"{name}.json").read_text(encoding="utf-8")
