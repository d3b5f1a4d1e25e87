"""The message of a violation tells a person what to do, and quotes no long value."""

from decimal import Decimal
from typing import Any

import pytest
from invalid_records import UPDATE, invalid

from reply_tasks.contract import Operation

LONG = "x" * 81


@pytest.mark.parametrize(
    "changes",
    [
        {"id": LONG},
        {"taskType": LONG},
        {"startAt": LONG},
        {"template": LONG},
        {"externalId": LONG * 4},
        {"template": {"body": " " * 81}},
        {"contactId": Decimal("1." + "1" * 90)},
        {"contactId": {"a": LONG}},
    ],
)
def test_no_long_value_is_quoted(changes: dict[str, Any]) -> None:
    """A value longer than 80 characters is described by its type."""
    for violation in invalid(Operation.UPDATE, {**UPDATE, **changes}).violations:
        assert LONG not in violation.message
        assert "1" * 80 not in violation.message
        assert " " * 80 not in violation.message
        assert "a value of type " in violation.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contactId": "me"}, "contactId must be an integer; it is 'me'."),
        (
            {"contact_id": "me"},
            "contactId (given as contact_id) must be an integer; it is 'me'.",
        ),
        (
            {"template__subject": 5},
            (
                "template.subject (given as template__subject) must be a string; "
                "it is a value of type integer."
            ),
        ),
        ({"contactId": 0}, "contactId must be at least 1; it is 0."),
        ({"task_id": 43}, "id is given in several spellings with different values."),
        (
            {"dueTo": "2026-08-01"},
            (
                "dueTo must be after startAt; it is 2026-08-01T00:00:00Z, "
                "startAt is 2026-09-01T08:00:00Z."
            ),
        ),
        ({"template": {}}, "template.body is required."),
        ({"taskType": [7]}, None),
    ],
)
def test_messages_tell_a_person_what_to_do(changes: dict[str, Any], message: str | None) -> None:
    """A message is one sentence with the member, what it must be and what it is."""
    (violation,) = invalid(Operation.UPDATE, {**UPDATE, **changes}).violations
    assert violation.message == (
        message
        or "taskType must be one of 0 toDo, 2 call, 4 meeting, 5 linkedIn, 7 manualEmail, 8 sms, "
        "9 whatsApp; it is a value of type array."
    )
