"""What a task, read back after a lost answer, says of a call. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reply_tasks.contract.detail import TaskDetail
from reply_tasks.contract.enums import TaskStatus

#: How far Reply's clock and ours may differ.
CLOCK_ALLOWANCE = timedelta(minutes=1)


#: Deleting makes a new task cancelled and a finished one archived.
GONE = frozenset({TaskStatus.CANCELLED, TaskStatus.ARCHIVED})


class Found(StrEnum):
    """What the read-back established.

    ``EXECUTED`` and ``FAILED``: the execution happened, and went well or not. ``NOT_OURS``: the
    task was finished or closed by something else. ``STILL_NEW``: it has not happened so far.
    ``UNCLEAR``: the task is finished, and Reply does not say when.
    """

    EXECUTED = "executed"
    FAILED = "failed"
    NOT_OURS = "not_ours"
    STILL_NEW = "still_new"
    UNCLEAR = "unclear"


def judge_read_back(task: TaskDetail, *, claimed_at: datetime) -> Found:
    """What ``task`` says of an execution that was claimed at ``claimed_at``, by Reply's clock."""
    if task.status is TaskStatus.NEW:
        return Found.STILL_NEW
    if task.status is None:
        return Found.UNCLEAR
    if task.status is not TaskStatus.FINISHED:
        return Found.NOT_OURS
    if task.finished_at is None:
        return Found.UNCLEAR
    if task.finished_at < claimed_at - CLOCK_ALLOWANCE:
        return Found.NOT_OURS
    return Found.FAILED if task.is_failed else Found.EXECUTED


def state_of(task: TaskDetail) -> str:
    """Where a task stands, in words that follow "the task is"."""
    state = "of an unknown status" if task.status is None else task.status.wire_name
    if task.finished_at is None:
        return state
    return f"{state} since {task.finished_at:%Y-%m-%d %H:%M:%SZ}"


def has_body(task: TaskDetail, body: Mapping[str, Any]) -> bool:
    """Whether a task is as a whole body would make it."""
    return same_body(body, task.update_body())


def same_body(body: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two whole bodies make the same task; what is empty is as good as nothing."""
    return _without_empty(body) == _without_empty(other)


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_empty(value) if isinstance(value, dict) else value
        for name, value in body.items()
        if value is not None and value not in ("", [])
    }
