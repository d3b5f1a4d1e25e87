"""PUT /v3/tasks/{id}: a full replacement under Reply's rules."""

from typing import Any

import pytest
from sandbox_client import CURRENT_UPDATE, UPDATE, sandbox

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox import Dialect, Template

NOT_EDITABLE = "Only tasks with 'New' status can be edited."


def test_an_update_answers_with_the_whole_task_and_explicit_nulls() -> None:
    """The TaskDetail has every member, integers for enums, and date-times as seen on the wire."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.update(task.id)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == {
        "id": task.id,
        "contactId": 1001,
        "taskType": 7,
        "status": 0,
        "linkedInTaskType": None,
        "sequenceId": None,
        "sequenceStepId": None,
        "sequenceStepDisplayName": None,
        "assignedUserId": 1,
        "creationSource": 0,
        "createdAt": "2026-01-01T00:00:00+00:00",
        "startAt": "2026-09-08T12:24:35.84+00:00",
        "dueTo": "2026-09-09T12:00:00+00:00",
        "finishedAt": None,
        "isFailed": False,
        "isScheduled": False,
        "template": {
            "subject": "For {{Company}}",
            "body": "Hi {{FirstName}}",
            "attachmentIdList": None,
        },
        "content": None,
        "deliveryInfo": {
            "email": "bo.abbott.1001@example.com",
            "phoneNumber": None,
            "linkedInUrl": None,
        },
    }


def test_the_current_dialect_speaks_names() -> None:
    """A Bearer key gets camelCase names where X-API-Key gets integers."""
    with sandbox(Dialect.CURRENT) as api:
        task = api.server.create_task()
        answer = api.update(
            task.id, CURRENT_UPDATE | {"taskType": "linkedIn", "linkedInTaskType": "viewProfile"}
        ).json()
    named = {"taskType", "status", "creationSource", "linkedInTaskType"}
    assert {name: answer[name] for name in named} == {
        "taskType": "linkedIn",
        "status": "new",
        "creationSource": "user",
        "linkedInTaskType": "viewProfile",
    }


def test_an_update_replaces_what_it_omits() -> None:
    """Omitted members are cleared: this is a PUT."""
    with sandbox() as api:
        task = api.server.create_task(
            task_type=TaskType.LINKED_IN,
            linked_in_task_type=LinkedInTaskType.CONNECT,
            template=Template("old", "old", (1, 2)),
        )
        body = UPDATE | {"taskType": 5, "template": {"body": "new"}}
        body.pop("contactId")
        assert api.update(task.id, body).status_code == 200
        after = api.server.task(task.id)
    assert (after.contact_id, after.linked_in_task_type) == (None, None)
    assert after.template == Template("new")


def test_unknown_members_are_dropped_in_silence() -> None:
    """A misspelt member is no error, as on the wire."""
    with sandbox() as api:
        task = api.server.create_task()
        assert api.update(task.id, UPDATE | {"contact_id": 7, "status": 3}).status_code == 200
        after = api.server.task(task.id)
    assert (after.contact_id, after.status) == (1001, TaskStatus.NEW)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"taskType": None}, {"/taskType": "Field is required."}),
        ({"startAt": None}, {"/startAt": "Field is required."}),
        ({"dueTo": None}, {"/dueTo": "Field is required."}),
        ({"template": None}, {"/template": "Field is required."}),
        ({"template": {}}, {"/template/body": "Field is required."}),
        ({"template": {"body": "  "}}, {"/template/body": "'body' must not be empty."}),
        ({"template": "text"}, {"/template": "Value has an invalid type."}),
        ({"template": {"body": 1}}, {"/template/body": "Value has an invalid type."}),
        (
            {"template": {"body": "x", "attachmentIdList": ["1"]}},
            {"/template/attachmentIdList": "Value has an invalid type."},
        ),
        (
            {"taskType": 99},
            {"/taskType": "'taskType' has a range of values which does not include '99'."},
        ),
        ({"taskType": "7"}, {"/taskType": "Value has an invalid type."}),
        ({"taskType": True}, {"/taskType": "Value has an invalid type."}),
        ({"startAt": 1}, {"/startAt": "Value has an invalid type."}),
        ({"startAt": "08.09.2026"}, {"/startAt": "Value has an invalid format."}),
        ({"startAt": "2026-09-08T12:00:00"}, {"/startAt": "Value has an invalid format."}),
        ({"startAt": "2026-13-08T12:00:00Z"}, {"/startAt": "Value has an invalid format."}),
        (
            {"startAt": "2014-12-31T23:59:59Z"},
            {"/startAt": "'startAt' must be on or after 2015-01-01."},
        ),
        ({"dueTo": UPDATE["startAt"]}, {"/dueTo": "'dueTo' must be after 'startAt'."}),
        ({"contactId": "1"}, {"/contactId": "Value has an invalid type."}),
        ({"contactId": 1.5}, {"/contactId": "Value has an invalid type."}),
        ({"contactId": 2**31}, {"/contactId": "Value has an invalid type."}),
        ({"contactId": 0}, {"/contactId": "'contactId' must be a positive integer."}),
        (
            {"linkedInTaskType": 1},
            {"/linkedInTaskType": "'linkedInTaskType' is only allowed for LinkedIn tasks."},
        ),
        (
            {"taskType": None, "dueTo": "never", "template": {"body": ""}},
            {
                "/taskType": "Field is required.",
                "/dueTo": "Value has an invalid format.",
                "/template/body": "'body' must not be empty.",
            },
        ),
    ],
)
def test_a_body_that_is_wrong_names_every_offending_member(
    change: dict[str, Any], errors: dict[str, str]
) -> None:
    """A validation problem has errors[] and extensions, no code, and nothing is changed."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.update(task.id, UPDATE | change)
        assert api.server.task(task.id) == task
    problem = answer.json()
    assert {error["pointer"]: error["detail"] for error in problem.pop("errors")} == errors
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert problem == {
        "title": "Validation failed",
        "status": 400,
        "detail": "The request body contains validation errors.",
        "extensions": {},
    }


@pytest.mark.parametrize(
    ("dialect", "spelling", "status"),
    [
        (Dialect.PREVIEW, 8, 200),
        (Dialect.PREVIEW, "sms", 400),
        (Dialect.CURRENT, "sms", 200),
        (Dialect.CURRENT, "Sms", 200),
        (Dialect.CURRENT, 8, 400),
        (Dialect.CURRENT, "08", 400),
        (Dialect.CURRENT, "fax", 400),
    ],
)
def test_each_dialect_has_its_own_spelling_of_an_enum(
    dialect: Dialect, spelling: object, status: int
) -> None:
    """Integers belong to the preview, names to the current API."""
    with sandbox(dialect) as api:
        task = api.server.create_task()
        assert api.update(task.id, UPDATE | {"taskType": spelling}).status_code == status


@pytest.mark.parametrize("status", [status for status in TaskStatus if status != TaskStatus.NEW])
def test_only_a_new_task_can_be_edited(status: TaskStatus) -> None:
    """Any other status is 400 task.unknown with the documented sentence."""
    with sandbox() as api:
        task = api.server.create_task(status=status)
        answer = api.update(task.id)
    assert answer.status_code == 400
    assert answer.json() == {
        "title": "Bad Request",
        "status": 400,
        "detail": NOT_EDITABLE,
        "code": "task.unknown",
    }


@pytest.mark.parametrize(
    ("change", "word"), [({"taskType": 8}, "Task type"), ({"contactId": 1002}, "Contact")]
)
def test_a_sequence_task_keeps_its_type_and_contact(change: dict[str, Any], word: str) -> None:
    """What a sequence owns is refused with a business problem."""
    with sandbox() as api:
        task = api.server.create_task(creation_source=CreationSource.SEQUENCE, sequence_id=4)
        problem = api.update(task.id, UPDATE | change).json()
    assert problem["code"] == "task.unknown"
    assert problem["detail"] == f"{word} cannot be changed for a task created by a sequence."


def test_omitting_the_contact_of_a_sequence_task_keeps_it() -> None:
    """The contact cannot be cleared either, so an omission changes nothing."""
    with sandbox() as api:
        task = api.server.create_task(creation_source=CreationSource.SEQUENCE, sequence_id=4)
        assert api.update(task.id, UPDATE | {"contactId": None}).json()["contactId"] == 1001


@pytest.mark.parametrize(
    "change",
    [
        {"template": {"body": "Hi {{Nickname}}"}},
        {"template": {"body": "Hi", "subject": "{{ Nickname }}"}},
        {"template": {"body": "Hi {{FirstName"}},
        {"template": {"body": "Hi {{FirstName}}"}, "contactId": None},
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(change: dict[str, Any]) -> None:
    """A render error of an update is 400 task.unknown."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.update(task.id, UPDATE | change)
    assert (answer.status_code, answer.json()["code"]) == (400, "task.unknown")
    assert answer.json()["detail"].startswith("Template rendering failed")
