"""Records a sample: runs a published tap against canned answers and keeps what it emits.

Run it with the Python of an environment that has the tap, and the folder of a sample::

    python tests/recipes/record_sample.py tests/recipes/samples/hubspot > sample.singer

The folder's ``recording.json`` says which tap, its settings, the streams, and what its API answers.
"""

import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from fnmatch import fnmatch
from importlib.metadata import entry_points
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: What differs from run to run, and what a sample has in its place.
MOMENT = "2026-03-02T06:00:00.000000Z"
VERSION = 1772431200000
_PLACE = "/data"


def record(folder: Path) -> list[dict[str, Any]]:
    """The messages that the tap of ``folder`` emits."""
    recording = json.loads((folder / "recording.json").read_text())
    _answer_from(recording.get("answers", {}))
    with tempfile.TemporaryDirectory() as place:
        for name in recording.get("files", []):
            (Path(place) / name).write_bytes((folder / name).read_bytes())
            os.utime(Path(place) / name, (VERSION / 1000, VERSION / 1000))
        config = json.loads(os.path.expandvars(json.dumps(recording["config"])))
        config = json.loads(json.dumps(config).replace(_PLACE, place))
        arguments = ["--config", _file(place, "config.json", config)]
        found = json.loads(_run(recording["command"], *arguments, "--discover"))
        option = recording.get("catalog_option", "--catalog")
        arguments += [option, _file(place, "catalog.json", _select(found, recording))]
        written = _run(recording["command"], *arguments).replace(os.path.realpath(place), _PLACE)
    return [_without_moment(json.loads(line)) for line in written.splitlines()]


def _select(catalog: dict[str, Any], recording: dict[str, Any]) -> dict[str, Any]:
    """The catalog with every field of the streams of the recording, and nothing else, selected."""
    for stream in catalog["streams"]:
        chosen = fnmatch(stream["tap_stream_id"], recording["stream"])
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = chosen
            if chosen and not entry["breadcrumb"]:
                entry["metadata"].update(recording.get("metadata", {}))
    return catalog


def _without_moment(message: dict[str, Any]) -> dict[str, Any]:
    if "time_extracted" in message:
        message["time_extracted"] = MOMENT
    if "version" in message:
        message["version"] = VERSION
    versions = message.get("value", {}).get("versions", {})
    versions.update(dict.fromkeys(versions, VERSION))
    return message


def _run(command: str, *arguments: str) -> str:
    """What the console script ``command`` writes."""
    (script,) = entry_points(group="console_scripts", name=command)
    sys.argv = [command, *arguments]
    with redirect_stdout(StringIO()) as written:
        try:
            script.load()()
        except SystemExit as left:
            if left.code:
                raise
    return written.getvalue()


def _answer_from(answers: dict[str, Any]) -> None:
    """Let every request be answered by the first of ``answers`` whose method, host and path fit."""
    import requests  # noqa: PLC0415 - the taps without an API need not have it
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    def send(
        _adapter: HTTPAdapter, request: requests.PreparedRequest, **_options: Any
    ) -> requests.Response:
        where = urlsplit(str(request.url))
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = str(request.url)
        call = f"{request.method} {where.netloc}{where.path}"
        answer = next(answers[pattern] for pattern in answers if fnmatch(call, pattern))
        response.raw = BytesIO(json.dumps(answer).encode())
        return response

    HTTPAdapter.send = send  # type: ignore[method-assign,assignment]


def _file(place: str, name: str, content: object) -> str:
    path = Path(place) / name
    path.write_text(json.dumps(content))
    return str(path)


if __name__ == "__main__":
    for each in record(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(each, ensure_ascii=False) + "\n")
