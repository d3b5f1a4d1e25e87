"""``reply-tasks try`` shows what records would become, with no key and no ledger."""

import json

import pytest
from console_script import run_command
from messages import execution, lines, record, schema, update
from target_runs import Stage

MAPS = {
    "deals": {
        "__alias__": "task_updates",
        "id": "int(task)",
        "taskType": "'call'",
        "startAt": "'2027-03-01'",
        "dueTo": "due",
        "template__body": "'Ask ' + name",
        "__else__": None,
    }
}


@pytest.mark.e2e
def test_each_record_becomes_a_line_with_what_would_be_done(stage: Stage) -> None:
    """Through the stream maps, valid or not; no call, no ledger, no key."""
    config = stage.folder / "config.json"
    config.write_text(json.dumps({"stream_maps": MAPS}))
    given = lines(
        schema("deals", "task", "due", "name"),
        record("deals", {"task": "7", "due": "2027-03-05", "name": "Ada"}),
        record("deals", {"task": "8", "due": "2020-01-01", "name": "Bo"}),
        record("deals", {"task": "9"}),
        execution(5, content={"body": "Hi\x1b[2J"}, externalId="crm-5"),
        execution(5, content={"body": "Hi\x1b[2J"}, externalId="crm-5"),
    )
    env = {"REPLY_TASKS_LEDGER_URL": ""}
    done = run_command(stage, "try", "--config", str(config), "--json", given=given, env=env)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["task_id"], each["reason"]) for each in told] == [
        (7, None),
        (8, "invalid_record"),
        (None, "map_failed"),
        (5, None),
        (5, None),
    ]
    assert told[0]["record"]["template"] == {"body": "Ask Ada"}
    assert (told[0]["would"], told[0]["request"]) == ("send", "PUT /v3/tasks/7")
    assert told[1]["pointer"] == "/dueTo"
    assert "/dueTo" in told[1]["detail"]
    assert (told[3]["key"], told[3]["would"], told[4]["would"]) == ("crm-5", "send", "unchanged")
    assert [path.name for path in stage.folder.iterdir()] == ["config.json"]
    assert not stage.sandbox.calls
    written = run_command(
        stage, "try", given=lines(update(1), execution(5, content={"body": "\x1b"}))
    )
    assert "update of task 1 (task_updates) would send PUT /v3/tasks/1" in written.stdout
    assert "\x1b" not in written.stdout


def test_settings_that_can_not_be_used_are_one_line(stage: Stage) -> None:
    """As for every command: exit code 1, and a sentence."""
    config = stage.folder / "config.json"
    config.write_text('{"update_mode": "mrege"}')
    done = run_command(stage, "try", "--config", str(config))
    assert (done.returncode, done.stdout) == (1, "")
    assert "update_mode must be one of" in done.stderr
