"""The ledger streams: what each emits, and that each row is emitted once."""

import json
from pathlib import Path

import pytest
from tap_ledger import DETAIL, LedgerWriter, applied, entry, rejected, sqlite_url, unchanged
from tap_world import emit, run

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import Ledger, Settlement
from reply_tasks.ledger.liveness import this_host
from reply_tasks.ledger.runs import close_dead_runs


def test_only_the_ledgers_streams_are_selected_by_default(tmp_path: Path) -> None:
    """Without a catalog and without a key the ledger streams are emitted, and no other."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1), rejected(2))
        writer.end()
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path)})
    assert output.exit_code == 0
    assert sorted(output.schemas) == ["runs", "task_details", "task_links", "task_operations"]
    assert {name: len(rows) for name, rows in output.records.items()} == {
        "runs": 1,
        "task_details": 1,
        "task_links": 1,
        "task_operations": 2,
    }


@pytest.mark.parametrize(
    ("stream", "key"),
    [
        ("task_details", "id"),
        ("task_operations", "operationId"),
        ("task_links", "externalId"),
        ("runs", "runId"),
    ],
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
