"""``reply-tasks check`` says whether everything is there that a run needs, and what to do."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from console_script import run_command
from messages import update
from target_runs import KEY, Stage

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.commands.checks import clock_finding
from reply_tasks.sandbox import Endpoint

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

NAMES = ["settings", "ledger", "key", "dialect", "acting user", "quota", "clock"]


def checked(stage: Stage, **settings: Any) -> tuple[int, dict[str, tuple[bool | None, str]]]:
    """Exit code and findings, with the stage's settings in a config file."""
    config = stage.folder / "check.json"
    config.write_text(json.dumps({**stage.settings, **settings}))
    done = run_command(stage, "check", "--json", "--config", str(config))
    seen = {each["name"]: (each["ok"], each["text"]) for each in json.loads(done.stdout)}
    return done.returncode, seen


def test_all_is_well_after_a_run(stage: Stage) -> None:
    """Seven lines for a person, exit code 0, two reads that the quota counts, and no write."""
    stage.sandbox.create_task(1)
    limits = {"requests_per_minute": 100, "requests_per_hour": 3000}
    stage.run(update(1), **limits)
    config = stage.folder / "check.json"
    config.write_text(json.dumps({**stage.settings, **limits}))
    before = len(stage.sandbox.calls)
    done = run_command(stage, "check", "--config", str(config))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = " ".join(done.stdout.split())
    for expected in ("user 1, owner@example.com", "97 of 100 this minute", "clock"):
        assert expected in words
    assert KEY not in done.stdout
    calls = stage.sandbox.calls[before:]
    assert [call.endpoint for call in calls] == [Endpoint.LIST, Endpoint.WHOAMI]


def test_before_the_first_run_all_is_well_too(stage: Stage) -> None:
    """No ledger is no failure where one can be made, and the command makes none."""
    code, seen = checked(stage)
    assert (code, list(seen)) == (0, NAMES)
    assert not (stage.folder / "ledger.db").exists()
    code, seen = checked(stage, ledger_url=f"sqlite:///{stage.folder}/no/such/ledger.db")
    assert (code, seen["ledger"][0]) == (1, False)


def test_each_thing_that_fails_says_what_to_do(stage: Stage) -> None:
    """Settings, key, dialect, acting user and address, each with advice, and exit code 1."""
    for settings, name, advice in (
        ({"update_mode": "mrege"}, "settings", "update_mode must be one of"),
        ({"api_key": None}, "key", "REPLY_TASKS_API_KEY"),
        ({"api_key": "wrong-key"}, "key", "401"),
        ({"api_url": "http://127.0.0.1:9/v3"}, "key", "check api_url"),
        ({"user_id": 77}, "key", "user_id"),
    ):
        code, seen = checked(stage, **settings)
        assert (code, seen[name][0]) == (1, False), (settings, seen)
        assert advice in seen[name][1]
        assert not [text for ok, text in seen.values() if "wrong-key" in text or KEY in text]


def test_a_quota_that_is_used_up_is_not_overdrawn(stage: Stage) -> None:
    """Without a call to spare nothing is read, and the line says when there is one."""
    stage.sandbox.create_task(1)
    limits = {"requests_per_minute": 1, "requests_per_hour": 3000}
    stage.run(update(1), **limits)
    before = len(stage.sandbox.calls)
    code, seen = checked(stage, **limits)
    assert (code, seen["key"][0]) == (0, None)
    assert "0 of 1 this minute" in seen["quota"][1]
    assert "more at" in seen["quota"][1]
    assert len(stage.sandbox.calls) == before


def test_an_unreadable_config_is_a_finding(stage: Stage) -> None:
    """A config file that is not there is the first line, and exit code 1."""
    done = run_command(stage, "check", "--config", "absent.json", "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)
    assert (finding["name"], "absent.json" in finding["text"]) == ("settings", True)


@pytest.mark.parametrize(
    ("ahead", "ok"), [(0, True), (-59, True), (61, False), (-3600, False), (None, None)]
)
def test_clocks_may_differ_by_a_minute(ahead: int | None, ok: bool | None) -> None:  # noqa: FBT001
    """As much as a read-back allows for; where Reply does not say its time, nothing is claimed."""
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    theirs = None if ahead is None else format_datetime(now + timedelta(seconds=ahead), usegmt=True)
    answer = Answer(AnswerKind.RESPONSE, 200, date=theirs)
    assert clock_finding(answer, now).ok is ok
