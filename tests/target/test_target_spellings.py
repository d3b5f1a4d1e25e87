"""Rows as CRMs and SQL views have them work as they are, or through a stream map."""

from typing import Any

import pytest
from messages import execution, record, schema, update
from target_runs import Stage

EXPECTED = {
    "taskType": 2,
    "startAt": "2027-03-01T09:00:00Z",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Ask about the renewal."},
    "contactId": 1001,
}

#: One record in five spellings: they must all come to EXPECTED.
SPELLINGS: dict[str, dict[str, Any]] = {
    "canonical": {"id": 1, **EXPECTED},
    "snake_case": {
        "task_id": "1",
        "task_type": "CALL",
        "start_at": "2027-03-01T10:00:00+01:00",
        "due_to": "2027-03-05T17:00:00",
        "template": {"body": "Ask about the renewal."},
        "contact_id": "1001",
    },
    "flattened": {
        "id": 1.0,
        "task_type": "call",
        "start_at": "2027-03-01 09:00",
        "due_to": "2027-03-05 17:00",
        "template__body": "Ask about the renewal.",
        "contact_id": 1001.0,
    },
    "json_text": {
        "taskId": 1,
        "taskType": "2",
        "startAt": "2027-03-01T09:00:00Z",
        "dueTo": "2027-03-05T17:00:00Z",
        "template": '{"body": "Ask about the renewal."}',
        "contactId": "1001",
    },
    "with_empty_columns": {
        "id": "1",
        "taskType": "Call",
        "startAt": "2027-03-01T09:00:00.000Z",
        "dueTo": "2027-03-05T12:00:00-05:00",
        "template": {"body": "Ask about the renewal."},
        "contactId": 1001,
        "external_id": "",
        "act_as_user_id": None,
        "_sdc_extracted_at": "2027-01-01T00:00:00Z",
    },
}


@pytest.mark.parametrize("row", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_comes_to_the_same_body(stage: Stage, row: dict[str, Any]) -> None:
    """What differs is the source, not what Reply is asked."""
    stage.sandbox.create_task(1)
    ended = stage.run(record("task_updates", row))
    assert stage.fates() == [(1, "applied", None)]
    assert stage.bodies() == [EXPECTED]
    assert "not in the contract" not in ended.log


_DATES = {"startAt": "due + 'T09:00:00'", "dueTo": "due + 'T17:00:00'"}
_REST: dict[str, Any] = {"__alias__": "task_updates", "__key_properties__": ["id"]}

#: A task as the tap of each CRM emits it, and the stream map that makes a record of it.
CRM_ROWS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "hubspot": (
        {
            "id": "31",
            "properties": {
                "hs_task_body": "Ask about the renewal.",
                "hs_task_type": "CALL",
                "hs_timestamp": "2027-03-05T17:00:00Z",
                "reply_task_id": "1",
                "reply_contact_id": "1001",
            },
            "archived": False,
        },
        {
            "id": "int(properties['reply_task_id'])",
            "taskType": "properties['hs_task_type']",
            "startAt": "'2027-03-01T09:00:00Z'",
            "dueTo": "properties['hs_timestamp']",
            "template__body": "properties['hs_task_body']",
            "contactId": "int(properties['reply_contact_id'])",
            "externalId": "'hubspot:' + record['id']",
        },
    ),
    "salesforce": (
        {
            "Id": "00T31",
            "Reply_Task_Id__c": "1",
            "Reply_Contact_Id__c": "1001",
            "TaskSubtype": "Call",
            "ActivityDate": "2027-03-05T17:00:00.000000Z",
            "Description": "Ask about the renewal.",
            "IsClosed": False,
        },
        {
            "id": "int(Reply_Task_Id__c)",
            "taskType": "TaskSubtype",
            "startAt": "'2027-03-01T09:00:00'",
            "dueTo": "str(ActivityDate)",
            "template__body": "Description",
            "contactId": "Reply_Contact_Id__c",
            "externalId": "Id",
        },
    ),
    "pipedrive": (
        {
            "id": 31,
            "reply_task_id": 1,
            "person_id": 1001,
            "type": "call",
            "due_date": "2027-03-05",
            "due_time": "17:00",
            "note": "Ask about the renewal.",
            "done": False,
        },
        {
            "id": "int(reply_task_id)",
            "taskType": "type",
            "startAt": "'2027-03-01T09:00'",
            "dueTo": "due_date + ' ' + due_time",
            "template__body": "note",
            "contactId": "int(person_id)",
            "externalId": "str(record['id'])",
        },
    ),
    "outreach": (
        {
            "id": 31,
            "custom1": "1",
            "action": "call",
            "dueAt": "2027-03-05T18:00:00+01:00",
            "scheduledAt": "2027-03-01T10:00:00+01:00",
            "note": "Ask about the renewal.",
            "prospectId": 1001,
        },
        {
            "id": "int(custom1)",
            "taskType": "action",
            "startAt": "scheduledAt",
            "dueTo": "dueAt",
            "template__body": "note",
            "contactId": "prospectId",
            "externalId": "str(record['id'])",
        },
    ),
    "salesloft": (
        {
            "id": 31,
            "reply_task_id": "1",
            "task_type": "call",
            "due_at": "2027-03-05T17:00:00Z",
            "remind_at": "2027-03-01T09:00:00Z",
            "description": "Ask about the renewal.",
            "person": {"id": 1001, "_href": "https://crm.example/people/1001"},
        },
        {
            "id": "int(reply_task_id)",
            "taskType": "task_type",
            "startAt": "remind_at",
            "dueTo": "due_at",
            "template__body": "description",
            "contactId": "person['id']",
            "externalId": "str(record['id'])",
        },
    ),
}


@pytest.mark.parametrize(("row", "mapped"), CRM_ROWS.values(), ids=CRM_ROWS)
def test_the_tasks_of_a_crm_go_through_a_stream_map(
    stage: Stage, row: dict[str, Any], mapped: dict[str, str]
) -> None:
    """The alias names the operation; the rest of the map says which column is which member."""
    stage.sandbox.create_task(1)
    names = {name: {"type": _type(value)} for name, value in row.items()}
    stage.run(
        {**schema("tasks"), "schema": {"properties": names}},
        record("tasks", row),
        stream_maps={"tasks": {**_REST, **mapped, "__else__": None}},
    )
    assert stage.fates() == [(1, "applied", None)]
    assert stage.bodies() == [EXPECTED]
    assert "31" in stage.fate()["external_id"]


def _type(value: object) -> str:
    kinds = {bool: "boolean", int: "integer", dict: "object"}
    return kinds.get(type(value), "string")


def test_unknown_members_are_named_once_with_the_nearest_known(stage: Stage) -> None:
    """A thousand rows with a column too many are one line of the log."""
    for task_id in range(1, 6):
        stage.sandbox.create_task(task_id)
    ended = stage.run(
        *(update(task_id, due_too="2027-01-01", colour="red") for task_id in range(1, 6)),
        execution(1, colour="red"),
    )
    told = [line for line in ended.log.splitlines() if "not in the contract" in line]
    assert len(told) == 2
    (updates,) = [line for line in told if "task_updates" in line]
    assert "due_too (did you mean dueTo?)" in updates
    assert "colour" in updates
    assert all(set(body) <= set(EXPECTED) for body in stage.bodies())


def test_two_spellings_with_different_values_are_rejected(stage: Stage) -> None:
    """A guess could overwrite the wrong task."""
    stage.sandbox.create_task(1)
    stage.run(record("task_updates", {"id": 1, "task_id": 2, **EXPECTED}))
    assert stage.fates()[0][1:] == ("rejected", "invalid_record")
    assert not stage.sandbox.calls
