"""``reply-tasks resolve`` settles what dead processes and lost answers left open."""

import json
import signal
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from console_script import SCRIPTS, environment, run_command
from entries import entry
from messages import execution, lines, update
from resolving import LONG_AGO, finished, resolve, uncertain
from target_runs import KEY, Stage

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Ledger, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import Endpoint, FaultKind, When

# -- reading back ----------------------------------------------------------------------------------


@pytest.mark.e2e
def test_a_killed_run_is_resolved_by_the_console_script(stage: Stage) -> None:
    """SIGKILL after the email has left: the command finds it sent, and a replay sends nothing."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.STALL, endpoint=Endpoint.EXECUTE, when=When.AFTER)
    config = stage.folder / "config.json"
    config.write_text(json.dumps(stage.settings))
    with subprocess.Popen(
        [SCRIPTS / "target-reply-tasks", "--config", config],
        stdin=subprocess.PIPE,
        env=environment(),
        stderr=subprocess.DEVNULL,
        text=True,
    ) as target:
        assert target.stdin is not None
        target.stdin.write(lines(execution(1)))
        target.stdin.flush()
        stage.sandbox.wait_for_calls(1, Endpoint.EXECUTE)
        target.send_signal(signal.SIGKILL)
    assert len(stage.claims()) == 1
    done = run_command(
        stage,
        "resolve",
        "--json",
        env={
            "REPLY_TASKS_API_URL": stage.sandbox.url,
            "REPLY_TASKS_API_KEY": KEY,
            "REPLY_TASKS_API_DIALECT": "preview",
        },
    )
    assert done.returncode == 0, done.stderr
    (fate,) = json.loads(done.stdout)
    assert (fate["was"], fate["outcome"], fate["task_id"]) == ("claimed", "applied", 1)
    row = stage.fate()
    assert "Read back by `reply-tasks resolve`" in row["detail"]
    assert row["task_detail"]["finishedAt"]
    (run,) = stage.runs()
    assert (run["crashed"], run["applied"]) == (True, 1)
    stage.run(execution(1), keep_repeats=True)
    assert len(stage.sandbox.outbox) == 1
    assert stage.fate()["outcome"] == "unchanged"


@pytest.mark.parametrize("left", ["claimed", "uncertain"])
@pytest.mark.parametrize(
    ("members", "fate"),
    [
        ({"status": TaskStatus.FINISHED, "finished_at": "now"}, ("applied", None, 0)),
        (
            {"status": TaskStatus.FINISHED, "finished_at": "now", "is_failed": True},
            ("rejected", "execution_failed", 0),
        ),
        (
            {"status": TaskStatus.FINISHED, "finished_at": LONG_AGO},
            ("rejected", "task_not_new", 0),
        ),
        ({"status": TaskStatus.CANCELLED}, ("rejected", "task_not_new", 0)),
        ({}, ("uncertain", None, 2)),
        ({"status": TaskStatus.FINISHED}, ("uncertain", None, 2)),
        ({"hidden": True}, ("uncertain", None, 2)),
    ],
    ids=["sent", "sent_and_failed", "finished_before", "cancelled", "new", "unclear", "gone"],
)
def test_what_the_task_says_decides(
    stage: Stage, left: str, members: dict[str, Any], fate: tuple[str, str | None, int]
) -> None:
    """A claim of a dead process and an uncertain execution are judged alike; nothing is sent."""
    stage.sandbox.create_task(1)
    before = stage.left_by_the_dead(1) if left == "claimed" else uncertain(stage)
    if members.get("finished_at") == "now":
        members = {**members, "finished_at": datetime.now(UTC)}
    stage.sandbox.edit_task(1, **members)
    sent = len(stage.sandbox.calls_of(Endpoint.EXECUTE))
    result = resolve(stage)
    row = stage.fate()
    assert row["operation_id"] == before
    assert (row["outcome"], row["reason"], result.exit_code) == fate
    assert len(stage.sandbox.calls_of(Endpoint.EXECUTE)) == sent
    assert not stage.claims()
    open_still = row["outcome"] == "uncertain"
    assert ("--as not-sent" in result.output) == open_still
    assert (row["record"] is None) == (row["outcome"] == "applied")
    if members.get("finished_at") and row["reason"] != "task_not_new":
        assert row["task_detail"]["id"] == 1
    if row["outcome"] != "uncertain":
        assert resolve(stage).output.startswith("Nothing is open")


def test_a_resolved_row_gets_a_new_number(stage: Stage) -> None:
    """Whoever reads in order of sequence learns of its new fate; no number is used twice."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    operation_id = uncertain(stage)
    stage.run(update(2))
    seen = stage.operations()[-1]["sequence"]
    finished(stage)
    resolve(stage)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.read() as connection:
        (news,) = settled_operations(connection, after=seen)
    assert (news["operation_id"], news["outcome"]) == (operation_id, "applied")
    stage.run(update(2, contactId=7))
    sequences = [row["sequence"] for row in stage.operations()]
    assert sequences == sorted(set(sequences))
    assert sequences[-1] == seen + 2


def test_what_stays_uncertain_keeps_its_number(stage: Stage) -> None:
    """Nothing new is known, so nothing new is told; it may be run as often as one likes."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    before = stage.operations()
    for _ in range(2):
        assert resolve(stage).exit_code == 2
    assert stage.operations() == before


def test_the_calls_of_a_read_back_are_written_down(stage: Stage) -> None:
    """The row tells every call ever made for the operation."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    finished(stage)
    stage.sandbox.fault(FaultKind.UNAVAILABLE, endpoint=Endpoint.GET)
    resolve(stage)
    row = stage.fate()
    assert [attempt["call"] for attempt in row["attempts"]] == ["execute", "read", "read", "read"]
    assert row["api_calls"] == 4
    assert row["api_calls"] == len(stage.sandbox.calls)


def test_an_applied_execution_is_remembered(stage: Stage) -> None:
    """After the read-back a replay is unchanged, and another record is too late."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    finished(stage)
    resolve(stage)
    stage.run(execution(1), execution(1, externalId="other"), keep_repeats=True)
    assert [reason or outcome for _, outcome, reason in stage.fates()] == [
        "applied",
        "unchanged",
        "already_executed",
    ]


# -- executions that waited for an uncertain one ---------------------------------------------------


def _with_two_in_wait(stage: Stage) -> None:
    """One uncertain execution, and two records that were not sent because of it."""
    stage.sandbox.create_task(1)
    uncertain(stage)
    stage.run(execution(1), execution(1, externalId="other"), keep_repeats=True)
    assert [outcome for _, outcome, _ in stage.fates()] == ["uncertain"] * 3


def test_those_in_wait_follow_an_execution_that_happened(stage: Stage) -> None:
    """The same record is unchanged, another one is too late; each gets a new number."""
    _with_two_in_wait(stage)
    finished(stage)
    assert resolve(stage).exit_code == 0
    assert stage.fates() == [
        (1, "applied", None),
        (1, "unchanged", None),
        (1, "rejected", "already_executed"),
    ]
    assert [row["sequence"] for row in stage.operations()] == [4, 5, 6]


def test_those_in_wait_may_be_replayed_after_one_that_did_not_happen(stage: Stage) -> None:
    """They were never sent, and their records are kept."""
    _with_two_in_wait(stage)
    first = stage.operations()[0]["operation_id"]
    assert resolve(stage, "--as", "not-sent", first).exit_code == 0
    assert stage.fates() == [(1, "rejected", "execution_failed")] * 3
    assert all(row["record"] for row in stage.operations())
    stage.run(execution(1))
    assert len(stage.sandbox.outbox) == 1


def test_those_in_wait_stay_as_long_as_the_first(stage: Stage) -> None:
    """Three stay uncertain; of those in wait no person can say that they were sent."""
    _with_two_in_wait(stage)
    result = resolve(stage)
    assert result.exit_code == 2
    assert result.output.count("it waits for operation") == 2
    waiting = stage.operations()[1]["operation_id"]
    refused = resolve(stage, "--as", "sent", waiting)
    assert refused.exit_code == 1
    assert "was never sent" in refused.output


# -- updates ---------------------------------------------------------------------------------------


# -- a person's word -------------------------------------------------------------------------------


# -- the living, and trouble -----------------------------------------------------------------------


def test_a_claim_of_a_live_process_is_never_touched(stage: Stage) -> None:
    """Neither by reading back nor by a word."""
    stage.sandbox.create_task(1)
    now = datetime.now(UTC)
    with Ledger.open(stage.settings["ledger_url"]) as ledger:
        claimed = entry(1)
        with ledger.write() as connection:
            claim(connection, [claimed], holder=ledger.holder, run_id=new_id(), at=now)
        before = stage.claims()
        assert resolve(stage).output.startswith("Nothing is open")
        refused = resolve(stage, "--as", "not-sent", claimed.operation_id)
        assert (refused.exit_code, "lives" in refused.output) == (1, True)
        refused = resolve(stage, claimed.operation_id)
        assert (refused.exit_code, "lives" in refused.output) == (1, True)
        assert stage.claims() == before
    assert not stage.sandbox.calls


def test_a_dry_run_settles_nothing(stage: Stage) -> None:
    """It reads and tells what would become of each."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    uncertain(stage, 2)
    stage.left_by_the_dead(1)
    for task_id in (1, 2):
        finished(stage, task_id)
    before = stage.operations(), stage.claims()
    result = resolve(stage, "--dry-run")
    assert result.output.count("-> applied") == 2
    assert (stage.operations(), stage.claims()) == before
    assert resolve(stage).exit_code == 0
    assert [outcome for _, outcome, _ in stage.fates()] == ["applied"] * 2


@pytest.mark.e2e
def test_it_is_the_same_on_postgresql(stage: Stage, postgres_url: str) -> None:
    """Claims, numbers, what waited and a word: on a server as in a file."""
    stage.settings["ledger_url"] = postgres_url
    _with_two_in_wait(stage)
    stage.sandbox.create_task(2)
    stage.sandbox.create_task(3)
    third = uncertain(stage, 3)
    stage.left_by_the_dead(2)
    for task_id in (1, 2):
        finished(stage, task_id)
    assert resolve(stage).exit_code == 2
    assert resolve(stage, "--as", "not-sent", third).exit_code == 0
    assert stage.fates() == [
        (2, "applied", None),
        (1, "applied", None),
        (1, "unchanged", None),
        (1, "rejected", "already_executed"),
        (3, "rejected", "execution_failed"),
    ]
    sequences = [row["sequence"] for row in stage.operations()]
    assert sequences == sorted(set(sequences))
    stage.run(execution(3))
    assert [sent.task_id for sent in stage.sandbox.outbox] == [3]
