"""What a JSON Schema can't say of a record."""

from collections.abc import Iterator
from datetime import UTC, datetime

from reply_tasks.contract.date_times import canonical_instant
from reply_tasks.contract.enums import TaskType
from reply_tasks.contract.members import LOOKED_UP
from reply_tasks.contract.records import Body, Violation

#: Reply refuses tasks that start earlier, by its page on updating a task.
EARLIEST_START = datetime(2015, 1, 1, tzinfo=UTC)


def broken_rules(body: Body) -> list[Violation]:
    """The rules between members that ``body`` breaks.

    A rule judges only what is there and readable: for the rest there is the schema.
    """
    broken = []
    start = _instant(body.get("startAt"))
    due = _instant(body.get("dueTo"))
    if start is not None and start < EARLIEST_START:
        message = f"startAt must be on or after 2015-01-01; it is {body['startAt']}."
        broken.append(Violation("/startAt", "startAt_from_2015", "string", message))
    if start is not None and due is not None and due <= start:
        message = (
            f"dueTo must be after startAt; it is {body['dueTo']}, startAt is {body['startAt']}."
        )
        broken.append(Violation("/dueTo", "dueTo_after_startAt", "string", message))
    for address, stands_for in LOOKED_UP.items():
        if address in body and body.get(stands_for) is not None:
            message = f"{address} stands for {stands_for}: give one of them."
            broken.append(Violation(f"/{address}", "one_of_two", "string", message))
    return broken


def broken_rules_of_creation(body: Body) -> Iterator[Violation]:
    """What only a new task must be: its contact is required but for a to-do, and it has no id."""
    if body.get("id") is not None:
        yield Violation(
            "/id",
            "no_id",
            "integer",
            "id must be absent: Reply gives a new task its id. Map it to null, or send an update.",
        )
    named = body.get("contactId") is not None or "contactEmail" in body
    if not named and body.get("taskType") not in {None, TaskType.TO_DO}:
        yield Violation(
            "/contactId",
            "contactId_unless_toDo",
            "null" if "contactId" in body else "missing",
            "contactId is required, or contactEmail: only a to-do (taskType 0) may have none.",
        )


def broken_rules_of_assignment(body: Body) -> Iterator[Violation]:
    """Somebody must get the task."""
    if "userId" not in body and "assignedUserEmail" not in body:
        message = "userId is required, or assignedUserEmail."
        yield Violation("/userId", "required", "missing", message)


def _instant(value: object) -> datetime | None:
    return canonical_instant(value) if isinstance(value, str) else None
