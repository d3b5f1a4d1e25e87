#!/usr/bin/env python3
"""Run several targets side by side on one ledger, each with its share of the tasks.

    python examples/scaling/run_shards.py --config config.json --shards 3 records.singer

Each worker is an ordinary `target-reply-tasks` with one more setting: a stream map that lets its
tasks through. That is what a scheduler starts as one task each; see docs/scaling.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Worker = subprocess.Popen[str]
STREAMS = ("task_updates", "task_executions")


def shard_config(config: Mapping[str, Any], shard: int, shards: int) -> dict[str, Any]:
    """The config of one worker.

    By task id, so that all records of a task meet the same worker and keep their order. The first
    worker also takes what has no usable id, so that it is rejected once.
    """
    mine = f"(int(id) if str(record.get('id')).isdigit() else 0) % {shards} == {shard}"
    maps = {stream: {"__filter__": mine} for stream in STREAMS}
    return {**config, "stream_maps": {**config.get("stream_maps", {}), **maps}}


def start(
    config: Mapping[str, Any], source: Path, folder: Path, name: str
) -> subprocess.Popen[str]:
    """Start one worker; its log and its STATEs go to files of its name."""
    settings = folder / f"{name}.json"
    settings.touch(mode=0o600)  # it holds the key
    settings.write_text(json.dumps(config))
    program = Path(sys.executable).with_name("target-reply-tasks")
    with (
        source.open() as records,
        (folder / f"{name}.log").open("w") as log,
        (folder / f"{name}.state.jsonl").open("w") as states,
    ):
        return subprocess.Popen(
            [str(program), "--config", str(settings)],
            stdin=records,
            stdout=states,
            stderr=log,
            text=True,
        )


def main() -> int:
    """Start the workers, wait for all, and return the worst exit code."""
    parser = argparse.ArgumentParser(description="Run several targets on one ledger.")
    parser.add_argument("records", type=Path, help="a file of Singer messages")
    parser.add_argument("--config", type=Path, required=True, help="the target's settings")
    parser.add_argument("--shards", type=int, default=3, help="how many workers")
    parser.add_argument("--folder", type=Path, help="where logs and STATEs go")
    given = parser.parse_args()
    config = json.loads(given.config.read_text())
    if not config.get("ledger_url", "").startswith("postgresql"):
        parser.error("several workers need one ledger on PostgreSQL: set ledger_url")
    folder = given.folder or Path(tempfile.mkdtemp(prefix="shards-"))
    folder.mkdir(parents=True, exist_ok=True)

    workers = {
        f"shard-{shard}": start(
            shard_config(config, shard, given.shards), given.records, folder, f"shard-{shard}"
        )
        for shard in range(given.shards)
    }
    codes = {name: worker.wait() for name, worker in workers.items()}
    for name, code in codes.items():
        last = (folder / f"{name}.log").read_text().strip().splitlines()[-1:]
        print(f"{name}: exit {code}; {''.join(last)}")
    # A signal's number is negative here; any failure counts more than a verdict of 2.
    return max(codes.values(), key=lambda code: (code not in {0, 2}, abs(code)))


if __name__ == "__main__":
    sys.exit(abs(main()))
