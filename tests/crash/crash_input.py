"""What targets that die are given: records, named or made up, and answers that are lost."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, When

Records = Sequence[Mapping[str, Any]]


#: Ids from here on name no task.
NO_SUCH_TASK = 900


def name_of(index: int) -> str:
    """The ``externalId`` of the record that is read as this one."""
    return f"record-{index}"


#: The stream of each operation.
STREAMS = {
    "update": "task_updates",
    "execute": "task_executions",
    "create": "task_creations",
    "complete": "task_completions",
    "assign": "task_assignments",
    "delete": "task_deletions",
}


def singer(records: Records, *, first: int = 0, states_every: int = 3) -> str:
    """The input of a run: records from ``first`` on, each STATE saying how many came before it."""
    properties: dict[str, Any] = {"id": {"type": "integer"}, "operation": {"type": "string"}}
    lines: list[dict[str, Any]] = [
        {
            "type": "SCHEMA",
            "stream": stream,
            "schema": {"properties": properties},
            "key_properties": ["id"],
        }
        for stream in STREAMS.values()
    ]
    for index, record in enumerate(records[first:], first):
        stream = STREAMS[record["operation"]]
        lines.append({"type": "RECORD", "stream": stream, "record": record})
        if (index + 1) % states_every == 0 or index + 1 == len(records):
            lines.append({"type": "STATE", "value": {"read": index + 1}})
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def made_up(chance: random.Random, count: int, tasks: int) -> list[dict[str, Any]]:
    """Records of both kinds, several to a task, some of which can't be applied."""
    records = []
    for index in range(count):
        record: dict[str, Any] = {"externalId": name_of(index), "id": chance.randint(1, tasks)}
        kind = chance.random()
        if kind < 0.45 or record["id"] % 3 == 0:
            record |= {"operation": "execute", "content": {"body": f"Sent by {index}"}}
        else:
            record |= update(f"Body {index if kind < 0.8 else 'as before'}")
        if kind > 0.97:
            record["taskType" if record["operation"] == "update" else "content"] = "nonsense"
        elif kind > 0.92 and record["operation"] == "update":
            record["id"] = NO_SUCH_TASK + index
        records.append(record)
    return records


def update(body: str) -> dict[str, Any]:
    """The members of a full replacement."""
    return {
        "operation": "update",
        "taskType": 7,
        "startAt": "2026-09-08T12:00:00Z",
        "dueTo": "2026-09-09T12:00:00Z",
        "template": {"body": body, "subject": "On Friday"},
        "contactId": 1001,
    }


def lose_some_answers(server: SandboxServer, chance: random.Random) -> None:
    """Let some executions lose their answers too, before or after the effect."""
    for nth in chance.sample(range(1, 10), 2):
        when = chance.choice(list(When))
        server.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, nth=nth, when=when)
