"""The input of the targets: what a tap would write."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

#: Records between two STATEs, as usual taps write them.
STATE_EVERY = 1000

_TEXT = {"type": ["string", "null"]}
_PROPERTIES: dict[str, Any] = {
    "id": {"type": "integer"},
    "taskType": {"type": "integer"},
    "startAt": {"type": "string"},  # no format: parsing it is work that a plain peer is spared
    "dueTo": {"type": "string"},
    "contactId": {"type": "integer"},
    "template": {"type": "object", "properties": {"body": _TEXT, "subject": _TEXT}},
    "content": {"type": "object", "properties": {"body": _TEXT, "subject": _TEXT}},
}


class Job(StrEnum):
    """What the records ask for; the name of their stream."""

    UPDATES = "task_updates"
    EXECUTIONS = "task_executions"
    COMPLETIONS = "task_completions"


def write_input(path: Path, job: Job, records: int, *, revision: int = 0, stride: int = 1) -> None:
    """Write an input of so many records, one for each task from 1 on.

    Args:
        path: Where.
        job: What the records ask for.
        records: How many.
        revision: Of the records' texts: with another one every record has changed.
        stride: Take the tasks from so many rounds of ``records`` tasks, one after the other; the
            text of a task is that of its fellow in the first round.
    """
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{json.dumps(message)}\n" for message in _messages(job, records, revision, stride)
        )


def _messages(job: Job, records: int, revision: int, stride: int) -> Iterator[dict[str, Any]]:
    def make(number: int) -> dict[str, Any]:
        return {**_made(job, number, revision), "id": number + number % stride * records}

    first = make(1)
    yield {
        "type": "SCHEMA",
        "stream": job,
        "schema": {"properties": {name: _PROPERTIES[name] for name in first}},
        "key_properties": ["id"],
    }
    for number in range(1, records + 1):
        yield {"type": "RECORD", "stream": job, "record": make(number)}
        if number % STATE_EVERY == 0 or number == records:
            yield {"type": "STATE", "value": {"bookmarks": {job: {"id": number}}}}


def _made(job: Job, task_id: int, revision: int) -> dict[str, Any]:
    match job:
        case Job.UPDATES:
            return _update(task_id, revision)
        case Job.EXECUTIONS:
            return _execution(task_id)
        case Job.COMPLETIONS:
            return {"id": task_id}


def _update(task_id: int, revision: int) -> dict[str, Any]:
    return {
        "id": task_id,
        "taskType": 7,
        "startAt": "2027-03-01T09:00:00Z",
        "dueTo": "2027-03-05T17:00:00Z",
        "contactId": 1001 + task_id % 500,
        "template": {
            "subject": f"Renewal {task_id}",
            "body": "Hi {{firstName}}, your plan ends this month. Shall we talk on Tuesday?"
            + (f" ({revision})" if revision else ""),
        },
    }


def _execution(task_id: int) -> dict[str, Any]:
    return {
        "id": task_id,
        "content": {"subject": f"Renewal {task_id}", "body": "Shall we talk on Tuesday?"},
    }
