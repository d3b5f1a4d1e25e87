"""``dbt build`` over what the real pipeline and real loaders left, on DuckDB and on PostgreSQL."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt_pipeline import Pipeline
from dbt_warehouses import PACKAGE, Dbt, DuckDb, Row, Warehouse
from programs import program, run

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.contract.outcomes import Outcome

pytestmark = pytest.mark.e2e

MARTS = (
    "reply_task_current",
    "reply_task_outcomes",
    "reply_sync_runs",
    "reply_task_sla",
    "reply_task_crosswalk",
    "reply_task_closings",
)
_KEYS = {
    "reply_task_outcomes": "operation_id",
    "reply_sync_runs": "run_id",
    "reply_task_crosswalk": "external_id",
    "reply_task_closings": "closing_key",
}


def rows(warehouse: Warehouse, model: str, key: str) -> dict[Any, Row]:
    """A mart's rows by key."""
    return {row[key]: row for row in warehouse.ask(f"select * from analytics.{model}")}


def moment(value: str | datetime | None) -> str | None:
    """An instant as a warehouse has it: UTC without a zone."""
    if value is None:
        return None
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read.astimezone(UTC).replace(tzinfo=None).isoformat()


def test_every_column_is_documented_and_every_documented_column_is_there(
    warehouse: Warehouse,
) -> None:
    """What the package says of its models is what ``dbt build`` made of them."""
    documents = [yaml.safe_load(path.read_text()) for path in PACKAGE.glob("models/*/_*.yml")]
    models = [model for document in documents for model in document.get("models", [])]
    documented = {
        (model["name"], column["name"]) for model in models for column in model["columns"]
    }
    found = warehouse.ask(
        "select table_name as model, column_name as name from information_schema.columns "
        "where table_schema = 'analytics' and table_name like '%reply%'"
    )
    assert {(row["model"], row["name"]) for row in found} == documented
    assert all(column["description"] for model in models for column in model["columns"])


def test_each_record_has_the_ledgers_outcome(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """``reply_task_outcomes`` has one row for each record, with the outcome that the ledger has."""
    found = rows(warehouse, "reply_task_outcomes", "operation_id")
    ledger = pipeline.operations()
    assert {each["outcome"] for each in ledger} == set(Outcome)
    assert len(found) == len(ledger)
    for each in ledger:
        row = found[each["operation_id"]]
        for name in ("sequence", "run_id", "task_id", "external_id", "outcome", "reason", "detail"):
            assert row[name] == each[name]
        assert (row["api_calls"], row["http_status"]) == (each["api_calls"], each["http_status"])
        assert row["received_at"] == moment(each["received_at"])
        assert row["settled_at"] == moment(each["settled_at"])
        assert row["problem_code"] == (each["problem"] or {}).get("code")
        took = each["settled_at"] - each["received_at"]
        assert row["seconds_to_settle"] == pytest.approx(took.total_seconds(), abs=1e-3)


def test_only_what_was_not_put_right_needs_attention(warehouse: Warehouse) -> None:
    """A record that was rejected and then applied needs nobody; one that still fails does."""
    asked = "select distinct external_id from analytics.reply_task_outcomes where needs_attention"
    assert {row["external_id"] for row in warehouse.ask(asked)} == {
        *("crm-7", "crm-404", "send-5", "send-8", "send-11", "life-4"),
    }


def test_each_task_is_as_reply_has_it(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """``reply_task_current`` equals the sandbox's tasks, whoever changed them last."""
    found = rows(warehouse, "reply_task_current", "task_id")
    assert found.keys() == pipeline.tasks.keys()
    for task_id, task in pipeline.tasks.items():
        row = found[task_id]
        assert row["status_name"] == TaskStatus(task["status"]).wire_name
        assert row["task_type_name"] == TaskType(task["taskType"]).wire_name
        assert row["assigned_user_id"] == task["assignedUserId"]
        assert row["contact_id"] == task["contactId"]
        assert row["is_failed"] == task["isFailed"]
        for name, member in (("due_to", "dueTo"), ("finished_at", "finishedAt")):
            assert row[name] == moment(task[member])
        assert row["template_body"] == task["template"]["body"]
        assert row["delivery_info_email"] == (task["deliveryInfo"] or {}).get("email")
        assert row["contact_full_name"] or row["is_deleted"]  # no list has it any more
    assert {task_id for task_id, row in found.items() if row["is_overdue"]} == {2, 12}
    assert found[8]["has_uncertain_execution"]
    assert (found[12]["operations"], found[12]["last_outcome"]) == (0, None)
    assert found[9]["template_body"] == 'Second "thought", with\na line more.'


def test_each_run_is_as_the_ledger_has_it(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """``reply_sync_runs`` has the ledger's counts, calls and verdict of each run."""
    found = rows(warehouse, "reply_sync_runs", "run_id")
    ledger = pipeline.runs()
    assert len(found) == len(ledger)
    statuses = ["succeeded", "succeeded", "rejected", "stopped", "succeeded"]
    for each, status in zip(ledger, statuses, strict=True):
        row = found[each["run_id"]]
        assert row["status"] == status
        for name in ("exit_code", "crashed", "api_calls", *map(str, Outcome)):
            assert row[name] == each[name]
        settled = [op for op in pipeline.operations() if op["run_id"] == each["run_id"]]
        kinds = ("updates", "executions", "creations", "completions", "assignments", "deletions")
        assert row["records"] == sum(row[kind] for kind in kinds) == len(settled)
        assert row["creations"] == sum(op["operation"] == "create" for op in settled)
        assert row["failed"] == each["rejected"] + each["uncertain"]
        assert row["uncertain_now"] == each["uncertain"]
        reasons = Counter(op["reason"] for op in settled if op["reason"])
        best = min(reasons, key=lambda reason: (-reasons[reason], reason), default=None)
        assert row["most_frequent_reason"] == best


def test_what_is_late_and_how_long_a_change_took(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """``reply_task_sla`` tells what was done in time, and counts from the CRM's own change."""
    found = rows(warehouse, "reply_task_sla", "task_id")
    assert {task_id: row["sla_status"] for task_id, row in found.items()} == {
        **dict.fromkeys((1, 3, 6, 7), "finished_in_time"),
        **dict.fromkeys((8, 9, 10, 11), "open"),
        **dict.fromkeys((2, 12), "overdue"),
        4: "finished_late",
        5: "failed",
        pipeline.made("life-1"): "open",
        pipeline.made("life-2"): "finished_in_time",
        pipeline.made("life-5"): "finished_in_time",
        pipeline.made("life-3"): "closed",
    }
    day = 24 * 60 * 60
    assert found[4]["seconds_late"] == pytest.approx(day, abs=300)
    assert found[12]["seconds_late"] == pytest.approx(day, abs=3600)
    applied = [row for row in found.values() if row["last_applied_at"]]
    made = {pipeline.made(f"life-{number}") for number in (1, 2, 3, 5)}
    assert {row["task_id"] for row in applied} == {1, 2, 3, 4, 6, 9, 10} | made
    for row in applied:
        waited = datetime.fromisoformat(row["last_applied_at"]).replace(tzinfo=UTC)
        since = (waited - pipeline.started_at).total_seconds() + 90
        assert row["seconds_from_crm_change"] == pytest.approx(since, abs=1)
        assert 0 < row["seconds_to_reply"] <= row["slowest_seconds_to_reply"] + 1e-3
    assert found[5]["records_waiting"] == 1
    assert found[10]["waiting_since"] is None


def test_both_warehouses_say_the_same(built: Callable[[str], Warehouse]) -> None:
    """Loaders that disagree on case and types leave marts that agree in every value."""
    volatile = {"told_at", "seconds_late", "told_by"}  # of loads and builds at different times
    for model in MARTS:
        name = _KEYS.get(model, "task_id")
        one, other = (rows(built(kind), model, name) for kind in ("duckdb", "postgres"))
        assert one.keys() == other.keys()
        for each, row in one.items():
            for column in row.keys() - volatile:
                expected, value = row[column], other[each][column]
                if isinstance(expected, float):
                    assert value == pytest.approx(expected, abs=1e-3)
                else:
                    assert (model, column, value) == (model, column, expected)


def test_without_the_api_streams_a_task_is_as_it_was_applied(
    built: Callable[[str], Warehouse], pipeline: Pipeline, dbt: Dbt
) -> None:
    """By default no call is made: state is what Reply returned, and what reps did since lacks."""
    warehouse = built("postgres")
    words = ("--select", "package:reply_tasks")
    dbt.build(warehouse, warehouse.folder / "plain", {}, *words, schema="plain")
    found = warehouse.ask("select * from plain.reply_task_current")
    assert all(
        row["assigned_user_id"] in {2, None}
        for row in found
        if row["task_id"] in {2, 10, pipeline.made("life-1")}
    )
    assert {row["task_id"]: row["status_name"] for row in found} == {
        **dict.fromkeys((1, 2, 9, 10), "new"),
        **dict.fromkeys((3, 4, 6), "finished"),
        pipeline.made("life-1"): "new",
        pipeline.made("life-2"): "finished",
        pipeline.made("life-5"): "finished",
        pipeline.made("life-3"): "cancelled",
    }
    assert {row["told_by"] for row in found} == {"task_details"}


def test_files_that_only_grow_are_read_too(
    make_warehouse: Callable[[str], Warehouse], pipeline: Pipeline, dbt: Dbt, cache: Path
) -> None:
    """Over target-jsonl's files, DuckDB gives one row of each key: the latest."""
    warehouse = make_warehouse("duckdb")
    assert isinstance(warehouse, DuckDb)
    for number, emitted in enumerate(pipeline.emitted):
        files = warehouse.folder / f"run-{number}"
        files.mkdir()
        config = files / "config.json"
        config.write_text(json.dumps({"destination_path": str(files)}))
        run(program(cache, "target-jsonl") / "target-jsonl", "-c", config, source=emitted)
    views = [
        f"create view reply.{stream} as select * from read_json_auto("
        f"'{warehouse.folder}/run-*/{stream}-*.jsonl', union_by_name = true)"
        for stream in ("task_details", "task_operations", "task_links", "runs")
    ]
    warehouse.change("create schema reply", *views)
    landed = warehouse.ask("select count(*) as lines from reply.task_details")
    words = ("--select", "package:reply_tasks")
    dbt.build(warehouse, warehouse.folder / "files", {}, *words)
    found = rows(warehouse, "reply_task_outcomes", "operation_id")
    assert found.keys() == {each["operation_id"] for each in pipeline.operations()}
    tasks = rows(warehouse, "reply_task_current", "task_id")
    assert landed[0]["lines"] > len(tasks) - 1
    assert tasks[9]["template_body"] == 'Second "thought", with\na line more.'
    assert tasks[2]["due_to"] == moment(pipeline.tasks[2]["dueTo"])


def test_a_model_of_ones_own_stands_on_the_package(warehouse: Warehouse) -> None:
    """The README's model, in the user's project, finds the tasks that wait for somebody."""
    found = warehouse.ask("select assigned_user_id, tasks from analytics.tasks_waiting")
    assert {row["assigned_user_id"]: row["tasks"] for row in found} == {1: 3, 2: 1}


def test_a_pipeline_that_stands_still_is_stale(warehouse: Warehouse, dbt: Dbt) -> None:
    """``dbt source freshness`` passes after a run, and fails when the last one is too long ago."""
    fresh = dbt.freshness(warehouse, {})
    assert "PASS freshness of reply_tasks.runs" in fresh
    said = dbt.freshness(warehouse, {"reply_tasks_error_after_hours": 0}, expected=1)
    assert "ERROR STALE freshness of reply_tasks.runs" in said


def test_a_column_that_the_tap_renames_stops_the_build_by_its_name(
    make_warehouse: Callable[[str], Warehouse], pipeline: Pipeline, dbt: Dbt
) -> None:
    """A package that does not fit the tap says which column is missing, and stops."""
    warehouse = make_warehouse("duckdb")
    renamed = warehouse.folder / "renamed.jsonl"
    renamed.write_text(pipeline.emitted[0].read_text().replace('"apiCalls"', '"callCount"'))
    warehouse.load(renamed)
    words = ("--select", "+reply_sync_runs")
    said = dbt.build(warehouse, warehouse.folder / "renamed", {}, *words, expected=1)
    assert "has no column for apiCalls" in said
    assert "callcount" in said
