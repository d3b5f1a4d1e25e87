"""Every broken rule is named, with the pointer of the member that breaks it."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from invalid_records import UPDATE, found, invalid

from reply_tasks.contract import (
    MergeNulls,
    Operation,
    TaskRecord,
    UpdateMode,
    Violation,
    read_record,
    violations_of_update,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # ids
        ({"id": None, "externalId": None}, [("/id", "required", "missing")]),
        ({"id": 0}, [("/id", "minimum", "integer")]),
        ({"id": "-5"}, [("/id", "minimum", "integer")]),
        ({"id": -(10**5000)}, [("/id", "minimum", "integer")]),
        ({"id": True}, [("/id", "type", "boolean")]),
        ({"id": "4 2"}, [("/id", "type", "string")]),
        ({"id": "42.5"}, [("/id", "type", "string")]),
        ({"id": "", "externalId": ""}, [("/id", "required", "missing")]),
        ({"id": "None", "externalId": "None"}, [("/id", "required", "missing")]),
        ({"id": "\u0664\u0662"}, [("/id", "type", "string")]),
        ({"id": 42.5}, [("/id", "type", "number")]),
        ({"id": float("nan")}, [("/id", "type", "number")]),
        ({"id": float("inf")}, [("/id", "type", "number")]),
        ({"id": 2.0**60}, [("/id", "maximum", "number")]),
        ({"id": Decimal("NaN")}, [("/id", "type", "number")]),
        ({"id": Decimal("sNaN")}, [("/id", "type", "number")]),
        ({"id": Decimal("-Infinity")}, [("/id", "type", "number")]),
        ({"id": Decimal("42.5")}, [("/id", "type", "number")]),
        ({"id": Decimal("1E+999999")}, [("/id", "maximum", "number")]),
        ({"id": 2**63}, [("/id", "maximum", "integer")]),
        ({"id": "9" * 5000}, [("/id", "maximum", "string")]),
        ({"id": [42]}, [("/id", "type", "array")]),
        ({"id": {}}, [("/id", "type", "object")]),
        ({"contactId": 0}, [("/contactId", "minimum", "integer")]),
        ({"contactId": "me"}, [("/contactId", "type", "string")]),
        ({"actAsUserId": 0}, [("/actAsUserId", "minimum", "integer")]),
        # the source's key
        ({"externalId": 1.5}, [("/externalId", "type", "number")]),
        ({"externalId": False}, [("/externalId", "type", "boolean")]),
        ({"externalId": "a\0b"}, [("/externalId", "encoding", "string")]),
        ({"externalId": "\ud800"}, [("/externalId", "encoding", "string")]),
        ({"externalId": "x" * 256}, [("/externalId", "maxLength", "string")]),
        ({"externalId": 10**20}, [("/externalId", "maximum", "integer")]),
        # enums
        ({"taskType": None}, [("/taskType", "type", "null")]),
        ({"taskType": 3}, [("/taskType", "enum", "integer")]),
        ({"taskType": "3"}, [("/taskType", "enum", "string")]),
        ({"taskType": "fax"}, [("/taskType", "enum", "string")]),
        ({"taskType": "7" * 5000}, [("/taskType", "enum", "string")]),
        ({"taskType": 10**5000}, [("/taskType", "enum", "integer")]),
        ({"taskType": 7.5}, [("/taskType", "enum", "number")]),
        ({"taskType": True}, [("/taskType", "type", "boolean")]),
        ({"taskType": [7]}, [("/taskType", "type", "array")]),
        ({"taskType": "None"}, [("/taskType", "enum", "string")]),
        (
            {"taskType": 5, "linkedInTaskType": "poke"},
            [("/linkedInTaskType", "enum", "string")],
        ),
        (
            {"linkedInTaskType": "message"},
            [("/linkedInTaskType", "linkedInTaskType_only_linkedIn", "integer")],
        ),
        # date-times
        ({"startAt": None}, [("/startAt", "type", "null")]),
        ({"startAt": "soon"}, [("/startAt", "format", "string")]),
        ({"startAt": "None"}, [("/startAt", "format", "string")]),
        ({"startAt": 1756713600}, [("/startAt", "type", "integer")]),
        ({"startAt": time(8)}, [("/startAt", "type", "Python time")]),
        ({"startAt": timedelta(1)}, [("/startAt", "type", "Python timedelta")]),
        (
            {"startAt": datetime.max.replace(tzinfo=UTC)},
            [("/dueTo", "dueTo_after_startAt", "string")],
        ),
        ({"startAt": "2014-12-31T23:59:59.9Z"}, [("/startAt", "startAt_from_2015", "string")]),
        ({"dueTo": UPDATE["startAt"]}, [("/dueTo", "dueTo_after_startAt", "string")]),
        ({"dueTo": "2026-09-01T09:00:00+02:00"}, [("/dueTo", "dueTo_after_startAt", "string")]),
        (
            {"startAt": "2014-01-02", "dueTo": "2014-01-01"},
            [
                ("/startAt", "startAt_from_2015", "string"),
                ("/dueTo", "dueTo_after_startAt", "string"),
            ],
        ),
        # the template
        ({"template": None}, [("/template", "type", "null")]),
        ({"template": ""}, [("/template", "type", "string")]),
        ({"template": "Hi"}, [("/template", "type", "string")]),
        ({"template": "[]"}, [("/template", "type", "string")]),
        ({"template": "[" * 100_000}, [("/template", "type", "string")]),
        ({"template": "null"}, [("/template", "type", "null")]),
        ({"template": 5}, [("/template", "type", "integer")]),
        ({"template": ["Hi"]}, [("/template", "type", "array")]),
        ({"template": {}}, [("/template/body", "required", "missing")]),
        ({"template": {"body": None}}, [("/template/body", "type", "null")]),
        ({"template": {"body": ""}}, [("/template/body", "pattern", "string")]),
        ({"template": {"body": " \n\t\u00a0"}}, [("/template/body", "pattern", "string")]),
        ({"template": {"body": 5}}, [("/template/body", "type", "integer")]),
        ({"template": {"body": "\udfff"}}, [("/template/body", "encoding", "string")]),
        (
            {"template": {"body": "Hi", "subject": 5}},
            [("/template/subject", "type", "integer")],
        ),
        (
            {"template": {"body": "Hi", "attachmentIdList": "1,2"}},
            [("/template/attachmentIdList", "type", "string")],
        ),
        (
            {"template": {"body": "Hi", "attachmentIdList": {"1": 2}}},
            [("/template/attachmentIdList", "type", "object")],
        ),
        (
            {"template": {"body": "Hi", "attachmentIdList": "[NaN]"}},
            [("/template/attachmentIdList", "type", "string")],
        ),
        (
            {"template": {"body": "Hi", "attachmentIdList": [1, "b", None]}},
            [
                ("/template/attachmentIdList/1", "type", "string"),
                ("/template/attachmentIdList/2", "type", "null"),
            ],
        ),
        (
            {"template": {"body": "Hi", "attachmentIdList": [1, 0]}},
            [("/template/attachmentIdList/1", "minimum", "integer")],
        ),
        # several spellings
        ({"task_id": 43}, [("/id", "conflict", "integer")]),
        ({"taskId": "x"}, [("/id", "type", "string")]),
        ({"task_type": "sms"}, [("/taskType", "conflict", "integer")]),
        ({"template__body": "Bye"}, [("/template/body", "conflict", "string")]),
        ({"contactId": 1, "contact_id": None}, [("/contactId", "conflict", "null")]),
        ({"template": None, "template__body": "Hi"}, [("/template", "conflict", "null")]),
        # several members
        (
            {"taskType": "fax", "dueTo": "soon", "template": {"body": " "}},
            [
                ("/taskType", "enum", "string"),
                ("/dueTo", "format", "string"),
                ("/template/body", "pattern", "string"),
            ],
        ),
    ],
)
def test_an_update_names_what_is_wrong(
    changes: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    """Each broken rule has its pointer, its name and its value's type; nothing else has."""
    assert found(Operation.UPDATE, {**UPDATE, **changes}) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, [("/id", "required", "missing")]),
        ({"id": 1, "content": "Hi"}, [("/content", "type", "string")]),
        ({"id": 1, "content": {"body": " "}}, [("/content/body", "pattern", "string")]),
        ({"id": 1, "content__body": 5}, [("/content/body", "type", "integer")]),
        ({"id": 1, "emailAccountId": "mine"}, [("/emailAccountId", "type", "string")]),
        ({"id": 1, "emailAccountId": -1}, [("/emailAccountId", "minimum", "integer")]),
        ({"id": 1, "content": None, "content__body": "Hi"}, [("/content", "conflict", "null")]),
        ([1], [("", "type", "array")]),
        (None, [("", "type", "null")]),
    ],
)
def test_an_execution_names_what_is_wrong(raw: Any, expected: list[tuple[str, str, str]]) -> None:
    """An execution is judged as strictly: what it does can't be undone."""
    assert found(Operation.EXECUTE, raw) == expected


def test_every_required_member_is_named() -> None:
    """An empty update misses five members, and is told so of each."""
    required = ["/dueTo", "/id", "/startAt", "/taskType", "/template"]
    expected = [(pointer, "required", "missing") for pointer in required]
    assert found(Operation.UPDATE, {}) == expected


def test_merging_judges_what_is_there() -> None:
    """In merge mode the rules between members hold where both members are there."""
    raw = {"id": 1, "startAt": "2026-09-02", "dueTo": "2026-09-01"}
    expected = [("/dueTo", "dueTo_after_startAt", "string")]
    assert found(Operation.UPDATE, raw, mode=UpdateMode.MERGE) == expected
    assert found(Operation.UPDATE, {}, mode=UpdateMode.MERGE) == [("/id", "required", "missing")]


def test_merging_leaves_the_linkedin_rule_to_the_merged_body() -> None:
    """A linkedInTaskType without a taskType may be for a LinkedIn task; the merged body tells."""
    raw = {"id": 1, "linkedInTaskType": 0}
    record = read_record(raw, Operation.UPDATE, mode=UpdateMode.MERGE).record
    assert isinstance(record, TaskRecord)
    merged = {**UPDATE, **record.body}
    assert [v.rule for v in violations_of_update(merged)] == ["linkedInTaskType_only_linkedIn"]


def test_clearing_what_has_to_be_there_is_a_violation() -> None:
    """With merge_nulls=clear, null clears what may be null and breaks what may not."""
    raw = {"id": 1, "contactId": None, "dueTo": None, "template": {"body": None}}
    options = {"mode": UpdateMode.MERGE, "merge_nulls": MergeNulls.CLEAR}
    expected = [("/dueTo", "type", "null"), ("/template/body", "type", "null")]
    assert found(Operation.UPDATE, raw, **options) == expected


def test_a_merged_body_is_judged_without_an_id() -> None:
    """The full body of an update is checked as it would be sent."""
    body = {name: UPDATE[name] for name in ("taskType", "startAt", "template")}
    assert violations_of_update(body) == (
        Violation("/dueTo", "required", "missing", "dueTo is required."),
    )
    assert violations_of_update({**body, "dueTo": "2026-09-02T10:00:00Z"}) == ()
    late = {**body, "dueTo": "2026-09-02T10:00:00+02:00"}
    assert [violation.rule for violation in violations_of_update(late)] == ["format"]


def test_an_invalid_record_keeps_what_a_person_finds_it_by() -> None:
    """The task and the source's key are kept where they could be read."""
    record = invalid(Operation.UPDATE, {**UPDATE, "dueTo": "soon"})
    assert (record.operation, record.task_id, record.external_id) == (
        Operation.UPDATE,
        42,
        "sf:1",
    )
    broken = {**UPDATE, "task_id": 43, "externalId": "\ud800"}
    assert (invalid(Operation.UPDATE, broken).task_id) is None
    assert (invalid(Operation.UPDATE, broken).external_id) is None
