"""Records of a task's whole life, as a CRM that knows its own key sends them."""

from typing import Any

from messages import Message, record, schema

from reply_tasks.sandbox import EffectKind, SandboxServer, Task

#: All that a creation needs.
NEW = {
    "taskType": "manualEmail",
    "startAt": "2027-03-01T09:00:00Z",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Ask about the renewal."},
    "contactId": 1001,
}
HEADS = [
    schema(f"task_{name}") for name in ("creations", "completions", "assignments", "deletions")
]


def creation(key: Any, **members: Any) -> Message:
    """A record that creates a task."""
    named = {} if key is None else {"externalId": key}
    return record("task_creations", {**named, **NEW, **members})


def keyed(stream: str, key: Any, **members: Any) -> Message:
    """A record that names its task by the CRM's key alone."""
    return record(stream, {"externalId": key, **members})


def renewed(key: Any, body: str, **members: Any) -> Message:
    """An update by the CRM's key to another text."""
    return keyed("task_updates", key, **{**NEW, "template": {"body": body}, **members})


def made(server: SandboxServer) -> list[Task]:
    """Every task that a call has made, as it is now."""
    return [server.task(effect.task.id) for effect in server.effects_of(EffectKind.CREATED)]
