"""The ledger streams: what each emits, and that each row is emitted once."""

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from tap_world import (
    DETAIL,
    LedgerWriter,
    applied,
    emit,
    entry,
    make_tap,
    rejected,
    run,
    sqlite_url,
    unchanged,
)

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import Ledger, Settlement
from reply_tasks.ledger.liveness import this_host
from reply_tasks.ledger.runs import close_dead_runs, start_run

DEFAULT = ["runs", "task_details", "task_operations"]


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger will be made, in either kind of database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_only_the_ledgers_streams_are_selected_by_default(tmp_path: Path) -> None:
    """Without a catalog and without a key the three ledger streams are emitted, and no other."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1), rejected(2))
        writer.end()
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path)})
    assert output.exit_code == 0
    assert sorted(output.schemas) == DEFAULT
    assert {name: len(rows) for name, rows in output.records.items()} == {
        "runs": 1,
        "task_details": 1,
        "task_operations": 2,
    }


@pytest.mark.parametrize(
    ("stream", "key"),
    [("task_details", "id"), ("task_operations", "operationId"), ("runs", "runId")],
)
def test_keys_and_bookmark_are_as_documented(tmp_path: Path, stream: str, key: str) -> None:
    """Each ledger stream says its key and that its bookmark is the integer sequence."""
    schema = emit({"ledger_url": sqlite_url(tmp_path)}).schemas[stream]
    assert schema["key_properties"] == [key]
    assert schema["bookmark_properties"] == ["sequence"]
    assert schema["schema"]["properties"]["sequence"]["type"] == "integer"


def test_an_operation_is_emitted_with_its_fate_and_without_its_body(ledger_url: str) -> None:
    """Every documented column is there, times are in UTC, and nothing of the record is."""
    settlement = rejected(42)
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(settlement)
    output = emit({"ledger_url": ledger_url})
    [record] = output.records["task_operations"]
    problem, attempts = json.loads(record.pop("problem")), json.loads(record.pop("attempts"))
    assert record == {
        "operationId": settlement.entry.operation_id,
        "sequence": 1,
        "runId": writer.run_id,
        "stream": "task_updates",
        "operation": "update",
        "taskId": 42,
        "externalId": "crm-42",
        "actAsUserId": 5,
        "outcome": "rejected",
        "reason": "task_not_new",
        "detail": "Only tasks with 'New' status can be edited.",
        "httpStatus": 400,
        "apiCalls": 1,
        "bodyHash": "a" * 64,
        "receivedAt": "2026-03-01T12:00:00Z",
        "claimedAt": None,
        "settledAt": "2026-03-01T12:00:03Z",
        "approvedBy": None,
        "approvedAt": None,
    }
    assert problem == {"title": "Bad Request", "status": 400, "code": "task.unknown"}
    assert [(call["call"], call["status"], call["seconds"]) for call in attempts] == [
        ("update", 400, 0.5)
    ]
    assert "TOP SECRET BODY" not in json.dumps(output.messages)


def test_what_could_not_be_read_is_null(ledger_url: str) -> None:
    """A record without a readable operation and id still has its row."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(rejected(None, None))
    [record] = emit({"ledger_url": ledger_url}).records["task_operations"]
    assert (record["operation"], record["taskId"]) == (None, None)


def test_a_detail_has_integers_with_names_and_utc_times(ledger_url: str) -> None:
    """Enums are the documented integers with their names, and offsets are resolved."""
    settlement = applied(1, Operation.EXECUTE)
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(settlement)
    [record] = emit({"ledger_url": ledger_url}).records["task_details"]
    assert record == {
        **DETAIL,
        "taskTypeName": "linkedIn",
        "statusName": "finished",
        "linkedInTaskTypeName": "inMail",
        "creationSourceName": "sequence",
        "createdAt": "2026-01-05T07:24:35.840000Z",
        "startAt": "2026-03-01T10:00:00Z",
        "dueTo": "2026-03-08T12:00:00Z",
        "finishedAt": "2026-03-02T17:00:00Z",
        "operation": "execute",
        "operationId": settlement.entry.operation_id,
        "appliedAt": "2026-03-01T12:00:02.500000Z",
        "sequence": 1,
    }


def test_names_on_the_wire_become_the_same_integers(ledger_url: str) -> None:
    """Today's API sends names; the warehouse gets the same columns."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1, taskType="manualEmail", status="new", linkedInTaskType=None))
    [record] = emit({"ledger_url": ledger_url}).records["task_details"]
    assert (record["taskType"], record["taskTypeName"]) == (7, "manualEmail")
    assert (record["status"], record["statusName"]) == (0, "new")
    assert (record["linkedInTaskType"], record["linkedInTaskTypeName"]) == (None, None)


def test_an_unknown_enum_value_is_kept(ledger_url: str) -> None:
    """What a later API sends is emitted in the column that it fits."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1, taskType=12, status="snoozed"))
    [record] = emit({"ledger_url": ledger_url}).records["task_details"]
    assert (record["taskType"], record["taskTypeName"]) == (12, None)
    assert (record["status"], record["statusName"]) == (None, "snoozed")


def test_the_latest_detail_of_a_task_comes_last(ledger_url: str) -> None:
    """A loader that upserts by id ends with what Reply said last."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1, contactId=10), applied(2), applied(1, contactId=11))
    records = emit({"ledger_url": ledger_url}).records["task_details"]
    assert [(r["id"], r["contactId"], r["sequence"]) for r in records] == [
        (1, 10, 1),
        (2, 71, 2),
        (1, 11, 3),
    ]


def test_details_are_of_applied_operations_only(ledger_url: str) -> None:
    """A task that was only read back, rejected or unchanged is no applied detail."""
    read_back = Settlement(
        entry(3), Outcome.UNCHANGED, applied(3).settled_at, task_detail=DETAIL | {"id": 3}
    )
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(rejected(1), unchanged(2), read_back, applied(4))
    output = emit({"ledger_url": ledger_url})
    assert output.ids("task_details", "id") == [4]
    assert output.ids("task_operations", "taskId") == [1, 2, 3, 4]


def test_a_claim_is_not_emitted_before_it_is_settled(ledger_url: str) -> None:
    """An operation in flight has no fate yet."""
    with LedgerWriter.open(ledger_url) as writer:
        claimed = writer.claim(1)
        assert emit({"ledger_url": ledger_url}).records["task_operations"] == []
        done = applied(1)
        writer.settle(
            Settlement(claimed, done.outcome, done.settled_at, claimed_at=done.settled_at)
        )
    [record] = emit({"ledger_url": ledger_url}).records["task_operations"]
    assert record["claimedAt"] == "2026-03-01T12:00:01Z"


def test_a_run_is_emitted_when_it_has_ended(ledger_url: str) -> None:
    """A finished run has its counts, calls and waits."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), applied(2), rejected(3), unchanged(4))
        assert emit({"ledger_url": ledger_url}).records["runs"] == []
        writer.totals.api_calls = 3
        writer.totals.quota_wait_seconds = 1.5
        writer.end(exit_code=2)
    [record] = emit({"ledger_url": ledger_url}).records["runs"]
    started, ended = record.pop("startedAt"), record.pop("endedAt")
    assert started < ended
    assert ended.endswith("Z")
    assert record == {
        "runId": writer.run_id,
        "sequence": 1,
        "exitCode": 2,
        "crashed": False,
        "held": 0,
        "repeated": 0,
        "applied": 2,
        "unchanged": 1,
        "superseded": 0,
        "rejected": 1,
        "uncertain": 0,
        "apiCalls": 3,
        "quotaWaitSeconds": 1.5,
    }


def test_a_run_that_was_found_dead_is_marked_as_crashed(ledger_url: str) -> None:
    """It has no exit code, and counts what it had settled."""
    with LedgerWriter.open(ledger_url) as dead:
        dead.settle(applied(1))
    with Ledger.open(ledger_url) as ledger, ledger.write() as connection:
        close_dead_runs(connection, seen_from=this_host())
    [record] = emit({"ledger_url": ledger_url}).records["runs"]
    assert (record["runId"], record["crashed"], record["exitCode"]) == (dead.run_id, True, None)
    assert record["applied"] == 1


def test_a_second_run_emits_only_what_is_new(ledger_url: str) -> None:
    """With the state of the last run nothing comes twice, and nothing new is missed."""
    config = {"ledger_url": ledger_url}
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), rejected(2))
        writer.end()
        first = emit(config)
        again = emit(config, state=first.state)
        assert dict(again.records) == {}
        assert again.state == first.state
        with writer.ledger.write() as connection:
            writer.run_id = "f" * 32
            start_run(connection, writer.run_id)
        writer.settle(rejected(3), applied(4))
        writer.end()
    third = emit(config, state=again.state)
    assert third.ids("task_operations") == [3, 4]
    assert third.ids("task_details") == [4]
    assert third.ids("runs") == [2]


def test_the_start_date_is_not_taken_for_a_bookmark(tmp_path: Path) -> None:
    """``start_date`` is for the API streams: the ledger is read from its beginning."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    config = {"ledger_url": sqlite_url(tmp_path), "start_date": "2030-01-01"}
    first = emit(config)
    assert first.ids("task_operations") == [1]
    assert emit(config, state=first.state).records["task_operations"] == []


def test_a_stream_that_is_forced_to_full_table_is_read_whole(tmp_path: Path) -> None:
    """Whoever drops the bookmark gets every row, whatever the state says."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    state = emit(config).state
    tap = make_tap(config, state=state)
    tap.streams["task_operations"].forced_replication_method = "FULL_TABLE"
    rows = tap.streams["task_operations"].get_records(None)
    assert [row["sequence"] for row in rows if isinstance(row, dict)] == [1]


def test_a_ledger_that_was_replaced_is_read_from_its_beginning(
    ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A bookmark beyond every number that a ledger has given is not its own: no row is lost."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), applied(2))
    bookmark = {"replication_key": "sequence", "replication_key_value": 900}
    output = emit({"ledger_url": ledger_url}, state={"bookmarks": {"task_operations": bookmark}})
    assert output.ids("task_operations") == [1, 2]
    assert output.state["bookmarks"]["task_operations"]["replication_key_value"] == 2
    assert "it was replaced" in caplog.text


def test_another_ledger_is_noticed_though_its_numbers_have_passed_the_bookmark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bookmark names its ledger: what another one gave the same numbers to is not skipped."""
    (tmp_path / "other").mkdir()
    first, other = sqlite_url(tmp_path), sqlite_url(tmp_path / "other")
    for url, count in ((first, 2), (other, 4)):
        with LedgerWriter.open(url) as writer:
            writer.settle(*(applied(task) for task in range(1, count + 1)))
            writer.end()
    state = emit({"ledger_url": first}).state
    moved = emit({"ledger_url": other}, state=state)
    assert moved.ids("task_operations") == moved.ids("task_details") == [1, 2, 3, 4]
    assert moved.ids("runs") == [1]
    assert caplog.text.count("it was replaced") == 3
    assert dict(emit({"ledger_url": other}, state=moved.state).records) == {}


def test_an_older_copy_of_the_ledger_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It has the same id, and gives the numbers that the copy lacks a second time."""
    url, path = sqlite_url(tmp_path), tmp_path / "ledger.db"
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(1))
    copy = path.read_bytes()
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(2))
    state = emit({"ledger_url": url}).state
    path.write_bytes(copy)
    for task in (3, 4):
        with LedgerWriter.open(url) as writer:
            writer.settle(applied(task))
    output = emit({"ledger_url": url}, "task_operations", state=state)
    assert output.ids("task_operations", "taskId") == [1, 3, 4]
    assert "an older copy of it restored" in caplog.text


def test_a_bookmark_of_an_earlier_version_goes_on_and_names_its_ledger(tmp_path: Path) -> None:
    """An upgrade repeats nothing, and from then on another ledger is noticed."""
    url = sqlite_url(tmp_path)
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(1), applied(2))
    bookmark = {"replication_key": "sequence", "replication_key_value": 1}
    output = emit({"ledger_url": url}, state={"bookmarks": {"task_operations": bookmark}})
    assert output.ids("task_operations") == [2]
    named = output.state["bookmarks"]["task_operations"]
    assert named["replication_key_value"] == 2
    assert named["ledger"]["opened_by"] == writer.ledger.holder.holder_id


def test_the_ledger_of_a_sandbox_is_read_without_its_address(tmp_path: Path) -> None:
    """Nothing is called, so that nobody has to say which API it belongs to."""
    url = sqlite_url(tmp_path)
    with Ledger.open(url, api_url="http://127.0.0.1:8300/v3"):
        pass
    assert emit({"ledger_url": url}).exit_code == 0


def test_a_bookmark_of_another_tap_ends_the_run_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A date where a number belongs is not guessed at."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    bookmark = {"replication_key": "sequence", "replication_key_value": "2026-01-01"}
    state = {"bookmarks": {"task_operations": bookmark}}
    output = emit({"ledger_url": sqlite_url(tmp_path)}, "task_operations", state=state)
    assert output.exit_code == 1
    assert "bookmark of task_operations is '2026-01-01'" in caplog.text


def test_without_a_ledger_there_are_schemas_and_no_rows(tmp_path: Path) -> None:
    """A tap that is scheduled before the target's first run says so, succeeds and makes no file."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    before = run(tmp_path, config)
    assert before.exit_code == 0
    assert sorted(before.schemas) == DEFAULT
    assert dict(before.records) == {}
    assert "There is no ledger at" in before.log
    assert not (tmp_path / "ledger.db").exists()
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    assert run(tmp_path, config, state=before.state).ids("task_operations") == [1]


def test_a_file_that_is_no_ledger_ends_the_run_with_one_line(tmp_path: Path) -> None:
    """Exit code 1 and a sentence, no traceback."""
    (tmp_path / "ledger.db").write_text("not a database" * 100)
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path)})
    assert output.exit_code == 1
    assert "can't be opened: file is not a database" in output.log
    assert "Traceback" not in output.log


def test_a_password_of_the_ledger_is_never_shown(tmp_path: Path) -> None:
    """A database that can't be reached is named without its password."""
    url = "postgresql+psycopg://reply:s3cr3t-word@127.0.0.1:1/ledger"
    output = run(tmp_path, {"ledger_url": url})
    assert output.exit_code == 1
    assert "127.0.0.1" in output.log
    assert "s3cr3t-word" not in output.log
    assert "Traceback" not in output.log


def test_the_ledger_stays_private(tmp_path: Path) -> None:
    """Reading leaves the file to its owner."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    emit({"ledger_url": sqlite_url(tmp_path)})
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_a_ledger_that_is_being_written_is_read_without_gaps(ledger_url: str) -> None:
    """Runs beside two writers emit, taken together, every operation exactly once and in order."""
    batches, size = 40, 5
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with LedgerWriter.open(ledger_url) as writer:
                for _ in range(batches):
                    writer.settle(*(unchanged(number) for number in range(size)))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    with LedgerWriter.open(ledger_url):
        writers = [threading.Thread(target=write) for _ in range(2)]
        for thread in writers:
            thread.start()
        config = {"ledger_url": ledger_url}
        state: dict[str, Any] = {}
        seen: list[int] = []
        while any(thread.is_alive() for thread in writers):
            output = emit(config, "task_operations", state=state)
            seen += output.ids("task_operations")
            state = output.state
        for thread in writers:
            thread.join()
    seen += emit(config, "task_operations", state=state).ids("task_operations")
    assert failures == []
    assert seen == list(range(1, 2 * batches * size + 1))
