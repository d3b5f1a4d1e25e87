"""A record that comes in canonical form is read as any other, by a shorter way."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_tasks.contract import Operation, TaskRecord, UpdateMode, read_record
from reply_tasks.contract.canonical import comes_canonical
from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.members import places
from reply_tasks.contract.normalise import apply_nulls, normalise
from reply_tasks.contract.validate import form_of, judge

DATES = Dates(UTC)
MOMENTS = {"startAt": "2027-03-01T09:00:00Z", "dueTo": "2027-03-05T17:00:00Z"}
TEMPLATE = {"subject": "Renewal", "body": "Hi {{firstName}} é", "attachmentIdList": [7]}
TASK = {"taskType": 7, **MOMENTS, "template": TEMPLATE, "contactId": None}
CANONICAL: dict[Operation, dict[str, Any]] = {
    Operation.UPDATE: {"id": 1, "externalId": "a", "actAsUserId": 3, **TASK},
    Operation.CREATE: {"externalId": 5, **TASK, "contactId": 9, "linkedInTaskType": None},
    Operation.EXECUTE: {
        "id": 1,
        "content": {"subject": None, "body": "Hello"},
        "emailAccount": "a@example.com",
        "operation": "execute",
    },
    Operation.COMPLETE: {"id": 1, "callResolution": 1, "finishProspectInSequence": True},
    Operation.ASSIGN: {"id": 1, "assignedUserEmail": "a@example.com"},
    Operation.DELETE: {"id": 1, "deleteSequenceTask": False},
}


@pytest.mark.parametrize("operation", Operation)
def test_canonical_records(operation: Operation) -> None:
    """There are records of each operation that need no more reading."""
    assert comes_canonical(CANONICAL[operation], operation, DATES)


@pytest.mark.parametrize(
    "changes",
    [
        {"task_id": 2},
        {"id": "1"},
        {"id": 1.0},
        {"externalId": "None"},
        {"externalId": "a\0"},
        {"externalId": 2**63},
        {"externalId": "\ud800"},
        {"taskType": "manualEmail"},
        {"startAt": "2027-03-01T09:00:00.5Z"},
        {"dueTo": "2027-03-05T17:00:00+00:00"},
        {"actAsUserId": None},
        {"template": {**TEMPLATE, "text": "x"}},
        {"template": {**TEMPLATE, "body": "\ud800"}},
        {"contactId": "", "contactEmail": "a@example.com"},
        {"contactEmail": "A@example.com"},
    ],
)
def test_records_that_need_reading(changes: dict[str, Any]) -> None:
    """Another spelling of a member or a value, or a null that says nothing."""
    raw = {**CANONICAL[Operation.UPDATE], **changes}
    assert not comes_canonical(raw, Operation.UPDATE, DATES)


def test_a_null_of_a_whole_record_still_says_nothing_in_merge_mode() -> None:
    """A record laid over a task is never taken as it came: its null would clear the contact."""
    raw = CANONICAL[Operation.UPDATE]
    assert raw["contactId"] is None
    merged = read_record(raw, Operation.UPDATE, mode=UpdateMode.MERGE).record
    replacing = read_record(raw, Operation.UPDATE).record
    assert isinstance(merged, TaskRecord)
    assert isinstance(replacing, TaskRecord)
    assert "contactId" not in merged.body
    assert replacing.body["contactId"] is None


odd_values = (
    st.none()
    | st.booleans()
    | st.integers(-1, 9)
    | st.sampled_from([2**63 - 1, 2**63, 10**4999, 7.0, float("nan"), Decimal(7), Decimal("sNaN")])
    | st.sampled_from(["", " ", "none", "7", "sms", "{}", "a\0", "\ud800", "é", " A@b.c", "a@b.c"])
    | st.sampled_from([*MOMENTS.values(), "2027-03-01T09:00:00.5Z", "2027-02-30T09:00:00Z"])
    | st.sampled_from([[], [7], [None], {}, TEMPLATE])
    | st.sampled_from([{"body": "x"}, {"body": " "}, {"subject": None}])
)
templates = st.builds(
    lambda changes: {**TEMPLATE, **changes},
    st.dictionaries(st.sampled_from([*TEMPLATE, "txt"]), odd_values, max_size=2),
)


@given(data=st.data(), operation=st.sampled_from(Operation))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_would_change_nothing(data: st.DataObject, operation: Operation) -> None:
    """What is taken as it came is valid by its schema, and what normalising would make of it."""
    names = st.sampled_from([*places(operation), "operation", "_sdc_deleted_at"])
    raw = CANONICAL[operation] | data.draw(
        st.dictionaries(names, odd_values | templates, max_size=3)
    )
    if not comes_canonical(raw, operation, DATES):
        return
    reading = normalise(raw, operation, DATES)
    apply_nulls(reading, operation, keep=False)
    assert not reading.violations
    assert not reading.unknown
    assert repr(reading.members) == repr({k: raw[k] for k in raw if k != "operation"})
    assert judge(form_of(operation), reading.members) == ()
