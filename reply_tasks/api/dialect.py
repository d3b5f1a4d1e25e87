"""How a request is written: today's public API, or the preview that the seed documents describe.

Only requests have a dialect. Answers are read in either form.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reply_tasks.contract.enums import LinkedInTaskType, ReplyEnum, TaskStatus, TaskType
from reply_tasks.contract.records import Body


class Dialect(StrEnum):
    """The two generations of the Reply API that a request can be written for."""

    PREVIEW = "preview"
    CURRENT = "current"


_ENUM_MEMBERS: Mapping[str, type[ReplyEnum]] = {
    "taskType": TaskType,
    "linkedInTaskType": LinkedInTaskType,
    "status": TaskStatus,
}


def auth_headers(dialect: Dialect, api_key: str) -> dict[str, str]:
    """The header that carries the key: ``X-API-Key``, or ``Authorization`` with Bearer."""
    if dialect is Dialect.PREVIEW:
        return {"X-API-Key": api_key}
    return {"Authorization": f"Bearer {api_key}"}


def wire_body(body: Body, dialect: Dialect) -> Mapping[str, Any]:
    """The body as ``dialect`` writes it: ``preview`` integer enums, ``current`` camelCase names."""
    if dialect is Dialect.PREVIEW:
        return body
    named = {name: body[name] for name in _ENUM_MEMBERS if name in body}
    if not named:
        return body
    for name, value in named.items():
        member = _ENUM_MEMBERS[name].parse(value)
        if member is not None:
            named[name] = member.wire_name
    return {**body, **named}


def encode_body(body: Body, dialect: Dialect) -> bytes:
    """A canonical body as the bytes to send."""
    return _encode(wire_body(body, dialect)).encode()


_encode = json.JSONEncoder(
    ensure_ascii=True, check_circular=False, separators=(",", ":"), allow_nan=False
).encode
