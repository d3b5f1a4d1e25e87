"""``reply-tasks rejected`` lists what is rejected, and gives it back to be read again."""

import csv
import io
import json
from typing import Any

import pytest
from console_script import run_command
from messages import execution, record, schema, update
from target_runs import Stage

from reply_tasks.sandbox import Endpoint

#: Each of them starts processes.
pytestmark = pytest.mark.e2e


def messages(text: str) -> list[Any]:
    """Singer messages, or JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_person_sees_record_reason_and_why_within_80_columns(stage: Stage) -> None:
    """A table on standard output, without escape codes, whatever the values hold."""
    stage.run(
        update(9, externalId="crm-9\x1b[2J"), update(1, dueTo="2020-01-01"), update(1, dueTo="x")
    )
    done = run_command(stage, "rejected")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    words = " ".join(done.stdout.split())
    assert r"crm-9\x1b[2J" in words
    assert "task_not_found" in words
    assert "2 rejected." in words
    stage.sandbox.create_task(1)
    stage.sandbox.create_task(9)
    stage.run(update(9), update(1))
    assert run_command(stage, "rejected").stdout == "No record is rejected.\n"


def test_filters_by_run_reason_and_time(stage: Stage) -> None:
    """Each narrows the list; a run may be named by the beginning of its id, or as the last."""
    stage.run(update(1), update(2, template=None))
    stage.run(update(3))
    first, second = (run["run_id"] for run in stage.runs())

    def listed(*arguments: str) -> list[int]:
        done = run_command(stage, "rejected", "--format", "jsonl", *arguments)
        assert done.returncode == 0, done.stderr
        return sorted(row["task_id"] for row in messages(done.stdout))

    assert listed() == [1, 2, 3]
    assert listed("--run", first[:14]) == [1, 2]
    assert listed("--run", "last") == listed("--run", second) == [3]
    assert listed("--reason", "invalid_record", "--reason", "task_not_new") == [2]
    assert listed("--since", "1h") == [1, 2, 3]
    assert listed("--since", "2099-01-01") == []
    for wrong in (["--run", "ffff"], ["--run", ""], ["--since", "soon"], ["--reason", "x"]):
        done = run_command(stage, "rejected", *wrong)
        assert (done.returncode > 0, done.stdout) == (True, "")


def test_singer_gives_the_records_back_as_they_were_read(stage: Stage) -> None:
    """Whatever was rejected, and by whom: the same members, spelling and stream as in the input.

    Stream maps apply again when they are read again, so the records are those before the maps.
    """
    rows: list[dict[str, Any]] = [
        {"TASK": "9", "due": "2027-03-05 17:00", "start": "2027-03-01", "txt": "Hi", "n": 1.5},
        {"TASK": "x", "due": None, "start": "", "txt": "", "note": ["a", {"b": "ü"}]},
    ]
    maps = {
        "tasks_to_do": {
            "__alias__": "task_updates",
            "id": "TASK",
            "taskType": "'call'",
            "startAt": "start",
            "dueTo": "due",
            "template__body": "'To do: ' + txt",
            "__else__": None,
        }
    }
    given = [
        schema("tasks_to_do", "TASK", "due", "start", "txt", "n", "note"),
        *(record("tasks_to_do", row) for row in rows),
        record("tasks_to_do", {"TASK": 3}),
        execution("7", content__body="Hello", email_account_id="5"),
    ]
    stage.run(*given, stream_maps=maps)
    assert [row["reason"] for row in stage.operations()].count("map_failed") == 1
    done = run_command(stage, "rejected", "--format", "singer")
    assert (done.returncode, done.stderr) == (0, "")
    written = messages(done.stdout)
    records = [each for each in written if each["type"] == "RECORD"]
    expected = [each for each in given if each["type"] == "RECORD"]
    assert sorted(map(json.dumps, records)) == sorted(map(json.dumps, expected))
    schemas = {each["stream"]: each for each in written if each["type"] == "SCHEMA"}
    assert list(schemas) == [*dict.fromkeys(each["stream"] for each in records)]
    assert set(schemas["tasks_to_do"]["schema"]["properties"]) == {
        *("TASK", "due", "start", "txt", "n", "note")
    }


def test_a_mended_replay_is_applied_once_and_then_rejected_no_more(stage: Stage) -> None:
    """The pipe of the help: what is mended goes out, the rest is judged as before."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    rows = record(
        "crm_rows", {"operation": "update", **update(2)["record"], "due_to": "2020-01-01"}
    )
    del rows["record"]["dueTo"]
    stage.run(update(1, dueTo="2020-01-01"), schema("crm_rows", "operation", "id"), rows, update(9))
    text = run_command(stage, "rejected", "--format", "singer").stdout
    assert [each["record"]["id"] for each in messages(text) if "record" in each] == [1, 2, 9]
    mended = text.replace("2020-01-01", "2027-06-01")
    stage.run(*mended.splitlines())
    assert [call.task_id for call in stage.sandbox.calls_of(Endpoint.UPDATE)].count(1) == 1
    left = messages(run_command(stage, "rejected", "--format", "jsonl").stdout)
    assert [(row["task_id"], row["reason"]) for row in left] == [(9, "task_not_found")]


def test_csv_begins_no_formula(stage: Stage) -> None:
    """A spreadsheet opens the file, so that a value from outside must not be a formula there."""
    stage.run(update(9, externalId="=HYPERLINK(1)"), update(1, template=None))
    done = run_command(stage, "rejected", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(done.stdout))
    assert {first["reason"], second["reason"]} == {"invalid_record", "task_not_found"}
    values = [value for row in (first, second) for value in row.values()]
    assert not [value for value in values if value.startswith(("=", "+", "-", "@"))]
    assert {json.loads(row["record"])["id"] for row in (first, second)} == {1, 9}
