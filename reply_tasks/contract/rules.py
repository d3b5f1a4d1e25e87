"""What a JSON Schema can't say of an update."""

from collections.abc import Iterator
from datetime import UTC, datetime

from reply_tasks.contract.date_times import canonical_instant
from reply_tasks.contract.records import Body, Violation

#: Reply refuses tasks that start earlier, by its page on updating a task.
EARLIEST_START = datetime(2015, 1, 1, tzinfo=UTC)


def broken_rules(body: Body) -> Iterator[Violation]:
    """The rules between members that ``body`` breaks.

    A rule judges only what is there and readable: for the rest there is the schema.
    """
    start = _instant(body.get("startAt"))
    due = _instant(body.get("dueTo"))
    if start is not None and start < EARLIEST_START:
        yield Violation(
            "/startAt",
            "startAt_from_2015",
            "string",
            f"startAt must be on or after 2015-01-01; it is {body['startAt']}.",
        )
    if start is not None and due is not None and due <= start:
        yield Violation(
            "/dueTo",
            "dueTo_after_startAt",
            "string",
            f"dueTo must be after startAt; it is {body['dueTo']}, startAt is {body['startAt']}.",
        )


def _instant(value: object) -> datetime | None:
    return canonical_instant(value) if isinstance(value, str) else None
