#!/usr/bin/env python3
"""A tap that tells after each record how far it has read, which few taps do so finely."""

import json
import os
import sys


def main() -> None:
    """Update task 1, 2, 3, ..., with a STATE after each."""
    schema = {"properties": {"id": {"type": "integer"}}}
    write({"type": "SCHEMA", "stream": "task_updates", "schema": schema, "key_properties": ["id"]})
    for number in range(1, int(os.environ["NUMBERED_TASKS"]) + 1):
        record = {
            "id": number,
            "taskType": "call",
            "startAt": "2027-03-01T09:00:00Z",
            "dueTo": "2027-03-05T17:00:00Z",
            "template": {"body": f"Call number {number}."},
            "contactId": 1001,
            "externalId": number,
        }
        write({"type": "RECORD", "stream": "task_updates", "record": record})
        bookmark = {"replication_key": "id", "replication_key_value": number}
        write({"type": "STATE", "value": {"bookmarks": {"task_updates": bookmark}}})


def write(message: dict[str, object]) -> None:
    """Write one Singer message."""
    sys.stdout.write(f"{json.dumps(message)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
