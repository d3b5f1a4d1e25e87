"""The manuals for operating and scaling: their queries run, and their code is what is meant."""

import json
import logging
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from singer_sdk.mapper import PluginMapper
from sqlalchemy import insert, text

from reply_tasks.ledger import open_engine
from reply_tasks.ledger.liveness import LEASE, RENEWAL
from reply_tasks.ledger.tables import operations, runs
from target_reply_tasks.engine.gate import WINDOW
from target_reply_tasks.result import STOP_BOUND
from target_reply_tasks.target import TargetReplyTasks

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SCALING = (ROOT / "docs/scaling.md").read_text()
SHARDS = 4
LONG_AGO = datetime.now(UTC) - timedelta(hours=3)


def _queries() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", OPERATIONS, re.DOTALL)


def _operation(number: int, **columns: Any) -> dict[str, Any]:
    return {
        "operation_id": f"{number:032x}",
        "sequence": number,
        "run_id": "1" * 32,
        "stream": "task_updates",
        "task_id": number,
        "received_at": LONG_AGO,
        "claimed_at": LONG_AGO,
        "settled_at": LONG_AGO,
        "outcome": None,
        "reason": None,
        "record": {"id": number},
        **columns,
    }


def test_each_alert_finds_what_it_is_for(postgres_url: str) -> None:
    """On a ledger where everything has gone wrong once, every query finds it; else none does."""
    assert len(_queries()) == 7
    engine = open_engine(postgres_url)
    quiet = {"run_id": "2" * 32, "started_at": LONG_AGO, "exit_code": 0, "crashed": False}
    with engine.begin() as connection:
        ended = datetime.now(UTC)
        connection.execute(
            insert(runs), {**quiet, "sequence": 1, "ended_at": ended, "quota_wait_seconds": 0.0}
        )
        found = [connection.execute(text(query)).all() for query in _queries()]
        assert found == [[]] * 7
        bad = {"run_id": "1" * 32, "exit_code": None, "crashed": True, "quota_wait_seconds": 700.0}
        connection.execute(runs.delete())
        connection.execute(insert(runs), {**quiet, **bad, "sequence": 2, "ended_at": LONG_AGO})
        connection.execute(
            insert(operations),
            [
                _operation(1, outcome="uncertain"),
                _operation(2, sequence=None, settled_at=None),
                _operation(3, outcome="rejected", reason="invalid_record"),
                _operation(4, outcome="held"),
            ],
        )
        found = [connection.execute(text(query)).all() for query in _queries()]
        assert [len(rows) for rows in found] == [1] * 7
    engine.dispose()


def test_the_numbers_are_the_code_s() -> None:
    """The seconds and counts that a scheduler is set by are those of the code."""
    assert f"have {STOP_BOUND:.0f} seconds to settle" in OPERATIONS
    assert f"**{LEASE.seconds} seconds**" in OPERATIONS
    assert f"given every {RENEWAL.seconds}" in OPERATIONS
    assert f"at most {WINDOW:,} records" in SCALING


def test_each_record_belongs_to_one_shard(tmp_path: Path) -> None:
    """The stream maps that the schedulers' script gives Meltano are accepted, and share all out."""
    shards = [_maps_of_shard(number, tmp_path) for number in range(SHARDS)]
    for maps in shards:
        TargetReplyTasks(config={"api_key": "key", "stream_maps": maps})
    streams = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["loaders"][0]["config"]
    assert shards[0].keys() == streams["stream_maps"].keys()
    rules = [maps["to_reply-task_updates"]["__filter__"] for maps in shards]
    for value in ("17", 18, "none", None):
        record = {"id": value}
        taken = [eval(rule, {"id": value, "record": record}) for rule in rules]  # noqa: S307
        assert taken.count(True) == 1
    by_key = [maps["to_reply-task_lives"]["__filter__"] for maps in shards]
    shares = [[_keeps(rule, f"00T-{number}") for number in range(50)] for rule in by_key]
    assert [sum(each) for each in zip(*shares, strict=True)] == [1] * 50
    assert all(sum(share) for share in shares)


def _keeps(rule: str, key: str) -> bool:
    """Whether a map with that filter keeps a record of this key, by the SDK's own evaluator."""
    mapper = PluginMapper({"stream_maps": {"x": {"__filter__": rule}}}, logging.getLogger(__name__))
    mapper.register_raw_stream_schema("x", {"properties": {"external_id": {"type": "string"}}}, [])
    return mapper.stream_maps["x"][0].transform({"external_id": key}) is not None


def _maps_of_shard(number: int, folder: Path) -> dict[str, Any]:
    """What the script exports for a shard, told by a program that stands where Meltano would."""
    scripts = folder / "examples" / "scaling"
    scripts.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "examples" / "scaling" / "shard", scripts)
    shutil.copy(ROOT / "meltano.yml", folder)
    meltano = folder / "meltano"
    meltano.write_text('#!/bin/sh\necho "$TARGET_REPLY_TASKS_STREAM_MAPS"\n')
    meltano.chmod(0o755)
    done = subprocess.run(
        [scripts / "shard", str(number), str(SHARDS)],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    maps: dict[str, Any] = json.loads(done.stdout)
    return maps


@pytest.mark.parametrize("name", ["operations", "scaling"])
def test_the_manuals_link_to_what_is_there(name: str) -> None:
    """A relative link in a manual names a file of the checkout."""
    path = ROOT / f"docs/{name}.md"
    for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / link).resolve().exists(), link
