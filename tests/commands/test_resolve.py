"""``reply-tasks resolve`` settles what dead processes and lost answers left open."""

import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from target_runs import (
    BODY,
    KEY,
    SCRIPTS,
    Stage,
    environment,
    execution,
    ledger_bytes,
    lines,
    merge,
    update,
)

from reply_tasks.cli import main
from reply_tasks.contract import Operation
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Entry, Ledger, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import Endpoint, FaultKind, When

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def resolve(stage: Stage, *arguments: str, **env: str) -> Result:
    """Run the command with the stage's ledger, sandbox and key in the environment."""
    variables = {
        "REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"],
        "REPLY_TASKS_API_URL": stage.sandbox.url,
        "REPLY_TASKS_API_KEY": KEY,
        "REPLY_TASKS_API_DIALECT": "preview",
    }
    result = CliRunner().invoke(main, ["resolve", *arguments], env={**variables, **env})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def uncertain(stage: Stage, task_id: int = 1) -> str:
    """An execution that a run settled as uncertain; its operation's id."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=task_id)
    stage.run(execution(task_id), on_lost_answer="hold")
    row = stage.fate()
    assert row["outcome"] == "uncertain"
    operation_id: str = row["operation_id"]
    return operation_id


def finished(stage: Stage, task_id: int = 1, **members: Any) -> None:
    """Let the task be finished now, as an execution does it."""
    stage.sandbox.edit_task(
        task_id, status=TaskStatus.FINISHED, finished_at=datetime.now(UTC), **members
    )


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
    done = subprocess.run(
        [SCRIPTS / "reply-tasks", "resolve", "--json"],
        env={
            **environment(),
            "REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"],
            "REPLY_TASKS_API_URL": stage.sandbox.url,
            "REPLY_TASKS_API_KEY": KEY,
            "REPLY_TASKS_API_DIALECT": "preview",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
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

WHOLE = {**BODY, "taskType": 2}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(WHOLE, "applied"), ({**WHOLE, "contactId": 7}, None), ({"contactId": 1001}, "applied")],
    ids=["as_it_is", "otherwise", "merged"],
)
def test_an_update_of_the_dead_is_settled_where_it_is_in_effect(
    stage: Stage, body: dict[str, Any], outcome: str | None
) -> None:
    """Else its claim is left to the next run, which repeats it."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    stage.left_by_the_dead(1, Operation.UPDATE, body)
    result = resolve(stage)
    assert result.exit_code == 0
    if outcome is not None:
        assert stage.fates()[1:] == [(1, outcome, None)]
        assert stage.fate()["task_detail"]["contactId"] == 1001
        return
    assert "the next run of the target repeats the update" in result.output
    assert len(stage.claims()) == 1
    stage.run()
    assert stage.fates()[1:] == [(1, "applied", None)]
    assert stage.sandbox.task(1).contact_id == 7


def test_a_resolved_update_is_the_last_body_applied(stage: Stage) -> None:
    """The same record is unchanged afterwards, in either mode."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    stage.left_by_the_dead(1, Operation.UPDATE, WHOLE)
    resolve(stage)
    calls = len(stage.sandbox.calls)
    stage.run(update(1))
    stage.run(merge(1, contactId=1001), update_mode="merge")
    assert len(stage.sandbox.calls) == calls


# -- a person's word -------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["claimed", "uncertain"])
def test_a_person_says_that_it_was_sent(stage: Stage, left: str) -> None:
    """Applied, saying whose word it is, with the task as it can be read; it is never sent again."""
    stage.sandbox.create_task(1)
    operation_id = stage.left_by_the_dead(1) if left == "claimed" else uncertain(stage)
    result = resolve(stage, "--as", "sent", operation_id[:12])
    assert result.exit_code == 0
    row = stage.fate()
    assert (row["outcome"], row["operation_id"]) == ("applied", operation_id)
    assert row["detail"].startswith("A person said that it was sent")
    assert row["task_detail"]["id"] == 1
    stage.run(execution(1), keep_repeats=True)
    assert stage.fate()["outcome"] == "unchanged"
    assert not stage.sandbox.outbox


@pytest.mark.parametrize("left", ["claimed", "uncertain"])
def test_a_person_says_that_it_was_not_sent(stage: Stage, left: str) -> None:
    """Rejected, with its record; a replay sends it, once."""
    stage.sandbox.create_task(1)
    operation_id = stage.left_by_the_dead(1) if left == "claimed" else uncertain(stage)
    reads = len(stage.sandbox.calls_of(Endpoint.GET))
    assert resolve(stage, "--as", "not-sent", operation_id).exit_code == 0
    row = stage.fate()
    assert (row["outcome"], row["reason"]) == ("rejected", "execution_failed")
    assert row["detail"].startswith("A person said that it was not sent")
    assert row["record"] == {"id": 1}
    assert len(stage.sandbox.calls_of(Endpoint.GET)) == reads
    for _ in range(2):
        stage.run(execution(1), keep_repeats=True)
    assert [outcome for _, outcome, _ in stage.fates()] == ["rejected", "applied", "unchanged"]
    assert len(stage.sandbox.outbox) == 1


def test_a_word_needs_no_key(stage: Stage) -> None:
    """The task is good to have, but the word is enough."""
    stage.sandbox.create_task(1)
    operation_id = uncertain(stage)
    result = resolve(stage, "--as", "sent", operation_id, REPLY_TASKS_API_KEY="")
    assert result.exit_code == 0
    assert stage.fate()["outcome"] == "applied"
    assert stage.fate()["task_detail"] is None


def test_a_word_touches_no_other_operation(stage: Stage) -> None:
    """Others are settled by reading back, or by a word of their own."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    first, second = uncertain(stage, 1), uncertain(stage, 2)
    finished(stage, 2)
    resolve(stage, "--as", "not-sent", first)
    assert {row["operation_id"]: row["outcome"] for row in stage.operations()} == {
        first: "rejected",
        second: "uncertain",
    }


def test_ids_choose_what_is_read_back(stage: Stage) -> None:
    """Without a word, ids only narrow."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    uncertain(stage, 1)
    second = uncertain(stage, 2)
    for task_id in (1, 2):
        finished(stage, task_id)
    assert resolve(stage, second[:12]).exit_code == 0
    assert [outcome for _, outcome, _ in stage.fates()] == ["uncertain", "applied"]


def test_a_word_on_something_else_is_refused(stage: Stage) -> None:
    """Unknown, ambiguous, settled, an update: each says why, exit code 1, and nothing changes."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(update(2))
    settled = stage.fate()["operation_id"]
    left = stage.left_by_the_dead(1, Operation.UPDATE, WHOLE)
    before = stage.operations()
    for named, told in (
        ("ffff" if not settled.startswith("ffff") else "eeee", "No operation's id"),
        ("xyz", "no operation id"),
        ("", "no operation id"),
        ("%", "no operation id"),
        (settled, "settled already: applied"),
        (left, "is an update"),
    ):
        result = resolve(stage, "--as", "sent", named)
        assert (result.exit_code, told in result.output) == (1, True), result.output
    assert stage.operations() == before
    assert resolve(stage, "--as", "sent").exit_code == 2, "a word without an id is a usage error"


def test_an_ambiguous_beginning_of_an_id_is_refused(stage: Stage) -> None:
    """Both are named."""
    ids = [f"abcd{number:028x}" for number in (1, 2)]
    now = datetime.now(UTC)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        entries = [
            Entry(each, "s", Operation.EXECUTE, place, None, None, "h", {"id": place}, now)
            for place, each in enumerate(ids, 1)
        ]
        claim(connection, entries, holder=ledger.holder, run_id=new_id(), at=now)
    result = resolve(stage, "--as", "not-sent", "abcd")
    assert result.exit_code == 1
    assert "Several operations" in result.output
    assert len(stage.claims()) == 2


# -- the living, and trouble -----------------------------------------------------------------------


def test_a_claim_of_a_live_process_is_never_touched(stage: Stage) -> None:
    """Neither by reading back nor by a word."""
    stage.sandbox.create_task(1)
    now = datetime.now(UTC)
    with Ledger.open(stage.settings["ledger_url"]) as ledger:
        entry = Entry(new_id(), "s", Operation.EXECUTE, 1, None, None, "h", {"id": 1}, now)
        with ledger.write() as connection:
            claim(connection, [entry], holder=ledger.holder, run_id=new_id(), at=now)
        before = stage.claims()
        assert resolve(stage).output.startswith("Nothing is open")
        refused = resolve(stage, "--as", "not-sent", entry.operation_id)
        assert (refused.exit_code, "lives" in refused.output) == (1, True)
        refused = resolve(stage, entry.operation_id)
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
