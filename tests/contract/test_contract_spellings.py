"""Rows from a CRM or a SQL view are read as they are: every spelling, one canonical form."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from reply_tasks.contract import Operation, TaskRecord, UpdateMode, body_hash, read_record

UPDATE: dict[str, Any] = {
    "id": 42,
    "taskType": 5,
    "startAt": "2026-09-01T08:00:00Z",
    "dueTo": "2026-09-02T08:00:00Z",
    "template": {"body": "Hi", "subject": "Hello", "attachmentIdList": [1, 2]},
    "contactId": 7,
    "linkedInTaskType": 1,
}
BODY = {name: value for name, value in UPDATE.items() if name != "id"}


def update(**changes: Any) -> TaskRecord:
    return read(Operation.UPDATE, {**UPDATE, **changes})


def respelt(name: str, spelling: str, value: Any) -> TaskRecord:
    raw = {key: given for key, given in UPDATE.items() if key != name}
    return read(Operation.UPDATE, {**raw, spelling: value})


def read(operation: Operation, raw: dict[str, Any]) -> TaskRecord:
    record = read_record(raw, operation).record
    assert isinstance(record, TaskRecord), record
    return record


def test_a_canonical_update_is_read_as_it_is() -> None:
    """A canonical record keeps every member; its id is no part of the body."""
    assert update() == TaskRecord(Operation.UPDATE, 42, BODY)


@pytest.mark.parametrize(
    ("name", "spelling", "value"),
    [
        ("id", "task_id", 42),
        ("id", "taskId", 42),
        ("taskType", "task_type", 5),
        ("startAt", "start_at", UPDATE["startAt"]),
        ("dueTo", "due_to", UPDATE["dueTo"]),
        ("contactId", "contact_id", 7),
        ("linkedInTaskType", "linked_in_task_type", 1),
        ("linkedInTaskType", "linkedin_task_type", 1),
        ("linkedInTaskType", "linkedinTaskType", 1),
        ("template", "template", json.dumps(UPDATE["template"])),
        ("template", "template", {"body": "Hi", "subject": "Hello", "attachment_id_list": [1, 2]}),
        (
            "template",
            "template",
            {"body": "Hi", "subject": "Hello", "attachmentIdList": "[1, 2]"},
        ),
    ],
)
def test_members_may_be_spelt_in_several_ways(name: str, spelling: str, value: Any) -> None:
    """snake_case, the ids' aliases and JSON texts mean the same as the canonical name."""
    assert respelt(name, spelling, value) == TaskRecord(Operation.UPDATE, 42, BODY)


@pytest.mark.parametrize("attachments", ["attachmentIdList", "attachment_id_list"])
@pytest.mark.parametrize("between", ["__", "_"])
def test_an_object_may_be_flattened(attachments: str, between: str) -> None:
    """Flattened members make up their object, also where a tap made one underscore of two."""
    raw = {name: value for name, value in UPDATE.items() if name != "template"}
    raw |= {
        f"template{between}body": "Hi",
        f"template{between}subject": "Hello",
        f"template{between}{attachments}": "[1, 2]",
    }
    assert read(Operation.UPDATE, raw) == update()


def test_nested_and_flattened_members_complete_each_other() -> None:
    """An object and its flattened members may stand side by side when they agree."""
    template = {"body": "Hi", "subject": "Hello"}
    raw = {**UPDATE, "template": template, "template__attachment_id_list": [1, 2]}
    assert read(Operation.UPDATE, {**raw, "template__body": "Hi"}) == update()


@pytest.mark.parametrize(
    "given",
    [5, "5", " 5 ", "05", 5.0, Decimal(5), "linkedIn", "LinkedIn", "LINKED_IN", "linked-in"],
    ids=repr,
)
def test_an_enum_is_its_integer_in_any_spelling(given: object) -> None:
    """Integers, digit strings and names in any case become a plain integer."""
    task_type = update(taskType=given).body["taskType"]
    assert task_type == 5
    assert type(task_type) is int


@pytest.mark.parametrize(
    "given",
    [7, "7", " 7 ", "007", 7.0, Decimal(7), Decimal("7.00")],
    ids=repr,
)
def test_an_id_is_an_integer_in_any_spelling(given: object) -> None:
    """Integers, digit strings, integral floats and Decimals become a plain integer."""
    record = update(contactId=given, actAsUserId=given)
    assert record.body["contactId"] == 7
    assert record.act_as_user_id == 7
    assert type(record.body["contactId"]) is int


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("sf:00T1", "sf:00T1"),
        ("12", "12"),
        (12, 12),
        (Decimal(12), 12),
        (-3, -3),
        ("Jürgen", "Jürgen"),
        (None, None),
        ("", None),
        ("None", None),
    ],
    ids=repr,
)
def test_the_external_key_is_kept_and_never_sent(given: object, kept: str | int | None) -> None:
    """Text stays text, numbers become integers, and the body knows nothing of it."""
    record = update(external_id=given)
    assert record.external_id == kept
    assert record.body == BODY


@pytest.mark.parametrize(
    "given",
    [
        "2026-09-02T08:00:00Z",
        "2026-09-02t08:00:00z",
        "2026-09-02 08:00:00",
        "2026-09-02T10:00:00+02:00",
        "2026-09-02 08:00:00+00",
        datetime(2026, 9, 2, 8, tzinfo=UTC),
        datetime(2026, 9, 2, 8),  # noqa: DTZ001  # naive on purpose
        datetime(2026, 9, 2, 10, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_date_times_are_sent_in_utc(given: object) -> None:
    """Whatever form a date-time has, the body says the same instant with Z."""
    assert update(dueTo=given).body == BODY


def test_a_date_is_its_midnight() -> None:
    """A date stands for the first moment of its day."""
    assert update(dueTo=date(2026, 9, 3)).body["dueTo"] == "2026-09-03T00:00:00Z"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ({"id": 42}, {}),
        ({"task_id": "42", "content": None, "emailAccountId": None}, {}),
        ({"id": 42, "content": "null", "email_account_id": "None"}, {}),
        ({"id": 42, "content": "", "emailAccountId": ""}, {}),
        ({"id": 42, "content__body": None, "content__subject": None}, {}),
        ({"id": 42, "content": {"body": None, "subject": None}}, {}),
        ({"id": 42, "content": '{"body": "Hi"}'}, {"content": {"body": "Hi"}}),
        (
            {"id": 42, "content__body": "Hi", "content__subject": None},
            {"content": {"body": "Hi", "subject": None}},
        ),
        ({"id": 42, "email_account_id": "9"}, {"emailAccountId": 9}),
        ({"id": 42, "operation": "execute", "externalId": 1, "actAsUserId": 2}, {}),
    ],
)
def test_an_execution_sends_only_what_was_said(raw: dict[str, Any], body: dict[str, Any]) -> None:
    """Of an execution, null members count as absent: Reply renders."""
    assert read(Operation.EXECUTE, raw).body == body


def test_members_that_the_contract_does_not_know_are_dropped_by_name() -> None:
    """What is not in the contract is named, except what Singer adds and the operation."""
    raw = {
        **UPDATE,
        "priority": "high",
        "template": {"body": "Hi", "footer": "x"},
        "content": {"body": "for executions only"},
        "operation": "update",
        "_sdc_extracted_at": "2026-09-01",
    }
    read_ = read_record(raw, Operation.UPDATE)
    assert isinstance(read_.record, TaskRecord)
    assert read_.dropped == ("template.footer", "priority", "content")


def test_spellings_do_not_change_the_hash() -> None:
    """Two spellings of one body have one hash, so an unchanged update is known as such."""
    spelt = update(taskType="LINKED_IN", dueTo="2026-09-02T10:00:00+02:00", contactId="7")
    assert body_hash(spelt.operation, spelt.body) == body_hash(Operation.UPDATE, BODY)


def test_the_earliest_start_is_allowed() -> None:
    """A task may start at the first moment of 2015, and be due a microsecond later."""
    record = update(startAt="2015-01-01T00:00:00Z", dueTo="2015-01-01T00:00:00.000001Z")
    assert record.body["dueTo"] == "2015-01-01T00:00:00.000001Z"


def test_merging_needs_nothing_but_the_id() -> None:
    """In merge mode a record may hold any part of the body."""
    raw = {"id": 42, "template__subject": "New"}
    record = read_record(raw, Operation.UPDATE, mode=UpdateMode.MERGE).record
    assert record == TaskRecord(Operation.UPDATE, 42, {"template": {"subject": "New"}})
