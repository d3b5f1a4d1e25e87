"""The streams that read from Reply: every task once, within the quota, and clear ends."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tap_sandbox import FRESH, sleepless
from tap_world import KEY, emit, run

from reply_tasks.contract.enums import LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox import Endpoint, SandboxServer, Template, endpoints
from reply_tasks.sandbox.wire import list_item_json


def test_every_page_is_read(server: SandboxServer, config: dict[str, Any]) -> None:
    """Pages are asked for one after the other, each from where the last one ended."""
    output = emit(config | {"page_size": 10}, "tasks")
    assert output.ids("tasks", "id") == list(range(1, 26))
    calls = server.calls_of(Endpoint.FILTER)
    assert [(call.query["top"], call.query["skip"]) for call in calls] == [
        ("10", "0"),
        ("10", "10"),
        ("10", "20"),
    ]
    assert len(server.calls) == 3


def test_tasks_of_the_far_future_are_read(server: SandboxServer, config: dict[str, Any]) -> None:
    """Reply would leave out what starts more than a year from now, were it not asked for."""
    soon = server.create_task(start_at=datetime.now(UTC) + timedelta(days=3000))
    assert soon.id in emit(config, "tasks").ids("tasks", "id")


def test_the_start_date_leaves_out_earlier_tasks(
    server: SandboxServer, config: dict[str, Any]
) -> None:
    """``start_date`` becomes the filter's ``from``, in UTC, and includes its own instant."""
    for day in (1, 2, 3):
        server.create_task(1000 + day, start_at=datetime(2040, 1, day, tzinfo=UTC))
    output = emit(config | {"start_date": "2040-01-02T02:00:00+02:00"}, "tasks")
    assert output.ids("tasks", "id") == [1002, 1003]
    [call] = server.calls_of(Endpoint.FILTER)
    assert call.body["from"] == "2040-01-02T00:00:00Z"


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_a_listed_task_has_flat_columns(
    server: SandboxServer, config: dict[str, Any], dialect: str
) -> None:
    """Both dialects give the same integers and names, UTC times, and the contact beside."""
    server.create_task(
        500,
        task_type=TaskType.LINKED_IN,
        status=TaskStatus.NEW,
        linked_in_task_type=LinkedInTaskType.CONNECT,
        contact_id=12,
        start_at=datetime(2040, 1, 1, 9, 30, tzinfo=UTC),
        due_to=datetime(2040, 1, 2, tzinfo=UTC),
    )
    config |= {"api_dialect": dialect, "start_date": "2040-01-01"}
    [record] = emit(config, "tasks").records["tasks"]
    assert record == {
        "id": 500,
        "taskType": 5,
        "taskTypeName": "linkedIn",
        "status": 0,
        "statusName": "new",
        "linkedInTaskType": 1,
        "linkedInTaskTypeName": "connect",
        "assignedUserId": 1,
        "contactId": 12,
        "startAt": "2040-01-01T09:30:00Z",
        "dueTo": "2040-01-02T00:00:00Z",
        "finishedAt": None,
        "isScheduled": False,
        "sequenceId": None,
        "sequenceStepId": None,
        "contactFullName": "Carla Berg",
    }


@pytest.mark.parametrize("selected", [("task_snapshots",), ("tasks", "task_snapshots")])
def test_each_task_is_read_once(
    server: SandboxServer, config: dict[str, Any], selected: tuple[str, ...]
) -> None:
    """One call a task, whether or not ``tasks`` is selected too."""
    output = emit(config | FRESH, *selected)
    assert output.ids("task_snapshots", "id") == list(range(1, 26))
    read = [call for call in server.calls_of(Endpoint.GET) if call.status == 200]
    assert sorted(call.task_id or 0 for call in read) == list(range(1, 26))
    assert output.ids("tasks", "id") == (list(range(1, 26)) if "tasks" in selected else [])


@pytest.mark.parametrize("include", [True, False])
def test_content_is_asked_for_as_set(
    server: SandboxServer, config: dict[str, Any], *, include: bool
) -> None:
    """``include_content`` decides whether the rendered text comes with a task."""
    server.create_task(100, contact_id=12, template=Template("Hi {{firstName}}", "Hello"))
    records = emit(config | FRESH | {"include_content": include}, "task_snapshots").records
    [record] = [r for r in records["task_snapshots"] if r["id"] == 100]
    expected = {"body": "Hi Carla", "subject": "Hello"} if include else None
    assert record["content"] == expected
    assert record["template"]["body"] == "Hi {{firstName}}"


def test_a_task_that_vanished_is_skipped(
    server: SandboxServer, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Deleted after it was listed, it is named in the log, and the others are read."""
    server.fault("stall", endpoint=Endpoint.GET)

    def delete() -> None:
        server.wait_for_calls(1, Endpoint.GET)
        server.edit_task(7, hidden=True)
        server.faults.release()

    deleting = threading.Thread(target=delete)
    deleting.start()
    with caplog.at_level(logging.INFO):
        output = emit(config | FRESH, "task_snapshots")
    deleting.join()
    assert output.exit_code == 0
    assert output.ids("task_snapshots", "id") == [n for n in range(1, 26) if n != 7]
    assert "Task 7 vanished" in caplog.text


def test_a_task_that_cannot_be_rendered_comes_without_content(
    server: SandboxServer, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Reply refuses its content: one more call reads the task itself, and the log says so."""
    server.create_task(100, template=Template("Hi {{nobody}}"))
    output = emit(config | FRESH, "task_snapshots")
    [record] = [r for r in output.records["task_snapshots"] if r["id"] == 100]
    assert record["content"] is None
    assert record["template"]["body"] == "Hi {{nobody}}"
    assert "Task 100 is read without its content" in caplog.text


def test_what_is_not_in_the_contract_is_named_once(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that a later API adds doesn't stop the run, and doesn't fill the log."""
    monkeypatch.setattr(
        endpoints,
        "list_item_json",
        lambda *item: list_item_json(*item) | {"mood": "good"},
    )
    output = emit(config, "tasks")
    assert len(output.records["tasks"]) == 25
    assert caplog.text.count("Reply sent mood in a form") == 1


@pytest.mark.parametrize("kind", ["500", "503", "drop", "garbage", "truncate", "empty"])
def test_what_passes_is_repeated(
    server: SandboxServer, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A read changes nothing, so it is asked again until the answer is certain."""
    slept = sleepless(monkeypatch)
    server.fault(kind, endpoint=Endpoint.FILTER, times=2)
    assert emit(config, "tasks").ids("tasks", "id") == list(range(1, 26))
    assert len(slept) == 2
    assert len(server.calls) == 3


def test_a_429_is_waited_for_as_it_says(server: SandboxServer, config: dict[str, Any]) -> None:
    """The pause is as long as Retry-After, for all who share the quota, and nothing is lost."""
    server.fault("429", endpoint=Endpoint.FILTER, retry_after=1)
    assert emit(config, "tasks").ids("tasks", "id") == list(range(1, 26))
    first, second = server.calls_of(Endpoint.FILTER)
    assert second.at - first.at >= 1


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("401", "Check api_key and api_dialect"),
        ("403", "The key needs the scope tasks:read."),
        ("500", "Reply could not be asked for the tasks from number 0 on, tried 2 times"),
    ],
)
def test_what_stays_ends_the_run_with_one_line(
    server: SandboxServer, config: dict[str, Any], tmp_path: Path, kind: str, sentence: str
) -> None:
    """Exit code 1, what to do, no traceback, and never the key."""
    server.fault(kind, times=None)
    output = run(tmp_path, config | {"max_retries": 1}, selected=["runs", "tasks"])
    assert output.exit_code == 1
    errors = [line for line in output.log.splitlines() if "| ERROR " in line]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert "Traceback" not in output.log
    assert KEY not in output.log
    assert "runs" in output.schemas


def test_a_reply_that_is_down_ends_the_run_with_one_line(
    config: dict[str, Any], server: SandboxServer, tmp_path: Path
) -> None:
    """Nobody listens: the run says so after its retries, and how a sandbox is started."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    server.stop()
    output = run(tmp_path, config | {"max_retries": 0}, selected=["task_snapshots"])
    assert output.exit_code == 1
    assert "could not connect" in output.log
    assert f"start it with `reply-tasks sandbox --port {port}`" in output.log
    assert "Traceback" not in output.log


def test_a_refused_filter_ends_the_run(server: SandboxServer, config: dict[str, Any]) -> None:
    """A 4xx on the list is not repeated and not passed over."""
    server.fault("401", body={"title": "no"}, endpoint=Endpoint.FILTER)
    assert emit(config, "tasks").exit_code == 1
    assert len(server.calls) == 1


def test_the_api_key_is_never_shown(
    server: SandboxServer, config: dict[str, Any], tmp_path: Path
) -> None:
    """At the most talkative level neither log nor messages hold the key or the acting user."""
    server.fault("500", times=1)
    config |= {"user_email": "owner@example.com"}
    environment = {"TAP_REPLY_TASKS_LOGLEVEL": "DEBUG"}
    output = run(tmp_path, config, selected=["tasks"], env=environment)
    assert output.exit_code == 0, output.log
    shown = output.log + json.dumps(output.messages)
    assert KEY not in shown
    assert "owner@example.com" not in shown
