"""The manuals for operating and scaling: their queries run, and their code is what is meant."""

import ast
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
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


def test_the_dag_gives_each_record_to_one_shard() -> None:
    """What the Airflow snippet puts into the environment is a setting that is accepted."""
    (snippet,) = re.findall(r"```python\n(.*?)```", SCALING, re.DOTALL)
    tree = ast.parse(snippet)
    wanted: list[ast.stmt] = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        or (isinstance(node, ast.FunctionDef) and node.name == "stream_maps")
    ]
    names: dict[str, Any] = {"json": json}
    exec(compile(ast.Module(wanted, []), "dag", "exec"), names)  # noqa: S102 - our own document
    shards = [json.loads(names["stream_maps"](number)) for number in range(names["SHARDS"])]
    for maps in shards:
        TargetReplyTasks(config={"api_key": "key", "stream_maps": maps})
    streams = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["loaders"][0]["config"]
    assert shards[0].keys() == streams["stream_maps"].keys()
    rules = [maps["to_reply-task_updates"]["__filter__"] for maps in shards]
    for value in ("17", 18, "none", None):
        record = {"id": value}
        taken = [eval(rule, {"id": value, "record": record}) for rule in rules]  # noqa: S307
        assert taken.count(True) == 1
    assert shlex.split(shlex.quote(json.dumps(shards[1]))) == [json.dumps(shards[1])]


@pytest.mark.parametrize("name", ["operations", "scaling"])
def test_the_manuals_link_to_what_is_there(name: str) -> None:
    """A relative link in a manual names a file of the checkout."""
    path = ROOT / f"docs/{name}.md"
    for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / link).resolve().exists(), link
