"""The run as a whole: exit codes, limits on rejections, the last line, no secrets."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from messages import Message, execution, state, update
from target_runs import KEY, Stage, ledger_bytes

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox import FaultKind
from target_reply_tasks.target import TargetReplyTasks

BAD = update(1, dueTo="2020-01-01")


def test_the_last_line_tells_what_happened(stage: Stage) -> None:
    """How many records, which outcomes, which reasons, how many calls."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    ended = stage.script(update(1), execution(2), execution(2), update(404), BAD, state({"at": 1}))
    assert re.search(r"5 records read: .*; 3 calls made\.$", ended.last_line)
    for told in ("2 applied", "1 unchanged", "2 rejected", "1 task_not_found", "1 invalid_record"):
        assert told in ended.last_line
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])


def test_nothing_but_states_is_on_standard_output(stage: Stage) -> None:
    """Meltano reads each line as a STATE."""
    stage.sandbox.create_task(1)
    ended = stage.script(update(1), state({"at": 1}), update(2), state({"at": 2}))
    assert ended.states == [{"at": 1}, {"at": 2}]


@pytest.mark.parametrize(
    ("good", "bad", "percent", "verdict"),
    [(0, 0, 100, 0), (1, 1, 100, 0), (0, 2, 100, 2), (1, 1, 50, 2), (2, 1, 50, 0), (3, 1, 1, 2)],
)
def test_max_rejected_percent_is_the_verdict(
    stage: Stage, good: int, bad: int, percent: int, verdict: int
) -> None:
    """At least that share: exit code 2, though everything is settled."""
    for task_id in range(1, 9):
        stage.sandbox.create_task(task_id)
    messages = [*(update(task_id) for task_id in range(1, good + 1)), *[BAD] * bad]
    ended = stage.run(*messages, state({"at": 1}), max_rejected_percent=percent)
    assert (ended.exit_code, ended.states) == (verdict, [{"at": 1}])
    assert stage.runs()[-1]["exit_code"] == verdict


def test_max_rejected_stops_the_run(stage: Stage) -> None:
    """0 stops at the first: what was read before is settled, what comes after is not read."""
    stage.sandbox.create_task(1)

    def messages() -> Iterator[Message]:
        yield update(1)
        yield state({"at": 1})
        stage.sandbox.wait_for_calls(1)
        yield BAD

    ended = stage.run_while(messages(), max_rejected=0)
    assert (ended.exit_code, ended.states) == (1, [{"at": 1}])
    assert "max_rejected is 0" in ended.log
    assert [outcome for _, outcome, _ in stage.fates()] in (
        ["applied", "rejected"],
        ["rejected", "applied"],
    )


def test_as_many_rejections_as_allowed_do_not_stop_it(stage: Stage) -> None:
    """It takes one more than ``max_rejected``."""
    stage.sandbox.create_task(1)
    assert stage.run(BAD, BAD, update(1), max_rejected=2).exit_code == 0
    assert stage.run(BAD, BAD, BAD, max_rejected=2).exit_code == 1


def test_reply_down_for_good_stops_the_run(stage: Stage) -> None:
    """The record stays unsettled, state stays before it, and the next run applies it."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.UNAVAILABLE, times=None)
    ended = stage.run(state({"at": 0}), update(1), state({"at": 1}), max_retries=1)
    assert (ended.exit_code, ended.states) == (1, [{"at": 0}])
    assert "1 left for the next run" in ended.last_line
    assert not stage.operations()
    stage.sandbox.faults.clear()
    ended = stage.run(update(1), state({"at": 1}))
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])
    assert stage.sandbox.task(1).contact_id == 1001


@pytest.mark.parametrize("kind", [FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN])
def test_a_refused_key_stops_the_run(stage: Stage, kind: FaultKind) -> None:
    """One clear line, exit code 1, and nothing claimed for ever."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(kind)
    ended = stage.run(execution(1), state({"at": 1}))
    assert (ended.exit_code, ended.states) == (1, [])
    assert [line for line in ended.log.splitlines() if line.startswith("Stopped:")]
    assert "Traceback" not in ended.log
    assert not stage.claims()
    assert stage.run(execution(1)).exit_code == 0
    assert len(stage.sandbox.outbox) == 1


# -- secrets ---------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_no_secret_is_in_the_log_or_in_the_ledger(stage: Stage) -> None:
    """Neither the key nor what a template says, whatever goes wrong."""
    for task_id in range(1, 5):
        stage.sandbox.create_task(task_id)
    stage.sandbox.edit_task(3, status=TaskStatus.FINISHED)
    stage.sandbox.fault(FaultKind.GARBAGE, task_id=1)
    stage.sandbox.fault(FaultKind.DROP, task_id=2)
    secret = "A body that only the contact may read."
    text = {"body": secret, "subject": "S"}
    logs = [
        stage.script(
            update(1, template=text),
            execution(2, content=text),
            update(3, template=text),
            update(4, template=text, dueTo=secret[:30]),
        ).log
    ]
    stage.sandbox.fault(FaultKind.UNAUTHORIZED)
    logs.append(stage.script(update(4, contactId=9)).log)
    logs.append(stage.script('{"type": "RECORD", "x": "' + secret).log)
    logs.append(stage.script(env={"TARGET_REPLY_TASKS_LOGLEVEL": "DEBUG"}).log)
    for log in logs:
        assert KEY not in log
        assert secret not in log
    assert KEY.encode() not in ledger_bytes(stage.settings["ledger_url"])


def test_the_ledger_is_for_its_owner_only(stage: Stage) -> None:
    """The file and its side files have mode 0600."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    modes = {path.stat().st_mode & 0o777 for path in stage.folder.glob("ledger.db*")}
    assert modes == {0o600}


# -- the command line ------------------------------------------------------------------------------


def test_about_is_fit_for_a_readme() -> None:
    """Every setting with its description, and no SDK setting that means nothing here."""
    command = TargetReplyTasks.get_singer_command()
    told = CliRunner().invoke(command, ["--about", "--format", "markdown"]).stdout
    assert told.startswith("# `target-reply-tasks`")
    for name in ("api_key", "update_mode", "on_lost_answer", "dry_run", "stream_maps"):
        assert f"| {name} |" in told
    for name in ("load_method", "batch_size_rows", "add_record_metadata", "validate_records"):
        assert name not in told
    about = json.loads(CliRunner().invoke(command, ["--about", "--format", "json"]).stdout)
    assert about["name"] == "target-reply-tasks"


def test_a_wrong_setting_is_told_before_anything_is_done(stage: Stage) -> None:
    """Exit code 1, the nearest known name, no ledger, no traceback."""
    ended = stage.script(update(1), skip_unchangd=True, concurrency=99)
    assert ended.exit_code == 1
    assert "did you mean skip_unchanged?" in ended.log
    assert "concurrency must be between 1 and 32" in ended.log
    assert "Traceback" not in ended.log
    assert not Path(stage.folder, "ledger.db").exists()


def test_settings_come_from_the_environment_too(stage: Stage) -> None:
    """With ``--config ENV``, as Meltano and containers pass them: digit strings are numbers."""
    stage.sandbox.create_task(1)
    given = {
        f"TARGET_REPLY_TASKS_{name.upper()}": str(v) for name, v in stage.settings.items() if v
    }
    ended = stage.script(
        update(1), env={**given, "TARGET_REPLY_TASKS_CONCURRENCY": "1"}, config="ENV"
    )
    assert ended.exit_code == 0
    assert stage.fates() == [(1, "applied", None)]
