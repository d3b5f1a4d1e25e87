"""Singer messages as a tap writes them for the target."""

import json
from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]

#: A valid update; each call of ``update`` lays its members over it.
BODY: Mapping[str, Any] = {
    "taskType": "call",
    "startAt": "2027-03-01T09:00:00Z",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Ask about the renewal."},
    "contactId": 1001,
}


def schema(stream: str, *names: str) -> Message:
    """A SCHEMA message; the types that it says mean nothing to this target."""
    properties: dict[str, Any] = {name: {} for name in names or ("id",)}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": [],
    }


def record(stream: str, members: Mapping[str, Any]) -> Message:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": dict(members)}


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}


def update(task_id: Any, **members: Any) -> Message:
    """A record that updates a task; a member that is None is left out."""
    given = {name: value for name, value in {**BODY, **members}.items() if value is not None}
    return record("task_updates", {"id": task_id, **given})


def merge(task_id: Any, **members: Any) -> Message:
    """A record that updates a task with nothing but these members."""
    return record("task_updates", {"id": task_id, **members})


def execution(task_id: Any, **members: Any) -> Message:
    """A record that executes a task."""
    return record("task_executions", {"id": task_id, **members})


def lines(*messages: Message | str) -> str:
    """Messages as a tap writes them, after the SCHEMAs of the two named streams."""
    heads = [schema("task_updates"), schema("task_executions")]
    return "".join(
        f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in [*heads, *messages]
    )
