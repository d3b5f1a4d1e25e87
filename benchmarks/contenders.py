"""How each contender is started: ours by their console scripts, the peers by their modules."""

import json
import sys
from pathlib import Path
from typing import Any

from reply_tasks.sandbox import DEFAULT_API_KEY

Command = list[str | Path]

SCRIPTS = Path(sys.executable).parent


def our_target(folder: Path, api_url: str, **settings: Any) -> Command:  # noqa: ANN401 - JSON
    """``target-reply-tasks`` on the ledger in ``folder``; the quota is unlimited unless given."""
    config = {
        "api_key": DEFAULT_API_KEY,
        "api_url": api_url,
        "api_dialect": "preview",
        "ledger_url": _ledger_url(folder),
        "requests_per_minute": None,
        "requests_per_hour": None,
        **settings,
    }
    return [SCRIPTS / "target-reply-tasks", "--config", _file(folder / "config.json", config)]


def our_tap(folder: Path, *arguments: str | Path, ledger_url: str | None = None) -> Command:
    """``tap-reply-tasks`` on a ledger; on the one in ``folder`` unless given."""
    config = _file(folder / "config.json", {"ledger_url": ledger_url or _ledger_url(folder)})
    return [SCRIPTS / "tap-reply-tasks", "--config", config, *arguments]


def our_command(folder: Path, *words: str, ledger_url: str) -> Command:
    """``reply-tasks`` on a ledger."""
    config = _file(folder / "config.json", {"ledger_url": ledger_url})
    return [SCRIPTS / "reply-tasks", *words, "--config", config]


def select(stream: str, discovered: Path, selected: Path) -> None:
    """Write a catalog in which just one of the discovered streams is selected."""
    catalog = json.loads(discovered.read_text(encoding="utf-8"))
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] == stream
    _file(selected, catalog)


def plain_target(folder: Path, api_url: str) -> Command:
    """The plain SDK target."""
    config = {"api_key": DEFAULT_API_KEY, "api_url": api_url}
    return [*_peer("plain_target"), "--config", _file(folder / "config.json", config)]


def idle_target() -> Command:
    """The SDK target that does nothing."""
    return _peer("idle_target")


def requests_loop(api_url: str) -> Command:
    """The loop around ``requests``."""
    return [*_peer("requests_loop"), api_url, DEFAULT_API_KEY]


def bare_tap(config: Path) -> Command:
    """The tap whose rows are at hand."""
    return [*_peer("bare_tap"), "--config", config]


def _peer(name: str) -> Command:
    return [sys.executable, "-m", f"benchmarks.peers.{name}"]


def _ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def _file(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
