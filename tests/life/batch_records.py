"""Records that may share a call, and what became of them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from messages import Message, record, schema
from target_runs import Stage

from reply_tasks.sandbox import EffectKind, Endpoint
from reply_tasks.sandbox.calls import BATCHES

HEADS = [schema(f"task_{name}") for name in ("completions", "assignments", "deletions")]


def completions(ids: Iterable[int], **members: Any) -> list[Message]:
    """Records that complete these tasks."""
    return [record("task_completions", {"id": task_id, **members}) for task_id in ids]


def assignments(ids: Iterable[int], **members: Any) -> list[Message]:
    """Records that assign these tasks."""
    return [record("task_assignments", {"id": task_id, **members}) for task_id in ids]


def deletions(ids: Iterable[int], **members: Any) -> list[Message]:
    """Records that delete these tasks."""
    return [record("task_deletions", {"id": task_id, **members}) for task_id in ids]


def make_tasks(stage: Stage, ids: Iterable[int], **members: Any) -> None:
    """New tasks of a user's own."""
    for task_id in ids:
        stage.sandbox.create_task(task_id, **members)


def batches(stage: Stage, endpoint: Endpoint) -> list[list[int]]:
    """The tasks of each call for many."""
    return [body["ids"] for body in stage.bodies(endpoint)]


def effects(stage: Stage, kind: EffectKind) -> Counter[int]:
    """How often each task met an effect."""
    return Counter(effect.task.id for effect in stage.sandbox.effects_of(kind))


def counted(stage: Stage) -> tuple[int, int, int]:
    """The calls that the rows count, those that the runs count, and those that were made."""
    return (
        sum(row["api_calls"] for row in stage.operations()),
        sum(run["api_calls"] for run in stage.runs()),
        len(stage.sandbox.calls),
    )


def names_batches(stage: Stage) -> bool:
    """Whether any call was for many tasks."""
    return any(call.endpoint in BATCHES for call in stage.sandbox.calls)
