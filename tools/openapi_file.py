"""Reads the file of an OpenAPI document, YAML or JSON."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from tools.openapi import Document, UnreadableDocumentError, extract

#: The loader written in C is ten times as fast, and missing from some builds of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(path: Path, calls: Collection[str]) -> Document:
    """The document in a YAML or JSON file, and these operations of it.

    Raises:
        UnreadableDocumentError: The file is missing, is neither, or holds no OpenAPI document.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableDocumentError(f"{error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnreadableDocumentError("it is not UTF-8 text.") from None
    return extract(_parse(text), calls)


def _parse(text: str) -> object:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - both loaders are safe ones
    except json.JSONDecodeError as error:
        line, why = error.lineno, error.msg
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        why = error.problem or "it is broken"
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line, why = 0, str(error).splitlines()[0]
    place = f" at line {line}" if line else ""
    raise UnreadableDocumentError(f"it is neither JSON nor YAML{place}: {why}.")
