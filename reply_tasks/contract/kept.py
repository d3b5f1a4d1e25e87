"""A valid record as the ledger keeps it: canonical, and readable as a record again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import TaskRecord

#: Members of the kept record that are not members of its body.
BESIDE_THE_BODY = frozenset({"id", "actAsUserId", "externalId"})


def kept_record(record: TaskRecord) -> dict[str, Any]:
    """What the ledger keeps of a valid record."""
    kept: dict[str, Any] = {"id": record.task_id}
    if record.external_id is not None:
        kept["externalId"] = record.external_id
    if record.act_as_user_id is not None:
        kept["actAsUserId"] = record.act_as_user_id
    return kept | dict(record.body)


def kept_body(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a kept record."""
    return {name: value for name, value in kept.items() if name not in BESIDE_THE_BODY}


def read_kept_record(operation: Operation, kept: Mapping[str, Any]) -> TaskRecord:
    """The record that ``kept_record`` kept."""
    return TaskRecord(
        operation=operation,
        task_id=kept["id"],
        body=kept_body(kept),
        act_as_user_id=kept.get("actAsUserId"),
        external_id=kept.get("externalId"),
    )


def digest_of(kept: Mapping[str, Any]) -> str:
    """What an approval binds to: SHA-256 of exactly what an execution would send, and to whom.

    That is the task, the acting user and the body; not the CRM's own key, which is never sent.
    """
    sent = {name: value for name, value in kept.items() if name != "externalId"}
    text = json.dumps(sent, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
