"""What Reply returns is read leniently, in either dialect."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reply_tasks.contract import (
    CreationSource,
    LinkedInTaskType,
    TaskDetail,
    TaskStatus,
    TaskType,
    detail_schema,
    merge,
    read_task_detail,
    violations_of_update,
)

PREVIEW: dict[str, Any] = {
    "id": 42,
    "contactId": 7,
    "taskType": 5,
    "status": 1,
    "linkedInTaskType": 2,
    "sequenceId": None,
    "assignedUserId": 3,
    "creationSource": 0,
    "createdAt": "2026-08-01T00:00:00Z",
    "startAt": "2026-09-01T10:00:00.84+02:00",
    "dueTo": "2026-09-02T10:00:00+02:00",
    "finishedAt": "2026-09-01T22:00:00.0000000Z",
    "isFailed": True,
    "isScheduled": False,
    "template": {"body": "Hi", "subject": None, "attachmentIdList": None},
    "content": None,
    "deliveryInfo": {"email": None, "phoneNumber": None, "linkedInUrl": "https://x.test/in/a"},
}
CURRENT = {
    **PREVIEW,
    "taskType": "linkedIn",
    "status": "Finished",
    "linkedInTaskType": "inMail",
    "creationSource": "user",
}


def detail(**changes: Any) -> TaskDetail:
    read = read_task_detail({**PREVIEW, **changes})
    assert read is not None
    return read


@pytest.mark.parametrize("data", [PREVIEW, CURRENT])
def test_either_dialect_is_read(data: dict[str, Any]) -> None:
    """Integers and names mean the same; date-times are instants in UTC."""
    read = read_task_detail(data)
    assert read == TaskDetail(id=42, raw=data)
    assert read.task_type is TaskType.LINKED_IN
    assert read.status is TaskStatus.FINISHED
    assert read.linked_in_task_type is LinkedInTaskType.IN_MAIL
    assert read.creation_source is CreationSource.USER
    assert read.is_failed
    assert read.finished_at == datetime(2026, 9, 1, 22, tzinfo=UTC)
    assert read.start_at == datetime(2026, 9, 1, 8, 0, 0, 840000, tzinfo=UTC)
    assert read.due_to == datetime(2026, 9, 2, 8, tzinfo=UTC)
    assert read.unknowns == ()


def test_both_dialects_make_the_same_row() -> None:
    """The warehouse doesn't see which dialect the API spoke."""
    rows = [read.row() for data in (PREVIEW, CURRENT) if (read := read_task_detail(data))]
    assert rows[0] == rows[1]
    assert rows[0] == {
        **PREVIEW,
        "taskTypeName": "linkedIn",
        "statusName": "finished",
        "linkedInTaskTypeName": "inMail",
        "creationSourceName": "user",
        "sequenceStepId": None,
        "sequenceStepDisplayName": None,
        "startAt": "2026-09-01T08:00:00.840000Z",
        "dueTo": "2026-09-02T08:00:00Z",
        "finishedAt": "2026-09-01T22:00:00Z",
    }
    assert list(rows[0]) == list(detail_schema()["properties"])


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": "42"}, {"id": True}, {"id": None}])
def test_what_has_no_id_is_no_task(data: object) -> None:
    """An answer without an integer id is not a TaskDetail."""
    assert read_task_detail(data) is None


@pytest.mark.parametrize(
    ("value", "integer", "name"),
    [(99, 99, None), ("fax", None, "fax"), ([], None, None), (True, None, None)],
)
def test_an_unknown_enum_value_is_kept_in_the_column_it_fits(
    value: object, integer: int | None, name: str | None
) -> None:
    """An enum value that Reply added later is no error."""
    read = detail(taskType=value)
    assert read.task_type is None
    assert read.unknowns == ("taskType",)
    assert (read.row()["taskType"], read.row()["taskTypeName"]) == (integer, name)


def test_unknowns_are_named() -> None:
    """Extra members and values that can't be read are named, and kept in raw."""
    read = detail(color="red", template={"body": "Hi", "footer": 1}, dueTo="soon", contactId="abc")
    assert read.unknowns == ("contactId", "dueTo", "template.footer", "color")
    assert read.due_to is None
    assert read.raw["color"] == "red"
    assert (read.row()["dueTo"], read.row()["contactId"]) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"template": None, "content": "text", "deliveryInfo": [1]},
        {"template": {"body": 5, "attachmentIdList": ["a", 1]}, "isFailed": "yes"},
        {name: object() for name in PREVIEW if name != "id"},
        {name: {} for name in PREVIEW if name != "id"},
    ],
)
def test_a_row_fits_its_schema(changes: dict[str, Any]) -> None:
    """Whatever Reply returns, the tap's row is valid by the tap's schema."""
    Draft202012Validator(detail_schema()).validate(detail(**changes).row())


def test_a_task_that_may_have_failed_is_not_called_failed() -> None:
    """Only a true isFailed is a failure."""
    read = read_task_detail({"id": 1})
    assert read is not None
    assert read.is_failed is False
    assert read.update_body() == {}


def test_the_update_that_a_task_stands_for() -> None:
    """The body has every member that an update replaces, in canonical form, and is valid."""
    body = detail().update_body()
    assert body == {
        "taskType": 5,
        "startAt": "2026-09-01T08:00:00.840000Z",
        "dueTo": "2026-09-02T08:00:00Z",
        "template": {"body": "Hi", "subject": None, "attachmentIdList": None},
        "contactId": 7,
        "linkedInTaskType": 2,
    }
    assert violations_of_update(body) == ()


def test_only_linkedin_tasks_stand_for_a_linkedin_action() -> None:
    """Another task's linkedInTaskType is no part of its body."""
    assert "linkedInTaskType" not in detail(taskType=7).update_body()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"taskType": "fax"}, "/taskType"),
        ({"linkedInTaskType": "poke"}, "/linkedInTaskType"),
        ({"startAt": "soon"}, "/startAt"),
        ({"contactId": "abc"}, "/contactId"),
        ({"template": {"body": "Hi", "subject": 5}}, "/template/subject"),
        ({"template": "Hi"}, "/template"),
    ],
)
def test_what_could_not_be_read_is_never_cleared(changes: dict[str, Any], pointer: str) -> None:
    """A full replacement made of what can't be read is invalid, so it is not sent."""
    found = violations_of_update(detail(**changes).update_body())
    assert pointer in [violation.pointer for violation in found]


BASE = {
    "taskType": 5,
    "startAt": "2026-09-01T08:00:00Z",
    "dueTo": "2026-09-02T08:00:00Z",
    "template": {"body": "Hi", "subject": "S", "attachmentIdList": [1]},
    "linkedInTaskType": 2,
}


@pytest.mark.parametrize(
    ("members", "changed"),
    [
        ({}, {}),
        ({"contactId": 8}, {"contactId": 8}),
        ({"contactId": None}, {}),
        ({"linkedInTaskType": None}, {"linkedInTaskType": None}),
        ({"template": {"body": "Hi"}}, {}),
        (
            {"template": {"body": "Bye", "subject": None}},
            {"template": {"body": "Bye", "subject": None, "attachmentIdList": [1]}},
        ),
        ({"taskType": 5, "linkedInTaskType": 1}, {"linkedInTaskType": 1}),
    ],
)
def test_members_are_laid_over_the_body(members: dict[str, Any], changed: dict[str, Any]) -> None:
    """Each member replaces its own, templates member by member; a null over nothing is nothing."""
    assert merge(BASE, members) == {**BASE, **changed}


@pytest.mark.parametrize("members", [{"taskType": 7}, {"taskType": 7, "linkedInTaskType": None}])
def test_a_task_that_leaves_linkedin_loses_its_action(members: dict[str, Any]) -> None:
    """Without this a changed taskType would break the LinkedIn rule."""
    merged = merge(BASE, members)
    assert "linkedInTaskType" not in merged
    assert violations_of_update(merged) == ()


def test_a_linkedin_action_for_another_task_is_left_for_the_judge() -> None:
    """An action that the record insists on isn't dropped in silence."""
    merged = merge({**BASE, "taskType": 7}, {"linkedInTaskType": 1})
    assert [v.pointer for v in violations_of_update(merged)] == ["/linkedInTaskType"]


def test_merging_changes_neither_side() -> None:
    """Both bodies are as they were."""
    members = {"template": {"body": "Bye"}, "taskType": 7}
    merge(BASE, members)
    assert BASE["template"] == {"body": "Hi", "subject": "S", "attachmentIdList": [1]}
    assert BASE["linkedInTaskType"] == 2
    assert members == {"template": {"body": "Bye"}, "taskType": 7}
