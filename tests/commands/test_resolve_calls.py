"""``resolve`` calls Reply like everybody else: its quota, its refusals, its dialect."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from console_script import SCRIPTS, environment
from messages import execution, update
from resolving import finished, resolve, uncertain
from target_runs import KEY, Stage, ledger_bytes

from reply_tasks.sandbox import Endpoint, FaultKind


def test_reply_down_leaves_what_is_open(stage: Stage) -> None:
    """Exit code 1 with one line; what was settled before stays settled."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
        uncertain(stage, task_id)
        finished(stage, task_id)
    stage.sandbox.fault(FaultKind.UNAVAILABLE, task_id=2, endpoint=Endpoint.GET, times=None)
    result = resolve(stage, "--json", "--max-retries", "0")
    assert result.exit_code == 1
    assert "could not be asked for task 2" in result.stderr
    assert [fate["outcome"] for fate in json.loads(result.stdout)] == ["applied"]
    assert sorted(outcome for _, outcome, _ in stage.fates()) == ["applied", "uncertain"]


def test_a_refused_key_is_one_line(stage: Stage) -> None:
    """The problem and what to do; never the key."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    result = resolve(stage, REPLY_TASKS_API_KEY="wrong-key-123")
    assert result.exit_code == 1
    assert "Check api_key" in result.output
    assert "wrong-key-123" not in result.output
    missing = resolve(stage, REPLY_TASKS_API_KEY="")
    assert missing.exit_code == 1
    assert "REPLY_TASKS_API_KEY" in missing.output
    assert b"wrong-key-123" not in ledger_bytes(stage.settings["ledger_url"])


def test_a_wrong_setting_is_one_line(stage: Stage) -> None:
    """The settings are those of the plugins, and read as they are."""
    stage.run()
    result = resolve(stage, "--api-url", "http://example.com/v3", "--api-dialect", "old")
    assert result.exit_code == 1
    assert "api_url must use https" in result.output
    assert "api_dialect must be one of auto, preview, current" in result.output


def test_no_ledger_is_an_error_and_none_is_made(stage: Stage) -> None:
    """A typo in the URL must not look like a ledger where all is well."""
    result = resolve(stage)
    assert result.exit_code == 1
    assert "There is no ledger" in result.output
    assert not list(stage.folder.glob("ledger.db*"))


def test_reads_take_slots_of_the_shared_quota(stage: Stage) -> None:
    """A minute that another process has spent is waited for, and said so."""
    stage.sandbox.create_task(1)
    operation_id = uncertain(stage)
    finished(stage)
    stage.sandbox.create_task(2)
    stage.run(update(2), requests_per_minute=1)
    command = [str(SCRIPTS / "reply-tasks"), "resolve", operation_id, "--requests-per-minute", "1"]
    command += ["--ledger-url", stage.settings["ledger_url"], "--api-url", stage.sandbox.url]
    with subprocess.Popen(
        command,
        env={**environment(), "REPLY_TASKS_API_KEY": KEY},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        process.kill()
    assert "for the quota (minute)" in told
    assert len(stage.sandbox.calls_of(Endpoint.GET, 1)) == 1, "the run's own read-back"


def test_a_429_pauses_and_the_read_is_repeated(stage: Stage) -> None:
    """Retry-After is kept by the quota that all processes share."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    finished(stage)
    stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, endpoint=Endpoint.GET, retry_after=1)
    began = datetime.now(UTC)
    assert resolve(stage).exit_code == 0
    assert datetime.now(UTC) - began > timedelta(seconds=0.9)
    assert stage.fate()["outcome"] == "applied"


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_either_dialect_and_identity_is_used(stage: Stage, dialect: str) -> None:
    """A read-back is made as the user that the operation acted as."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE)
    stage.run(execution(1, actAsUserId=2), on_lost_answer="hold")
    finished(stage)
    result = resolve(stage, "--api-dialect", dialect, "--user-id", "1")
    assert result.exit_code == 0
    assert stage.sandbox.calls[-1].headers["x-user-id"] == "2"
