"""From the CRM through Reply into the warehouse and round again, with the real programs."""

import json
import subprocess
from collections.abc import Callable

import pytest
from console_script import SCRIPTS
from meltano_home import ROOT, Home, environment
from meltano_world import WAREHOUSE, WRITE_BACK, Project, Row, fates, moment

from tap_reply_tasks import schemas

pytestmark = pytest.mark.e2e

ROWS = (ROOT / "examples/crm/rows.sql").read_text()
#: What becomes of the rows of examples/crm/rows.sql, as its comment tells.
UPDATED = [n for n in range(1, 21) if n not in {3, 5}]
SENT = list(range(21, 27))
EXPECTED = {
    **{f"00T-{n}": [("applied", None)] for n in UPDATED},
    **{f"00T-{n}:send": [("applied", None)] for n in SENT},
    "00T-3": [("rejected", "invalid_record")],
    "00T-5": [("rejected", "task_not_found")],
}


def test_the_circle(make_project: Callable[..., Project]) -> None:
    """The warehouse shows what Reply has and what became of each record; a change costs a call."""
    project = make_project()
    project.crm.run(ROWS)
    project.meltano("run", *WRITE_BACK, *WAREHOUSE)

    assert fates(project.operations()) == EXPECTED
    assert sorted(project.sandbox.sent()) == SENT
    _assert_warehouse_is_right(project)
    (run,) = project.warehouse.rows("SELECT * FROM reply.runs")
    assert (run["exitCode"], run["applied"], run["rejected"], run["apiCalls"]) == (0, 24, 2, 25)

    before = len(project.sandbox.calls())
    project.crm.run(
        "UPDATE salesforce.task SET description = 'Hi {{firstName}}, any news?',"
        " system_modstamp = '2027-02-01 08:00:00+00' WHERE id IN ('00T-2', '00T-7', '00T-19')"
    )
    project.meltano("run", *WRITE_BACK, *WAREHOUSE)

    calls = project.sandbox.calls()[before:]
    assert sorted((call["endpoint"], call["task_id"]) for call in calls) == [
        ("update", 2),
        ("update", 7),
        ("update", 19),
    ]
    assert sorted(project.sandbox.sent()) == SENT
    _assert_warehouse_is_right(project)
    bodies = project.warehouse.rows(
        "SELECT id, template::json ->> 'body' AS body FROM reply.task_details"
        " WHERE template::json ->> 'body' LIKE '%any news%'"
    )
    assert {row["id"] for row in bodies} == {2, 7, 19}


def _assert_warehouse_is_right(project: Project) -> None:
    """Each task as the sandbox has it, each operation as the ledger has it, every column there."""
    details = project.warehouse.rows("SELECT * FROM reply.task_details ORDER BY id")
    assert [row["id"] for row in details] == UPDATED + SENT
    for row in details:
        _assert_same_task(row, project.sandbox.task(row["id"]))
    loaded = project.warehouse.rows("SELECT * FROM reply.task_operations")
    ledger = {row["operation_id"]: row for row in project.operations()}
    assert {row["operationId"] for row in loaded} == set(ledger)
    for row in loaded:
        kept = ledger[row["operationId"]]
        assert (row["outcome"], row["reason"]) == (kept["outcome"], kept["reason"])
        assert (row["externalId"], row["taskId"]) == (kept["external_id"], kept["task_id"])
        assert row["apiCalls"] == kept["api_calls"]
    for name, schema in (
        ("task_details", schemas.task_details()),
        ("task_operations", schemas.task_operations()),
        ("task_links", schemas.task_links()),
        ("runs", schemas.runs()),
    ):
        columns = {
            row["column_name"]
            for row in project.warehouse.rows(
                "SELECT column_name FROM information_schema.columns"
                f" WHERE table_schema = 'reply' AND table_name = '{name}'"
            )
        }
        assert {each for each in columns if not each.startswith("_sdc_")} == set(
            schema["properties"]
        )


def _assert_same_task(row: Row, task: Row) -> None:
    for name in ("taskType", "status", "contactId", "assignedUserId", "isFailed"):
        assert row[name] == task[name]
    for name in ("createdAt", "startAt", "dueTo", "finishedAt"):
        if task[name] is None:
            assert row[name] is None
        else:
            assert moment(row[name]) == moment(task[name]).replace(tzinfo=None)
    template = row["template"]
    read = json.loads(template) if isinstance(template, str) else template
    assert {name: value for name, value in read.items() if value is not None} == {
        name: value for name, value in task["template"].items() if value is not None
    }


def test_the_other_warehouses(meltano_home: Home) -> None:
    """What ``make meltano-demo`` runs brings every record's outcome into DuckDB; JSON Lines too."""
    folder = meltano_home.project / "output/demo"
    settings = environment() | {
        "MELTANO": str(meltano_home.meltano),
        "REPLY_TASKS": str(SCRIPTS / "reply-tasks"),
        "MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db",
        "TAP_REPLY_TASKS_LEDGER_URL": f"sqlite:///{folder}/ledger.db",
        "TARGET_JSONL_DESTINATION_PATH": str(folder / "jsonl"),
    }

    def run(*command: object) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            cwd=meltano_home.project,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = run("examples/meltano/demo")
    run(meltano_home.meltano, "run", "tap-reply-tasks", "target-jsonl")

    assert "8 applied, 1 unchanged, 2 rejected" in shown
    assert "9 unchanged, 2 rejected" in shown
    rows = {
        name: [
            json.loads(line) for line in (folder / f"jsonl/{name}.jsonl").read_text().splitlines()
        ]
        for name in ("task_details", "task_operations", "runs")
    }
    assert {name: len(each) for name, each in rows.items()} == {
        "task_details": 8,
        "task_operations": 10,  # what only repeats leaves no row
        "runs": 2,
    }
    lines = [line.split() for line in shown.splitlines()]
    for row in rows["task_operations"]:
        found = [line for line in lines if line[:2] == [str(row["sequence"]), row["externalId"]]]
        (line,) = found
        assert row["outcome"] in line
    details = shown.partition("(task_details)")[2].partition("(task_operations)")[0]
    for row in rows["task_details"]:
        assert row["template"]["body"] in details or row["operation"] == "execute"
    assert "  1        8          1           0         2          0      9          0" in shown
