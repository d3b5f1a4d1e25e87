"""A CRM without a single id of Reply's: its tasks' lives in four Meltano runs, by its own key."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from meltano_home import ROOT
from meltano_world import WAREHOUSE, WRITE_BACK, Project, fates

pytestmark = pytest.mark.e2e

LIVES = (ROOT / "examples/crm/lives.sql").read_text()
ROWS = """
    INSERT INTO salesforce."user" (id, email, system_modstamp) VALUES
        ('005-1', 'user1@example.com', '2027-01-01'),
        ('005-2', 'user2@example.com', '2027-01-01');
    INSERT INTO salesforce.contact (id, email, system_modstamp) VALUES
        ('003-1', 'ada@lovelace.example', '2027-01-01');
    INSERT INTO salesforce.task (
        id, subject, description, task_subtype, who_id,
        activity_date, status, owner_id, system_modstamp
    )
    SELECT row.*, date '2027-03-01', 'Open', '005-1', timestamptz '2027-01-02' FROM (VALUES
        ('00T-1', 'Renewal', 'Ask about the renewal.', 'Call', '003-1'),
        ('00T-2', 'The offer', 'Here it is.', 'Email', '003-1'),
        ('00T-3', 'Prepare', NULL, 'Task', NULL)
    ) AS row
"""
CHANGE = "UPDATE salesforce.task SET system_modstamp = '2027-02-0{}', {} WHERE id = '{}'"
CHANGED = CHANGE.format(1, "description = 'Ask Ada.', owner_id = '005-2'", "00T-1")
CLOSED = CHANGE.format(2, "status = 'Completed'", "00T-2")
DELETED = CHANGE.format(3, "is_deleted = true", "00T-3")
#: What the warehouse knows of each of the CRM's keys, from what the tap emitted alone.
STANDING = """
    SELECT
        links."externalId" AS key, links.source, links.ambiguous, details."statusName" AS status,
        details."assignedUserId" AS owner, details.template::json ->> 'body' AS body,
        EXISTS (
            SELECT FROM reply.task_operations AS operations
            WHERE operations."taskId" = links."taskId" AND operations.operation = 'delete'
                AND operations.outcome = 'applied'
        ) AS gone
    FROM reply.task_links AS links
    JOIN reply.task_details AS details ON details.id = links."taskId"
    ORDER BY links."externalId"
"""


@pytest.mark.parametrize("make_project", ["sqlite"], indirect=True)
def test_four_runs_follow_a_life_by_the_crm_s_key(make_project: Callable[..., Project]) -> None:
    """Made, changed and handed on, closed, deleted: Reply follows, and the warehouse shows each."""
    project = make_project(tasks=0, users=2)
    project.settings["TARGET_REPLY_TASKS_CREATE_MISSING"] = "true"
    project.sandbox.control("contacts", "POST", [{"email": "ada@lovelace.example"}])
    project.crm.run("DROP SCHEMA to_reply CASCADE", LIVES, ROWS)

    assert _run(project) == {"create": 3, "assign": 3}
    assert _standing(project) == {
        "00T-1": ("new", 1, "Ask about the renewal.", False),
        "00T-2": ("new", 1, "Here it is.", False),
        "00T-3": ("new", 1, "Prepare", False),
    }

    project.crm.run(CHANGED)
    assert _run(project) == {"update": 1, "assign": 1}
    assert _standing(project)["00T-1"] == ("new", 2, "Ask Ada.", False)

    project.crm.run(CLOSED)
    assert _run(project) == {"complete": 1}
    assert _standing(project)["00T-2"][0] == "finished"

    project.crm.run(DELETED)
    assert _run(project) == {"delete": 1}
    assert {key: row[3] for key, row in _standing(project).items()} == {
        "00T-1": False,
        "00T-2": False,
        "00T-3": True,
    }

    assert {outcome for row in fates(project.operations()).values() for outcome in row} == {
        ("applied", None)
    }
    tasks = [project.sandbox.task(task_id) for task_id in (1, 2, 3)]
    assert sorted(task["status"] for task in tasks) == [0, 1, 3]
    assert project.sandbox.sent() == []
    (links,) = project.warehouse.rows("SELECT count(*) AS number FROM reply.task_links")
    assert links["number"] == 3


def _run(project: Project) -> Counter[str]:
    """Round the whole circle; how many records of each operation the warehouse has of this run."""
    project.meltano("run", *WRITE_BACK, *WAREHOUSE)
    rows = project.warehouse.rows(
        "SELECT operation, outcome FROM reply.task_operations"
        ' JOIN (SELECT "runId" AS last FROM reply.runs ORDER BY sequence DESC LIMIT 1) AS run'
        ' ON last = "runId"'
    )
    assert {row["outcome"] for row in rows} == {"applied"}
    return Counter(row["operation"] for row in rows)


def _standing(project: Project) -> dict[str, tuple[Any, ...]]:
    rows = project.warehouse.rows(STANDING)
    assert {(row["source"], row["ambiguous"]) for row in rows} == {("created", False)}
    return {row["key"]: tuple(row[name] for name in _TOLD) for row in rows}


_TOLD = ("status", "owner", "body", "gone")
