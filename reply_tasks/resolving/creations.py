"""What the tasks of Reply say of a creation whose answer was lost. Pure.

A task shows no trace of the call that made it, so that it is known by what it is. Where that leaves
a doubt, it is not resolved: a second task would be worse than a question.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reply_tasks.contract.date_times import read_date_time, write_date_time
from reply_tasks.contract.detail import TaskDetail
from reply_tasks.contract.enums import CreationSource
from reply_tasks.contract.kept import kept_body
from reply_tasks.resolving.evidence import CLOCK_ALLOWANCE, Found, has_body, same_body

#: So many tasks of one start, type and contact are listed, and so many of them are read.
MOST_LISTED, MOST_READ = 1000, 100
#: Reply's clock is known to the second, from the ``Date`` of its answers.
_ITS_CLOCK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was established.

    Attributes:
        found: ``EXECUTED``: the task is there. ``STILL_NEW``: no such task is. Else ``UNCLEAR``.
        detail: The same in a sentence.
        task: The task, where it was found.
        may_change: Whether another look, later, may tell more.
    """

    found: Found
    detail: str
    task: TaskDetail | None = None
    may_change: bool = False


def search_for(body: Mapping[str, Any]) -> dict[str, Any]:
    """The filter that finds the task which a body makes: the second in which it starts."""
    starts = read_date_time(body["startAt"], UTC)
    wanted = {"from": body["startAt"], "to": body["startAt"], "taskType": body["taskType"]}
    if starts is not None and starts.microsecond:  # Reply may keep fewer digits
        second = starts.replace(microsecond=0)
        wanted["from"] = write_date_time(second)
        wanted["to"] = write_date_time(second + timedelta(seconds=1))
    if body.get("contactId") is not None:
        wanted["contactId"] = body["contactId"]
    return wanted


def ids_to_read(
    items: Iterable[object], body: Mapping[str, Any], taken: Collection[int]
) -> list[int]:
    """The listed tasks that may be the one: those that are nobody else's."""
    return [
        item["id"]
        for item in items
        if isinstance(item, Mapping)
        and type(item.get("id")) is int
        and item["id"] not in taken
        and (body.get("contactId") is not None or item.get("contact") is None)
    ]


def made_since(task: TaskDetail, claimed_at: datetime) -> bool | None:
    """Whether a task is no older than a claim, by Reply's clock; None where it does not say."""
    if task.created_at is None:
        return None
    return task.created_at >= claimed_at - CLOCK_ALLOWANCE - _ITS_CLOCK


def sighting(
    tasks: Iterable[TaskDetail],
    body: Mapping[str, Any],
    *,
    claimed_at: datetime,
    in_doubt: Sequence[Mapping[str, Any]] = (),
) -> Sighting:
    """What tasks that are nobody else's say of a creation.

    Args:
        tasks: As Reply shows them: of its start, its type and its contact.
        body: What the creation asked for.
        claimed_at: When it was claimed, by Reply's clock.
        in_doubt: The kept records of other creations of which it is not known what they made.
    """
    near = [task for task in tasks if _is_near(task, body, claimed_at)]
    same = [task for task in near if has_body(task, body)]
    strange = [
        task
        for task in near
        if not has_body(task, body) and not any(_made_by(task, other) for other in in_doubt)
    ]
    if same and any(_equal(other, body) for other in in_doubt):
        said = f"{_named(same)} what it asked for, and so does another record that is not settled."
        return Sighting(Found.UNCLEAR, said, may_change=True)
    if len(same) > 1:
        return Sighting(Found.UNCLEAR, f"{_named(same)} what it asked for.")
    if same and (same[0].created_at is None or same[0].creation_source is None):
        return Sighting(
            Found.UNCLEAR,
            f"{_named(same)} what it asked for; Reply does not say how and when it was made.",
        )
    if same:
        return Sighting(Found.EXECUTED, f"{_named(same)} what it asked for.", same[0])
    if strange:
        said = f"{_named(strange)} like what it asked for, and was made since, with another text."
        return Sighting(Found.UNCLEAR, said, may_change=True)
    return Sighting(Found.STILL_NEW, "no such task is there.")


def _is_near(task: TaskDetail, body: Mapping[str, Any], claimed_at: datetime) -> bool:
    """Whether a task may be what the call made, whatever Reply made of its texts and dates."""
    return (
        task.creation_source in {CreationSource.USER, None}
        and made_since(task, claimed_at) is not False
        and task.task_type in {body["taskType"], None}
        and task.raw.get("contactId") == body.get("contactId")
    )


def _made_by(task: TaskDetail, record: Mapping[str, Any]) -> bool:
    """Whether a task is what another creation asked for, as far as its record says."""
    return _equal(record, task.update_body())


def _equal(record: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether a kept record asks for such a body; one that names its contact by address may."""
    other, this = kept_body(record), dict(body)
    if other.pop("contactEmail", None) is not None:
        this.pop("contactId", None)
    return same_body(other, this)


def _named(tasks: Sequence[TaskDetail]) -> str:
    ids = ", ".join(str(task.id) for task in tasks)
    return f"task {ids} is" if len(tasks) == 1 else f"tasks {ids} are each"
