"""GET of a task, list, filter and whoami."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandbox_client import sandbox

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox import Dialect, Task, Template

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_content_is_null_unless_asked_for() -> None:
    """includeContent=true fills in the rendered template, which itself stays raw."""
    with sandbox() as api:
        task = api.server.create_task()
        assert api.get(task.id).json()["content"] is None
        full = api.get(task.id, params={"includeContent": "true"}).json()
    assert full["content"] == {"subject": "A question", "body": "Hello Bo"}
    assert full["template"]["body"] == "Hello {{firstName}}"


def test_content_of_a_finished_task_is_what_was_sent() -> None:
    """What was sent is not rendered again."""
    with sandbox() as api:
        task = api.server.create_task()
        api.execute(task.id, {"content": {"body": "as {{is}}"}})
        content = api.get(task.id, params={"includeContent": "True"}).json()["content"]
    assert content == {"subject": "A question", "body": "as {{is}}"}


def test_content_that_cannot_be_rendered_is_a_business_problem() -> None:
    """GetTaskById documents 400 task.unknown."""
    with sandbox() as api:
        task = api.server.create_task(template=Template("{{Nickname}}"))
        assert api.get(task.id).status_code == 200
        answer = api.get(task.id, params={"includeContent": "true"})
    assert (answer.status_code, answer.json()["code"]) == (400, "task.unknown")


@pytest.mark.parametrize(
    ("task_type", "filled"),
    [
        (TaskType.MANUAL_EMAIL, "email"),
        (TaskType.CALL, "phoneNumber"),
        (TaskType.SMS, "phoneNumber"),
        (TaskType.LINKED_IN, "linkedInUrl"),
        (TaskType.TO_DO, None),
        (TaskType.MEETING, None),
        (TaskType.WHATS_APP, None),
    ],
)
def test_delivery_info_is_where_the_type_delivers(task_type: TaskType, filled: str | None) -> None:
    """One of the three addresses, or null for what is not delivered."""
    with sandbox() as api:
        task = api.server.create_task(task_type=task_type)
        info = api.get(task.id).json()["deliveryInfo"]
    if filled is None:
        assert info is None
    else:
        assert {name for name, value in info.items() if value} == {filled}
        assert set(info) == {"email", "phoneNumber", "linkedInUrl"}


@pytest.mark.parametrize("method", ["GET", "PUT", "EXECUTE"])
@pytest.mark.parametrize("hidden", [True, False])
def test_a_task_that_is_missing_or_not_yours_is_not_found(method: str, *, hidden: bool) -> None:
    """Deleted and forbidden look the same: 404 task.notFound."""
    with sandbox() as api:
        number = api.server.create_task(hidden=True).id if hidden else 4242
        call = {"GET": api.get, "PUT": api.update, "EXECUTE": api.execute}[method]
        answer = call(number)
    assert answer.status_code == 404
    assert answer.json() == {
        "title": "Not Found",
        "status": 404,
        "detail": f"Task with ID {number} not found or insufficient permissions.",
        "code": "task.notFound",
    }


def test_list_items_are_too_thin_for_an_update() -> None:
    """A TaskListItem has a contact object and no template, contactId or isFailed."""
    with sandbox(Dialect.CURRENT) as api:
        api.server.create_task()
        page = api.call("GET", "/tasks").json()
    assert page == {
        "items": [
            {
                "id": 1,
                "taskType": "manualEmail",
                "status": "new",
                "linkedInTaskType": None,
                "assignedUserId": 1,
                "contact": {"id": 1001, "fullName": "Bo Abbott"},
                "startAt": "2026-01-01T00:00:00+00:00",
                "dueTo": "2026-01-08T00:00:00+00:00",
                "finishedAt": None,
                "isScheduled": False,
                "sequenceId": None,
                "sequenceStepId": None,
            }
        ],
        "hasMore": False,
    }


def test_pages_end_where_has_more_says_so() -> None:
    """25 a page unless asked, and nothing twice."""
    with sandbox(tasks=[Task(number) for number in range(1, 61)]) as api:
        assert len(api.call("GET", "/tasks").json()["items"]) == 25
        seen: list[int] = []
        more = True
        while more:
            page = api.call("GET", "/tasks", params={"top": 20, "skip": len(seen)}).json()
            seen += [item["id"] for item in page["items"]]
            more = page["hasMore"]
    assert seen == list(range(1, 61))


def test_cancelled_and_archived_tasks_leave_the_lists() -> None:
    """They are listed only by a filter on their status."""
    with sandbox() as api:
        for status in TaskStatus:
            api.server.create_task(status=status)
        listed = [item["status"] for item in api.call("GET", "/tasks").json()["items"]]
        page = api.call("POST", "/tasks/filter", json={"status": 3}).json()
    assert listed == [0, 1, 5]
    assert [item["status"] for item in page["items"]] == [3]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"top": 0}, "'top' must be between 1 and 1000."),
        ({"top": 1001}, "'top' must be between 1 and 1000."),
        ({"skip": -1}, "'skip' must be between 0 and 2147483647."),
    ],
)
def test_a_page_out_of_range_is_refused_by_each_endpoint_in_its_own_way(
    query: dict[str, Any], sentence: str
) -> None:
    """A list answers with a code, a filter with errors[] whose pointer is a path."""
    with sandbox() as api:
        listing = api.call("GET", "/tasks", params=query)
        filtering = api.call("POST", "/tasks/filter", params=query, json={})
    assert (listing.status_code, listing.json()["code"]) == (400, "task.invalidPagination")
    assert listing.json()["detail"] == f"Parameter {sentence}"
    assert filtering.status_code == 400
    pointer = f"/{next(iter(query))}"
    assert filtering.json()["errors"] == [{"pointer": pointer, "detail": sentence}]


@pytest.mark.parametrize("query", [{"top": "x"}, {"skip": "1.5"}, {"top": "9" * 5000}])
def test_a_page_that_is_no_number_is_a_validation_problem(query: dict[str, str]) -> None:
    """As others saw it: the pointer is a path, and there is a member ``extensions``."""
    with sandbox() as api:
        listing = api.call("GET", "/tasks", params=query)
        filtering = api.call("POST", "/tasks/filter", params=query, json={})
    pointer = f"/{next(iter(query))}"
    assert listing.json() == {
        "errors": [{"pointer": pointer, "detail": "Value has an invalid type."}],
        "title": "Validation failed",
        "status": 400,
        "detail": "The request body contains validation errors.",
        "extensions": {},
    }
    assert filtering.json() == listing.json()


TASKS = [
    Task(1, start_at=NOW - 2 * DAY, due_to=NOW - DAY),
    Task(2, start_at=NOW, due_to=NOW + DAY, task_type=TaskType.CALL, contact_id=1002),
    Task(3, start_at=NOW + 366 * DAY, due_to=NOW + 400 * DAY),
    Task(
        4,
        start_at=NOW,
        due_to=NOW + DAY,
        creation_source=CreationSource.SEQUENCE,
        sequence_id=7,
        sequence_step_id=71,
        assigned_user_id=2,
    ),
    Task(5, start_at=NOW, due_to=NOW + DAY, status=TaskStatus.FINISHED, contact_id=None),
    Task(
        6,
        start_at=NOW,
        due_to=NOW + DAY,
        task_type=TaskType.LINKED_IN,
        linked_in_task_type=LinkedInTaskType.CONNECT,
    ),
    Task(7, hidden=True),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, [1, 2, 4, 5, 6]),
        ({"to": "2099-01-01T00:00:00Z"}, [1, 2, 3, 4, 5, 6]),
        ({"from": "2026-06-01T00:00:00Z"}, [2, 4, 5, 6]),
        ({"from": "2026-06-01T00:00:00.1Z"}, []),
        ({"to": "2026-05-30T02:00:00+02:00"}, [1]),
        ({"taskType": 2}, [2]),
        ({"status": 1}, [5]),
        ({"contactId": 1002}, [2]),
        ({"assignedUserId": 2}, [4]),
        ({"sequenceIds": [7, 8]}, [4]),
        ({"sequenceIds": []}, [1, 2, 4, 5, 6]),
        ({"sequenceStepIds": [71]}, [4]),
        ({"timeZoneIds": ["America/New_York"]}, [1, 4, 6]),
        ({"timeZoneIds": ["Europe/Lisbon"]}, [2]),
        ({"overdue": True}, [1]),
        ({"overdue": False}, [2, 4, 5, 6]),
        ({"linkedInTaskType": 1}, [6]),
        ({"nonsense": 1, "taskType": None}, [1, 2, 4, 5, 6]),
    ],
)
def test_a_filter_finds(wanted: dict[str, Any], ids: list[int]) -> None:
    """Dates are inclusive and on startAt; without ``to`` it ends a year from now."""
    with sandbox(tasks=TASKS, clock=NOW.timestamp) as api:
        page = api.call("POST", "/tasks/filter", json=wanted).json()
    assert [item["id"] for item in page["items"]] == ids


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"from": "2026-06-02T00:00:00Z", "to": "2026-06-01T00:00:00Z"}, "/to"),
        ({"from": "yesterday"}, "/from"),
        ({"status": 2}, "/status"),
        ({"sequenceIds": 7}, "/sequenceIds"),
        ({"sequenceIds": ["7"]}, "/sequenceIds"),
        ({"timeZoneIds": [7]}, "/timeZoneIds"),
        ({"overdue": 1}, "/overdue"),
    ],
)
def test_a_wrong_filter_is_a_validation_problem(wanted: dict[str, Any], pointer: str) -> None:
    """It names the member."""
    with sandbox() as api:
        answer = api.call("POST", "/tasks/filter", json=wanted)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_whoami_names_the_acting_user() -> None:
    """All three members, as documented."""
    with sandbox() as api:
        answer = api.call("GET", "/whoami")
    assert answer.json() == {"userId": 1, "username": "owner@example.com", "teamId": 1}
