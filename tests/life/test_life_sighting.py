"""What a task says of the creation that it may come from, as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reply_tasks.contract import read_task_detail
from reply_tasks.resolving.creations import search_for, sighting
from reply_tasks.resolving.evidence import Found

CLAIMED = datetime(2026, 11, 26, 12, tzinfo=UTC)
BODY: dict[str, Any] = {
    "taskType": 7,
    "startAt": "2027-03-01T09:00:00Z",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Ask", "subject": None},
    "contactId": 1001,
}


def task(**members: Any) -> Any:
    """A task as Reply shows it, just made from ``BODY``."""
    return read_task_detail(
        {
            **BODY,
            "id": 7,
            "status": 0,
            "startAt": "2027-03-01T09:00:00+00:00",
            "template": {"body": "Ask", "subject": "", "attachmentIdList": []},
            "creationSource": 0,
            "createdAt": (CLAIMED + timedelta(seconds=1)).isoformat(),
            **members,
        }
    )


OURS, TWIN = task(), task(id=8)
OLD = task(createdAt=(CLAIMED - timedelta(seconds=62)).isoformat())
REWORDED = task(template={"body": "<p>Ask</p>"})
BY_ADDRESS = {"externalId": "b", **BODY, "contactId": None, "contactEmail": "ada@example.com"}


@pytest.mark.parametrize(
    ("tasks", "in_doubt", "found", "may_change"),
    [
        ([], [], Found.STILL_NEW, False),
        ([OURS], [], Found.EXECUTED, False),
        ([task(status=1)], [], Found.EXECUTED, False),
        (
            [task(createdAt=(CLAIMED - timedelta(seconds=59)).isoformat())],
            [],
            Found.EXECUTED,
            False,
        ),
        ([OLD], [], Found.STILL_NEW, False),
        ([OURS, OLD], [], Found.EXECUTED, False),
        ([OURS, TWIN], [], Found.UNCLEAR, False),
        ([task(creationSource=1)], [], Found.STILL_NEW, False),
        ([task(contactId=5)], [], Found.STILL_NEW, False),
        ([task(createdAt=None)], [], Found.UNCLEAR, False),
        ([task(creationSource="robot")], [], Found.UNCLEAR, False),
        ([REWORDED], [], Found.UNCLEAR, True),
        ([task(dueTo="2027-03-05T17:00:01Z")], [], Found.UNCLEAR, True),
        ([REWORDED, TWIN], [], Found.EXECUTED, False),
        ([OURS], [{"externalId": "b", **BODY}], Found.UNCLEAR, True),
        ([OURS], [BY_ADDRESS], Found.UNCLEAR, True),
        ([OURS], [{**BODY, "contactId": 5}], Found.EXECUTED, False),
        ([OURS], [{**BODY, "template": {"body": "Other"}}], Found.EXECUTED, False),
        ([], [{"externalId": "b", **BODY}], Found.STILL_NEW, False),
        ([REWORDED], [{**BODY, "template": {"body": "<p>Ask</p>"}}], Found.STILL_NEW, False),
    ],
)
def test_a_task_is_ours_only_beyond_doubt(
    tasks: list[Any],
    in_doubt: list[dict[str, Any]],
    found: Found,
    may_change: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """One task, of nobody else, made since; whatever is unclear is not made again either."""
    seen = sighting(tasks, BODY, claimed_at=CLAIMED, in_doubt=in_doubt)
    assert (seen.found, seen.may_change) == (found, may_change)
    assert (seen.task is not None) == (found is Found.EXECUTED)


def test_it_is_looked_for_where_it_starts() -> None:
    """Reply may keep fewer digits of a second than were sent."""
    assert search_for(BODY) == {
        "from": BODY["startAt"],
        "to": BODY["startAt"],
        "taskType": 7,
        "contactId": 1001,
    }
    finer = search_for({**BODY, "startAt": "2027-03-01T09:00:00.25Z", "contactId": None})
    assert finer == {"from": "2027-03-01T09:00:00Z", "to": "2027-03-01T09:00:01Z", "taskType": 7}
