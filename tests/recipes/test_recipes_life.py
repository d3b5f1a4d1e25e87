"""The recipes of a whole life: what four days of a CRM make of Reply's tasks, by its key alone."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from recipe_runs import LIVES
from recipe_world import SAMPLES, STRICTEST, Recipe, connection, listen

from reply_tasks.ledger import Ledger
from reply_tasks.ledger.links import links_of
from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer, User
from reply_tasks.sandbox.assumptions import read_assumptions

ADA = 1001


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A Reply without a task, with a contact and two users."""
    users = [User(1, "owner@example.com"), User(2, "second@example.com")]
    strict = read_assumptions(STRICTEST)
    with SandboxServer(keys={DEFAULT_API_KEY: users}, assumed=strict) as running:
        running.create_contact(ADA, email="ada@example.com", first_name="Ada")
        yield running


@pytest.mark.parametrize("recipe", LIVES, ids=str)
def test_a_life_is_followed_day_by_day(
    recipe: Recipe, server: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Created, changed, closed and deleted in four runs; what comes again costs no call."""
    config = {**connection(server, tmp_path), **recipe.settings}
    days = _days(recipe)
    assert len(days) == 4
    told = []
    for messages in days:
        before = len(_outcomes(config["ledger_url"]))
        assert listen(config, messages) == 0
        told.append(sorted(_outcomes(config["ledger_url"])[before:]))
    assert told == recipe.expected["days"]
    assert _tasks(server, config["ledger_url"]) == recipe.expected["tasks"]
    assert server.outbox == []
    assert "are dropped" not in caplog.text
    calls = len(server.calls)
    listen(config, days[-1])
    assert len(server.calls) == calls


@pytest.mark.parametrize("recipe", LIVES, ids=str)
def test_an_owner_that_did_not_change_costs_no_call(
    recipe: Recipe, server: SandboxServer, tmp_path: Path
) -> None:
    """Each row is an assignment too; one that says what the last did is unchanged."""
    config = {**connection(server, tmp_path), **recipe.settings}
    first, *_ = _days(recipe)
    listen(config, first)
    assigned = [call for call in server.calls if "assigned-user" in call.path]
    listen(config, first)
    assert [call for call in server.calls if "assigned-user" in call.path] == assigned
    assert len(assigned) == 2


@pytest.mark.parametrize("sample", [recipe.sample for recipe in LIVES])
def test_the_note_beside_a_sample_tells_of_the_days(sample: str) -> None:
    """Nobody takes several rows of one task for what a single run of the tap would bring."""
    assert "a run each day" in (SAMPLES / sample / "README.md").read_text()


def _days(recipe: Recipe) -> list[list[dict[str, Any]]]:
    """What a run of the tap on each day would emit."""
    heads = [each for each in recipe.messages if each["type"] == "SCHEMA"]
    records = [each for each in recipe.messages if each["type"] == "RECORD"]
    return [[*heads, *day] for _, day in groupby(records, key=_day)]


def _day(message: dict[str, Any]) -> str:
    row = message["record"]
    return str(row.get("SystemModstamp") or row.get("hs_lastmodifieddate"))[:10]


def _outcomes(ledger_url: str) -> list[list[Any]]:
    with Ledger.open(ledger_url) as ledger, ledger.read() as reading:
        names = ("external_id", "operation", "outcome", "reason")
        return [[row[name] or "" for name in names] for row in settled_operations(reading, after=0)]


def _tasks(server: SandboxServer, ledger_url: str) -> dict[str, Any]:
    """Each of the CRM's keys with its task, as Reply has it."""
    keys = {row[0] for row in _outcomes(ledger_url)}
    with Ledger.open(ledger_url) as ledger, ledger.read() as reading:
        links = links_of(reading, keys)
    found = {}
    for key, link in links.items():
        task = server.task(link.task_id)
        found[key] = {
            "taskType": task.task_type.wire_name,
            "status": task.status.wire_name,
            "contactId": task.contact_id,
            "assignedUserId": task.assigned_user_id,
            "dueTo": f"{task.due_to:%Y-%m-%dT%H:%M}",
            "body": task.template.body,
        }
    assert {task.id for task in server.store.visible()} == {each.task_id for each in links.values()}
    return found
