"""What the bare tap emits: a record of another tap, over and over."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_config(
    path: Path, schema: Mapping[str, Any], example: Mapping[str, Any], *, records: int
) -> None:
    """Write the bare tap's configuration: emit the record of ``example`` so often."""
    config = {
        "stream": schema["stream"],
        "schema": schema["schema"],
        "example": example["record"],
        "records": records,
    }
    path.write_text(json.dumps(config), encoding="utf-8")
