"""The queries of ``docs/warehouse.md`` run as they are printed, and answer what they say."""

import re
from pathlib import Path
from typing import Any

import pytest
from dbt_pipeline import Pipeline
from dbt_warehouses import ROOT, Row, Warehouse

pytestmark = pytest.mark.e2e

QUERIES = dict(
    re.findall(
        r"^### ([^\n]*\?)\n.*?^```sql\n(.*?)^```",
        (Path(ROOT) / "docs/warehouse.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
)


def ask(warehouse: Warehouse, question: str) -> list[Row]:
    """The rows of one of the page's queries, by the heading's first words."""
    (query,) = [each for heading, each in QUERIES.items() if heading.startswith(question)]
    return warehouse.ask(query)


def column(found: list[Row], name: str) -> list[Any]:
    return [row[name] for row in found]


def test_what_failed_and_why(warehouse: Warehouse) -> None:
    """Failures are grouped by reason, most frequent first."""
    found = ask(warehouse, "What failed")
    counts = {(row["why"], row["operation"]): (row["records"], row["tasks"]) for row in found}
    assert counts == {
        ("task_not_found", "update"): (3, 1),
        ("task_not_new", "complete"): (1, 1),
        ("not_linked", "complete"): (1, 0),
        ("invalid_record", "update"): (2, 1),
        ("task_not_new", "update"): (2, 1),
        ("uncertain", "execute"): (2, 1),
        ("already_executed", "execute"): (1, 1),
        ("execution_failed", "execute"): (1, 1),
    }
    assert found[0]["why"] == "task_not_found"
    assert "not found" in found[0]["for_example"]


def test_how_each_record_stands(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """Each of the CRM's keys is there once, with what came of it last."""
    found = {
        (row["external_id"], row["operation"]): row
        for row in ask(warehouse, "How does each record")
    }
    last = {(op["external_id"], op["operation"]): op for op in pipeline.operations()}
    assert {key: row["outcome"] for key, row in found.items()} == {
        key: op["outcome"] for key, op in last.items()
    }
    assert found["crm-bad", "update"]["outcome"] == "applied"


def test_which_task_a_key_stands_for(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """Each link is there with its task, and one whose task a record has deleted says so."""
    found = {row["external_id"]: row for row in ask(warehouse, "Which task does")}
    made = {key: pipeline.made(key) for key in ("life-1", "life-2", "life-3")}
    assert {key: found[key]["task_id"] for key in made} == made
    assert [key for key, row in found.items() if row["is_deleted"]] == ["life-3"]
    assert [key for key, row in found.items() if row["is_ambiguous"]] == ["twice"]
    assert "life-4" not in found


def test_when_each_side_closed_a_task(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """One row a task, with the time that Reply was behind the CRM, and when it was deleted."""
    found = {row["task_id"]: row for row in ask(warehouse, "When did the CRM")}
    completed, gone, other = (pipeline.made(f"life-{number}") for number in (2, 3, 5))
    assert found.keys() == {7, completed, gone, other}
    assert all(abs(found[task_id]["seconds_behind"]) < 60 for task_id in (completed, other))
    assert found[completed]["external_id"] == "life-2"
    assert found[gone]["deleted_at"] is not None
    assert found[gone]["reply_closed_at"] is None
    assert found[7]["reply_closed_at"] is None


def test_how_long_a_change_takes(warehouse: Warehouse) -> None:
    """Time counts from the last change before the record was read, not from an earlier one."""
    found = {row["operation"]: row for row in ask(warehouse, "How long")}
    assert {name: row["records"] for name, row in found.items()} == {
        "execute": 3,
        "update": 4,
        "create": 4,
        "assign": 3,
        "complete": 2,
        "delete": 1,
    }
    for row in found.values():
        assert 90 <= row["median_seconds"] <= row["p95_seconds"] < 300
        assert 0 < row["slowest_within_the_target"] < 60


def test_executions_by_rep(warehouse: Warehouse) -> None:
    """Each rep has the executions that were tried, and how they ended."""
    found = ask(warehouse, "How often")
    names = ("rep", "executions", "sent", "failed_in_reply", "rejected", "uncertain")
    assert [tuple(row[name] for name in names) for row in found] == [
        (1, 2, 1, 1, 1, 0),
        (2, 3, 2, 0, 0, 1),
    ]
    assert column(found, "percent_sent") == [50.0, 66.7]


def test_overdue_tasks(warehouse: Warehouse) -> None:
    """What Reply lists as new past its due date, whether the pipeline touched it or not."""
    found = ask(warehouse, "Which tasks are overdue")
    assert column(found, "task_id") == [2, 12]
    assert column(found, "rep") == [2, 2]
    assert all(1 <= each < 2 for each in column(found, "days_late"))


def test_overdue_tasks_as_far_as_the_ledger_knows(warehouse: Warehouse) -> None:
    """The same query over ``task_details`` knows the tasks to which a record was applied."""
    (query,) = [each for heading, each in QUERIES.items() if heading.startswith("Which tasks")]
    found = warehouse.ask(query.replace("reply.tasks", "reply.task_details"))
    assert column(found, "task_id") == [2]


def test_what_each_run_spent(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """Calls of updates and executions add up to the run's, save those of a run that stopped."""
    found = ask(warehouse, "What did each run")
    assert column(found, "run_id") == [each["run_id"] for each in pipeline.runs()]
    assert column(found, "calls") == [each["api_calls"] for each in pipeline.runs()]
    assert column(found, "records") == [13, 14, 1, 0, 12]
    for row in [*found[:3], found[4]]:
        kinds = ("updates", "executions", "the_rest")
        assert row["calls"] == sum(row[f"calls_for_{kind}"] for kind in kinds)


def test_which_executions_are_uncertain(warehouse: Warehouse) -> None:
    """An uncertain execution is named with what to do about it."""
    found = ask(warehouse, "Which executions")
    assert set(column(found, "task_id")) == {8}
    assert all("reply-tasks resolve" in each for each in column(found, "detail"))


def test_every_query_of_the_page_is_tested() -> None:
    """A query that is added to the page needs a test here."""
    tested = {"What failed", "How does each", "How long", "How often", "Which tasks"}
    tested |= {"What did each", "Which executions", "Which task does", "When did the CRM"}
    page = (Path(ROOT) / "docs/warehouse.md").read_text()
    assert page.count("```sql\n") == len(QUERIES) == len(tested)
    assert all(any(each.startswith(start) for start in tested) for each in QUERIES)
