"""What the dbt package says of tasks that the CRM made, closed and deleted by its own keys."""

from datetime import UTC, datetime
from typing import Any

import pytest
from dbt_pipeline import Pipeline
from dbt_warehouses import Row, Warehouse

pytestmark = pytest.mark.e2e


def rows(warehouse: Warehouse, model: str, key: str) -> dict[Any, Row]:
    """A model's rows by key."""
    return {row[key]: row for row in warehouse.ask(f"select * from analytics.{model}")}


def test_each_key_has_its_task(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """The cross-walk has every key once, with its task, where it comes from and what came last."""
    found = rows(warehouse, "reply_task_crosswalk", "external_id")
    assert found.keys() == {each["external_id"] for each in pipeline.operations()}
    names = ("task_id", "source", "last_operation", "last_outcome", "status_name", "is_deleted")
    told = {key: tuple(row[name] for name in names) for key, row in found.items()}
    made = {key: pipeline.made(key) for key in ("life-1", "life-2", "life-3")}
    expected = {
        "life-1": (made["life-1"], "created", "assign", "applied", "new", False),
        "life-2": (made["life-2"], "created", "complete", "applied", "finished", False),
        "life-3": (made["life-3"], "created", "delete", "applied", "cancelled", True),
        "life-4": (None, None, "complete", "rejected", None, False),
        "crm-1": (1, "record", "update", "unchanged", "finished", False),
        "crm-404": (None, None, "update", "rejected", None, False),
    }
    assert {key: told[key] for key in expected} == expected
    assert {key for key, row in found.items() if row["is_linked"]} == {
        *("crm-1", "crm-2", "crm-9", "crm-bad", "life-1", "life-2", "life-3", "life-5"),
        *("send-3", "send-4", "send-6"),
    }


def test_a_key_of_two_tasks_is_ambiguous(warehouse: Warehouse) -> None:
    """A key that records disagree on stands for no task, and is said to."""
    found = rows(warehouse, "reply_task_crosswalk", "external_id")
    assert [key for key, row in found.items() if row["is_ambiguous"]] == ["twice"]
    twice = found["twice"]
    assert (twice["is_linked"], twice["status_name"], twice["task_id"]) == (False, None, 2)


def test_closing_times(warehouse: Warehouse, pipeline: Pipeline) -> None:
    """Each task that is closed says who closed it, and how long Reply was behind the CRM."""
    found = rows(warehouse, "reply_task_closings", "closing_key")
    made = {key: f"task {pipeline.made(key)}" for key in ("life-2", "life-3", "life-5")}
    assert {key: row["closed_by"] for key, row in found.items()} == {
        made["life-2"]: "completion",
        made["life-5"]: "completion",
        made["life-3"]: "deletion",
        "key life-4": "nothing",
        "task 1": "reply",
        "task 7": "reply",
        **{f"task {task_id}": "execution" for task_id in (3, 4, 6)},
        **{f"task {task_id}": "nothing" for task_id in (8, 11)},
        "task 5": "reply",
    }
    completed, gone = found[made["life-2"]], found[made["life-3"]]
    assert completed["external_id"] == "life-2"
    assert _moment(completed["reply_closed_at"]) >= pipeline.started_at
    assert abs(completed["seconds_to_close"]) < 60
    assert (gone["deletion_outcome"], gone["status_name"]) == ("applied", "cancelled")
    assert 0 < gone["seconds_to_delete"] < 60
    assert gone["crm_closed_at"] is None
    late = found["task 7"]
    assert (late["completion_outcome"], late["completion_reason"]) == ("rejected", "task_not_new")
    assert late["seconds_to_close"] < -80_000


def test_users_and_mailboxes_are_staged(warehouse: Warehouse) -> None:
    """What an assigned_user_id stands for can be joined to it."""
    users = rows(warehouse, "stg_reply_tasks__users", "user_id")
    assert {key: row["user_email"] for key, row in users.items()} == {
        1: "ada@example.com",
        2: "grace@example.com",
    }
    mailboxes = rows(warehouse, "stg_reply_tasks__email_accounts", "email_account_id")
    assert {key: row["owner_user_id"] for key, row in mailboxes.items()} == {1: 1, 2: 1, 3: 2}


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
