"""Settings and the command line: what is offered, what is refused, and that no secret is shown."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from console_script import run_script
from tap_ledger import LedgerWriter, applied, sqlite_url
from tap_world import KEY, run

from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer
from reply_tasks.settings import BUILTIN_SETTINGS, tap_settings
from tap_reply_tasks.tap import TapReplyTasks

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

OF_THE_LEDGER = ["runs", "task_details", "task_links", "task_operations"]
OF_THE_API = ["email_accounts", "task_snapshots", "tasks", "users"]


def _tap(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_script("tap-reply-tasks", *arguments, folder=folder, env=variables)


def test_about_lists_just_the_settings_that_mean_something(tmp_path: Path) -> None:
    """The catalog of settings is what a user sees, with no batch and no metadata settings."""
    about = json.loads(_tap(tmp_path, "--about", "--format", "json").stdout)
    offered = set(about["settings"]["properties"])
    assert offered == {*(setting.name for setting in tap_settings()), *BUILTIN_SETTINGS}
    assert "batch" not in about["capabilities"]


def test_about_as_markdown_names_every_setting(tmp_path: Path) -> None:
    """``--about --format markdown`` is a manual."""
    done = _tap(tmp_path, "--about", "--format", "markdown")
    assert done.returncode == 0
    for setting in tap_settings():
        assert f"| {setting.name} |" in done.stdout


def test_discovery_needs_no_settings(tmp_path: Path) -> None:
    """``--discover`` shows every stream, of which the ledger's four are selected by default."""
    done = _tap(tmp_path, "--discover")
    assert done.returncode == 0
    streams = {stream["tap_stream_id"]: stream for stream in json.loads(done.stdout)["streams"]}
    assert sorted(streams) == sorted(OF_THE_LEDGER + OF_THE_API)
    chosen = {name: _root(stream)["selected-by-default"] for name, stream in streams.items()}
    assert [name for name, selected in chosen.items() if selected] == OF_THE_LEDGER
    methods = {name: stream["replication_method"] for name, stream in streams.items()}
    assert methods == dict.fromkeys(OF_THE_LEDGER, "INCREMENTAL") | dict.fromkeys(
        OF_THE_API, "FULL_TABLE"
    )


def _root(stream: dict[str, Any]) -> dict[str, Any]:
    [root] = [entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"]]
    return dict(root)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"leger_url": "sqlite:///x.db"}, "'leger_url' is not a setting; did you mean ledger_url?"),
        ({"batch_config": {}}, "'batch_config' is not a setting here"),
        ({"page_size": 5000}, "page_size must be between 1 and 1000, not 5000."),
        ({"start_date": "soon"}, "start_date must be an ISO 8601 date or date-time"),
        ({"flattening_max_depth": "deep"}, "flattening_max_depth: 'deep' is not of type"),
    ],
)
@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_a_wrong_setting_is_refused_in_a_sentence(
    tmp_path: Path, config: dict[str, Any], sentence: str, arguments: tuple[str, ...]
) -> None:
    """Exit code 1 before anything is emitted, without a traceback."""
    output = run(tmp_path, config, *arguments)
    assert output.exit_code == 1
    assert output.messages == []
    assert sentence in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize(
    "maps",
    [
        {"to_reply-task_updates": {"__alias__": "task_updates"}},
        {"__else__": "__NULL__"},
        {"emails": {"__source__": "crm_emails", "__else__": None}, "__else__": None},
    ],
)
def test_stream_maps_of_the_target_are_refused(tmp_path: Path, maps: dict[str, Any]) -> None:
    """Maps that name none of its streams would drop its records and let its state advance."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path), "stream_maps": maps})
    assert output.exit_code == 1
    assert output.messages == []
    assert "they are the target's" in output.log


def test_the_target_s_settings_are_accepted_and_checked(tmp_path: Path) -> None:
    """One file may serve both plugins; a setting that neither has is named."""
    config = {"ledger_url": sqlite_url(tmp_path), "update_mode": "merge", "concurrency": 8}
    assert run(tmp_path, config).exit_code == 0
    output = run(tmp_path, config | {"update_mode": "patch"})
    assert output.exit_code == 1
    assert "update_mode must be one of replace, merge, not 'patch'." in output.log


def test_a_misspelt_variable_is_refused_beside_a_file(tmp_path: Path) -> None:
    """The environment counts without ``--config=ENV`` too."""
    done = _tap(tmp_path, TAP_REPLY_TASKS_LEGDER_URL=sqlite_url(tmp_path))
    assert done.returncode == 1
    assert "did you mean TAP_REPLY_TASKS_LEDGER_URL?" in done.stderr
    assert done.stdout == ""


def test_environment_variables_may_be_digit_strings(tmp_path: Path) -> None:
    """Meltano and ``--config=ENV`` know only text."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    done = _tap(
        tmp_path,
        "--config=ENV",
        TAP_REPLY_TASKS_LEDGER_URL=sqlite_url(tmp_path),
        TAP_REPLY_TASKS_PAGE_SIZE="10",
        TAP_REPLY_TASKS_REQUESTS_PER_HOUR="null",
    )
    assert done.returncode == 0, done.stderr
    assert '"RECORD"' in done.stdout
    assert TapReplyTasks(config={"page_size": "10"}).settings.page_size == 10


def test_a_wrong_environment_variable_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """No traceback for a word where a number belongs."""
    done = _tap(tmp_path, "--config=ENV", TAP_REPLY_TASKS_PAGE_SIZE="many")
    assert done.returncode == 1
    assert "page_size must be a whole number." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stream", ["tasks", "email_accounts"])
def test_a_stream_of_the_api_needs_a_key(tmp_path: Path, stream: str) -> None:
    """Selected without a key, it ends the run before anything is emitted, and says what to set."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    output = run(tmp_path, config, selected=["runs", stream])
    assert output.exit_code == 1
    assert output.messages == []
    assert f"api_key must be set to read {stream}" in output.log
    assert "Traceback" not in output.log


def test_a_connection_test_without_a_key_tests_the_ledger(tmp_path: Path) -> None:
    """``--test`` reads one record of each ledger stream, and succeeds."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1), applied(2))
        writer.end()
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path)}, "--test")
    assert output.exit_code == 0, output.log
    assert {name: len(rows) for name, rows in output.records.items()} == dict.fromkeys(
        OF_THE_LEDGER, 1
    )


def test_a_connection_test_with_a_key_tests_all_streams(tmp_path: Path) -> None:
    """``--test`` reads one record of each stream."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
        writer.end()
    with SandboxServer(tasks=3) as server:
        config = {
            "ledger_url": sqlite_url(tmp_path),
            "api_url": server.url,
            "api_key": KEY,
            "api_dialect": "preview",
        }
        refused = run(tmp_path, config, "--test")
        config["api_key"] = DEFAULT_API_KEY
        output = run(tmp_path, config, "--test")
    assert refused.exit_code == 1
    assert output.exit_code == 0, output.log
    assert {name: len(rows) for name, rows in output.records.items()} == dict.fromkeys(
        OF_THE_LEDGER + OF_THE_API, 1
    )


def test_schemas_alone_need_no_key(tmp_path: Path) -> None:
    """``--test=schema`` writes every schema and reads nothing."""
    done = _tap(tmp_path, "--test=schema")
    assert done.returncode == 0, done.stderr
    written = [json.loads(line) for line in done.stdout.splitlines()]
    every = sorted(OF_THE_LEDGER + OF_THE_API)
    assert [(m["type"], m["stream"]) for m in written] == [("SCHEMA", name) for name in every]


def test_stream_maps_and_flattening_work(tmp_path: Path) -> None:
    """The built-in settings that are offered do what they say."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    config = {
        "ledger_url": sqlite_url(tmp_path),
        "flattening_enabled": True,
        "flattening_max_depth": 2,
        "stream_maps": {"task_details": {"kind": "taskTypeName"}, "task_operations": "__NULL__"},
    }
    output = run(tmp_path, config)
    assert output.exit_code == 0, output.log
    [record] = output.records["task_details"]
    assert record["template__subject"] == "Hello"
    assert record["kind"] == "linkedIn"
    assert "task_operations" not in output.schemas
