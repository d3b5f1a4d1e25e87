"""What a null member means, by member and by mode."""

from typing import Any

import pytest

from reply_tasks.contract import MergeNulls, Operation, TaskRecord, UpdateMode, read_record

UPDATE: dict[str, Any] = {
    "id": 42,
    "taskType": 7,
    "startAt": "2026-09-01T08:00:00Z",
    "dueTo": "2026-09-02T08:00:00Z",
    "template": {"body": "Hi"},
}
BODY = {name: value for name, value in UPDATE.items() if name != "id"}


def body_of(raw: dict[str, Any], **options: Any) -> dict[str, Any]:
    record = read_record(raw, Operation.UPDATE, **options).record
    assert isinstance(record, TaskRecord), record
    return dict(record.body)


@pytest.mark.parametrize("null", [None, "", " ", "None", "null", "NULL"], ids=repr)
def test_what_a_stream_map_makes_of_null_is_null(null: object) -> None:
    """For optional ids, enums and lists, the texts of null are null."""
    raw = {
        **UPDATE,
        "contactId": null,
        "linkedInTaskType": null,
        "template__attachment_id_list": null,
        "actAsUserId": null,
        "externalId": null,
    }
    template = {"body": "Hi", "attachmentIdList": None}
    assert body_of(raw) == {
        **BODY,
        "template": template,
        "contactId": None,
        "linkedInTaskType": None,
    }


@pytest.mark.parametrize("text", ["None", "null"])
def test_text_for_people_is_never_null(text: str) -> None:
    """A body or subject that reads "None" is that text."""
    template = {"body": text, "subject": text}
    assert body_of({**UPDATE, "template": template})["template"] == template


def test_an_empty_subject_is_a_subject() -> None:
    """An empty subject is sent as it is; null clears."""
    template = {"body": "Hi", "subject": ""}
    assert body_of({**UPDATE, "template": template})["template"] == template
    template = {"body": "Hi", "subject": None}  # type: ignore[dict-item]  # null on purpose
    assert body_of({**UPDATE, "template": template})["template"] == template


ALL_NULL = {
    "id": 42,
    "taskType": None,
    "startAt": None,
    "template": {"body": None, "subject": None, "attachmentIdList": None},
    "contactId": None,
    "linkedInTaskType": None,
    "actAsUserId": None,
}


def test_keep_drops_every_null() -> None:
    """With merge_nulls=keep a null says nothing, so nothing is left."""
    assert body_of(ALL_NULL, mode=UpdateMode.MERGE) == {}
    assert body_of({"id": 42, "template": None}, mode=UpdateMode.MERGE) == {}
    assert body_of({"id": 42, "template": {}}, mode=UpdateMode.MERGE) == {}


def test_clear_sends_null_for_what_may_be_null() -> None:
    """With merge_nulls=clear a null stays in the body."""
    raw = {
        "id": 42,
        "template": {"subject": None, "attachmentIdList": None},
        "contactId": None,
        "linkedInTaskType": None,
        "actAsUserId": None,
    }
    cleared = {
        "template": {"subject": None, "attachmentIdList": None},
        "contactId": None,
        "linkedInTaskType": None,
    }
    assert body_of(raw, mode=UpdateMode.MERGE, merge_nulls=MergeNulls.CLEAR) == cleared


def test_modes_do_not_concern_executions() -> None:
    """An execution is read the same in either mode."""
    raw = {"id": 42, "content": {"body": "Hi", "subject": None}}
    replaced = read_record(raw, Operation.EXECUTE)
    assert read_record(raw, Operation.EXECUTE, mode=UpdateMode.MERGE) == replaced
    assert isinstance(replaced.record, TaskRecord)
    assert replaced.record.body == {"content": {"body": "Hi", "subject": None}}
