"""The recipes: each block does, over what the published tap emits, what its page says."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from recipe_runs import (
    LIVES,
    OTHER_STREAM,
    RECIPES,
    columns,
    fill,
    map_records,
    names_in,
    plain,
    record,
    renamed,
    run_target,
    samples_messages,
    without_fraction,
)
from recipe_world import (
    SAMPLES,
    Recipe,
    connection,
    happened,
    listen,
    sandbox,
    texts_that_reached_people,
    written_recipes,
)
from singer_sdk.exceptions import StreamMapConfigError

from reply_tasks.sandbox import SandboxServer

SALESFORCE, PIPEDRIVE, VIEW = RECIPES[0], RECIPES[3], RECIPES[-1]


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A sandbox with the samples' tasks."""
    with sandbox() as running:
        yield running


def test_every_recipe_is_tested() -> None:
    """A block that a document offers as the target's settings is run here, and no other."""
    every = [*RECIPES, *LIVES]
    assert {(recipe.document, recipe.heading) for recipe in every} == written_recipes()
    for sample in {recipe.sample for recipe in every}:
        expected = json.loads((SAMPLES / sample / "expected.json").read_text())
        assert set(expected) == {each.heading for each in every if each.sample == sample}


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_recipe_does_what_it_says(
    recipe: Recipe, server: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bodies on the wire and outcomes in the ledger are the expected ones; again costs no call.

    No text that leaves is blank or holds a placeholder, and no template has a variable that Reply
    would not know, however strict it is.

    Other streams of the tap don't stop it, and no column is left over for a warning. A sheet in the
    contract's own words has neither map nor filter, so it is excepted.
    """
    config = {**connection(server, tmp_path), **recipe.settings}
    mapped = "stream_maps" in config
    assert listen(config, [*([OTHER_STREAM] if mapped else []), *recipe.messages]) == 0
    assert happened(server, config["ledger_url"]) == recipe.expected
    assert ("are dropped" in caplog.text) == (not mapped)
    for text in texts_that_reached_people(server):
        assert text.strip()
        assert "{{" not in text
    calls = len(server.calls)
    listen(config, recipe.messages)
    assert len(server.calls) == calls


def test_a_recipe_runs_through_the_console_script(server: SandboxServer, tmp_path: Path) -> None:
    """The block as JSON in a file, the sample on standard input, the last STATE on the output."""
    config = {**connection(server, tmp_path), **SALESFORCE.settings}
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = run_target(tmp_path, (SAMPLES / "salesforce" / "sample.singer").read_text())
    assert done.returncode == 0, done.stderr
    assert happened(server, config["ledger_url"]) == SALESFORCE.expected
    assert json.loads(done.stdout.splitlines()[-1]) == SALESFORCE.messages[-1]["value"]


@pytest.mark.parametrize(
    "recipe", [each for each in [*RECIPES, *LIVES] if "stream_maps" in each.settings], ids=str
)
def test_a_recipe_breaks_with_each_of_its_columns(recipe: Recipe) -> None:
    """If the tap renamed any column that a recipe names, other records would come out."""
    records = [each for each in recipe.messages if each["type"] == "RECORD"]
    there = {column for each in records for column in columns(each["record"])}
    named = names_in(recipe.settings["stream_maps"]) & there
    assert named or recipe is VIEW
    mapped = map_records(recipe)
    for column in sorted(named):
        assert map_records(recipe, without=column) != mapped, column


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("task_id", "not_linked"),
        ("due_to", "invalid_record"),
        ("template", "invalid_record"),
    ],
)
def test_a_view_without_a_column_is_refused(
    column: str, reason: str, server: SandboxServer, tmp_path: Path
) -> None:
    """A view's column under another name is a rejection of its rows, not a task half written."""
    config = {**connection(server, tmp_path), **VIEW.settings}
    listen(config, [renamed(each, column) for each in VIEW.messages])
    found = happened(server, config["ledger_url"])
    updates = [outcome for outcome in found["outcomes"] if outcome[1] == "update"]
    assert [outcome[3] for outcome in updates] == [reason] * 3
    assert not [call for call in found["calls"] if call[1] == "PUT"]


def test_the_views_make_what_the_sample_holds(postgres_url: str) -> None:
    """PostgreSQL takes the document's SQL, and its rows are those that the tap emitted."""
    fill(postgres_url)
    with psycopg.connect(plain(postgres_url), options="-c TimeZone=UTC") as session:
        for view in ("reply_task_updates", "reply_task_executions"):
            rows = session.execute(
                f"SELECT to_jsonb(v) FROM crm.{view} AS v ORDER BY updated_at".encode()
            ).fetchall()
            emitted = [
                {name: without_fraction(value) for name, value in each["record"].items()}
                for each in VIEW.messages
                if each["type"] == "RECORD" and each["stream"] == f"crm-{view}"
            ]
            assert [row for (row,) in rows] == emitted


#: A member of a map, its expression, and what becomes of the record.
TRAPS: list[tuple[str, str, str, str | None]] = [
    ("contactId", "Reply_Contact_Id__c", "applied", None),
    ("contactId", "str(Reply_Contact_Id__c)", "applied", None),
    ("contactId", "'1007.5'", "rejected", "invalid_record"),
    ("contactId", "str(None)", "applied", None),
    ("linkedInTaskType", "str(None)", "applied", None),
    ("externalId", "str(None)", "applied", None),
    ("dueTo", "ReminderDateTime", "applied", None),
    ("dueTo", "Reply_Due__c", "rejected", "map_failed"),
    ("dueTo", "record.get('Reply_Due__c')", "applied", None),
    ("dueTo", "CallType + 'T09:00'", "rejected", "map_failed"),
    ("dueTo", "'10/03/2026'", "rejected", "invalid_record"),
    ("taskType", "'manual'", "rejected", "invalid_record"),
]


def test_traps_end_as_the_page_says(server: SandboxServer, tmp_path: Path) -> None:
    """What the table of traps says of an expression is so, and the run goes on to its end."""
    tasks = [101, 102, 103, 104, 105, 106, 201, 202, 203, 204, 205, 301]
    mapped = {
        f"trap_{task}": {
            "__source__": "Task",
            "__filter__": "Reply_Task_Id__c == 101",
            "__key_properties__": ["id"],
            "__else__": "__NULL__",
            "id": str(task),
            "template__body": "Subject",
            "externalId": f"'{task}'",
            member: expression,
        }
        for task, (member, expression, _, _) in zip(tasks, TRAPS, strict=True)
    }
    config = {
        **connection(server, tmp_path),
        "update_mode": "merge",
        "default_operation": "update",
        "stream_maps": {**mapped, "__else__": "__NULL__"},
    }
    assert listen(config, SALESFORCE.messages) == 0
    with_id = [row for row in happened(server, config["ledger_url"])["outcomes"] if row[0]]
    found = {row[0]: (row[2], row[3]) for row in with_id}
    for task, (_, expression, *ends) in zip(tasks, TRAPS, strict=True):
        assert found.get(task, ("rejected", "map_failed")) == tuple(ends), expression
    assert len(found) == len([trap for trap in TRAPS if trap[3] != "map_failed"])


def test_text_is_taken_as_it_is(server: SandboxServer, tmp_path: Path) -> None:
    """A body that an expression made of None says "None": the page warns of it."""
    mapped = {"__alias__": "task_executions", "__filter__": "Reply_Task_Id__c == 101"}
    mapped |= {"id": "101", "content__subject": "Subject", "content__body": "str(WhatId)"}
    config = {**connection(server, tmp_path), "stream_maps": {"Task": mapped}}
    listen(config, SALESFORCE.messages)
    assert [sent.body for sent in server.outbox] == ["None"]


def test_an_unmapped_id_is_the_crm_s(server: SandboxServer, tmp_path: Path) -> None:
    """Without a line for ``id`` the CRM's is read as Reply's, which ``__else__`` makes an error."""
    mapped = {"__alias__": "task_executions", "__filter__": "id == 1"}
    config = {**connection(server, tmp_path), "stream_maps": {"activities": mapped}}
    listen(config, PIPEDRIVE.messages)
    assert happened(server, config["ledger_url"])["outcomes"] == [
        [1, "execute", "rejected", "task_not_found", None]
    ]
    config["stream_maps"]["activities"]["__else__"] = "__NULL__"
    with pytest.raises(StreamMapConfigError, match="Property 'id' was not detected"):
        listen(config, PIPEDRIVE.messages)


@pytest.mark.parametrize("removed", [{"__else__": "__NULL__"}, {"Task": "__NULL__"}])
def test_a_removed_stream_needs_no_operation(
    removed: dict[str, str], server: SandboxServer, tmp_path: Path
) -> None:
    """A stream that the maps remove does not stop the run; one that they pass over does."""
    config = connection(server, tmp_path)
    assert listen({**config, "stream_maps": removed}, SALESFORCE.messages) == 0
    assert listen(config, SALESFORCE.messages) == 1
    assert not server.calls


@pytest.mark.parametrize("sample", sorted({recipe.sample for recipe in [*RECIPES, *LIVES]}))
def test_a_sample_says_where_it_comes_from(sample: str) -> None:
    """Beside each sample stand the package and the version that emitted it."""
    recording = json.loads((SAMPLES / sample / "recording.json").read_text())
    note = (SAMPLES / sample / "README.md").read_text()
    assert f"{recording['package']}=={recording['version']}" in note


@pytest.mark.e2e
@pytest.mark.parametrize("sample", ["salesforce", "hubspot", "pipedrive", "outreach", "csv"])
def test_a_sample_is_what_the_published_tap_emits(sample: str, program_cache: Path) -> None:
    """The published tap, given the recording's answers, emits the sample message by message."""
    assert record(sample, program_cache, {}) == samples_messages(sample)
    another = {"csv": "csv-contract", "salesforce": "salesforce-life", "hubspot": "hubspot-life"}
    if sample in another:
        found = record(another[sample], program_cache, {})
        assert found == samples_messages(another[sample])


@pytest.mark.e2e
def test_the_published_tap_reads_the_views_into_the_target(
    postgres_url: str, server: SandboxServer, program_cache: Path, tmp_path: Path
) -> None:
    """PostgreSQL, tap-postgres and the console script together do what the page says."""
    fill(postgres_url)
    url = plain(postgres_url).replace("postgres@", "postgres:any@")
    messages = record("sql-view", program_cache, {"POSTGRES_URL": url})
    assert messages == VIEW.messages
    config = {**connection(server, tmp_path), **VIEW.settings}
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = run_target(tmp_path, "".join(json.dumps(each) + "\n" for each in messages))
    assert done.returncode == 0, done.stderr
    assert happened(server, config["ledger_url"]) == VIEW.expected
