"""Several targets on one PostgreSQL ledger, as docs/scaling.md has them run."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
from console_script import environment
from messages import Message, execution, lines, state, update
from target_runs import KEY, Stage

from reply_tasks.sandbox import Mix, SandboxServer, User
from reply_tasks.sandbox.seed import make_tasks

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples/scaling/run_shards.py"
TASKS, SHARDS = 60, 3
UPDATED = range(1, 41)
EXECUTED = range(41, TASKS + 1)
USERS = (User(1, "ada@example.com"), User(2, "bo@example.com"))


def _records() -> list[Message]:
    """Two updates of each task one after the other, then the executions, each one twice."""
    first = [update(n, template={"body": f"First {n}"}, externalId=f"a{n}") for n in UPDATED]
    second = [update(n, template={"body": f"Second {n}"}, externalId=f"b{n}") for n in UPDATED]
    sent = [execution(n, externalId=f"x{n}") for n in EXECUTED]
    return [
        *first,
        *second,
        *sent,
        *sent,
        update("no id at all", externalId="bad"),
        state({"n": 1}),
    ]


@pytest.fixture
def stage(tmp_path: Path, postgres_url: str) -> Iterator[Stage]:
    """A sandbox that takes its time, and a ledger on PostgreSQL."""
    sandbox = SandboxServer(
        tasks=make_tasks(TASKS, mix=Mix.EMAILS),
        keys={KEY: USERS},
        requests_per_minute=None,
        requests_per_hour=None,
        latency=0.05,
    )
    settings = {"ledger_url": postgres_url, "keep_repeats": True}
    with sandbox, closing(Stage(sandbox, tmp_path, settings)) as stage:
        yield stage


def _start_shards(stage: Stage) -> subprocess.Popen[str]:
    config, source = stage.folder / "shards.json", stage.folder / "records.singer"
    config.write_text(json.dumps(stage.settings))
    source.write_text(lines(*_records()))
    return subprocess.Popen(
        [
            *(sys.executable, SCRIPT, source, "--config", config),
            *("--shards", str(SHARDS), "--folder", stage.folder / "shards"),
        ],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _assert_all_done_once(stage: Stage) -> None:
    assert sorted(sent.task_id for sent in stage.sandbox.outbox) == list(EXECUTED)
    for number in UPDATED:
        assert stage.sandbox.task(number).template.body == f"Second {number}"
    assert stage.claims() == []
    last = {row["external_id"]: row["outcome"] for row in stage.operations()}
    assert {last[f"b{n}"] for n in UPDATED} <= {"applied", "unchanged"}
    assert {last[f"x{n}"] for n in EXECUTED} <= {"applied", "unchanged"}
    assert all(call.status != HTTPStatus.TOO_MANY_REQUESTS for call in stage.sandbox.calls)


def test_shards_share_the_work(stage: Stage) -> None:
    """Each task meets one worker, in the order of its records; what has no id is rejected once."""
    with _start_shards(stage) as shards:
        told, _ = shards.communicate(timeout=60)
    assert shards.returncode == 0, told
    _assert_all_done_once(stage)
    rows = stage.operations()
    assert len(stage.runs()) == SHARDS
    runs_of_task: dict[int, set[str]] = {}
    for row in rows:
        if row["task_id"] is not None:
            runs_of_task.setdefault(row["task_id"], set()).add(row["run_id"])
    assert all(len(runs) == 1 for runs in runs_of_task.values())
    assert len({run for runs in runs_of_task.values() for run in runs}) == SHARDS
    keys = Counter(row["external_id"] for row in rows)
    assert keys == Counter(
        {f"{kind}{n}": 1 for kind in "ab" for n in UPDATED}
        | {f"x{n}": 2 for n in EXECUTED}
        | {"bad": 1}
    )
    states = [
        (stage.folder / f"shards/shard-{shard}.state.jsonl").read_text().split("\n")
        for shard in range(SHARDS)
    ]
    assert all(json.loads(written[-2]) == {"n": 1} for written in states)


def test_shards_that_overlap_send_nothing_twice(stage: Stage) -> None:
    """A worker that reads what the others read too waits for their claims, and finds it done."""
    with _start_shards(stage) as shards:
        stage.sandbox.wait_for_calls(5)
        whole = stage.script(*_records())
        told, _ = shards.communicate(timeout=60)
    assert (shards.returncode, whole.exit_code) == (0, 0), told + whole.log
    _assert_all_done_once(stage)


def test_shards_that_were_killed_are_run_again(stage: Stage) -> None:
    """After SIGKILL of every worker, the same command finishes the work, once."""
    with _start_shards(stage) as shards:
        stage.sandbox.wait_for_calls(15)
        os.killpg(shards.pid, signal.SIGKILL)
        shards.communicate(timeout=60)
    assert len(stage.operations()) < len(_records())
    with _start_shards(stage) as shards:
        told, _ = shards.communicate(timeout=60)
    assert shards.returncode == 0, told
    _assert_all_done_once(stage)
    crashed = [run["crashed"] for run in stage.runs()]
    assert 1 <= crashed.count(True) <= crashed.count(False) == SHARDS


def test_shards_need_a_ledger_for_all(stage: Stage) -> None:
    """A ledger in a file is refused: it would be shared by accident, or not at all."""
    stage.settings["ledger_url"] = "sqlite:///reply_tasks.db"
    with _start_shards(stage) as shards:
        shards.communicate(timeout=60)
    assert shards.returncode == 2
    assert stage.sandbox.calls == []
