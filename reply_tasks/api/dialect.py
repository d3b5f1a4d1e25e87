"""How a request is written: today's public API, or the preview of it.

Only requests have a dialect. Answers are read in either form.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reply_tasks.contract.enums import LinkedInTaskType, ReplyEnum, TaskStatus, TaskType
from reply_tasks.contract.records import Body


class Dialect(StrEnum):
    """The generations of the Reply API that requests can be written for, or whichever it is."""

    AUTO = "auto"
    PREVIEW = "preview"
    CURRENT = "current"


class KeyHeader(StrEnum):
    """The header that carries the key."""

    BEARER = "Authorization"
    API_KEY = "X-API-Key"


class EnumForm(StrEnum):
    """How enums are written."""

    NAMES = "names"
    INTEGERS = "integers"


@dataclass(frozen=True, slots=True)
class RequestForm:
    """How requests are written."""

    header: KeyHeader
    enums: EnumForm


PREVIEW_FORM = RequestForm(KeyHeader.API_KEY, EnumForm.INTEGERS)
CURRENT_FORM = RequestForm(KeyHeader.BEARER, EnumForm.NAMES)

#: The form of a dialect; that of ``auto`` has to be found out.
FORMS: Mapping[Dialect, RequestForm] = {
    Dialect.PREVIEW: PREVIEW_FORM,
    Dialect.CURRENT: CURRENT_FORM,
}


_ENUM_MEMBERS: Mapping[str, type[ReplyEnum]] = {
    "taskType": TaskType,
    "linkedInTaskType": LinkedInTaskType,
    "status": TaskStatus,
}


def auth_headers(form: RequestForm, api_key: str) -> dict[str, str]:
    """The header that carries the key: ``X-API-Key``, or ``Authorization`` with Bearer."""
    if form.header is KeyHeader.API_KEY:
        return {form.header: api_key}
    return {form.header: f"Bearer {api_key}"}


def form_of_answer(header: KeyHeader, page: object) -> RequestForm:
    """The form for a Reply that answered a read of the task list.

    Args:
        header: The header with which it took the key.
        page: The answer; without a task whose enums show how they are written, they are written as
            the generation that takes this header does.
    """
    items = page.get("items") if isinstance(page, Mapping) else None
    for item in items if isinstance(items, list) else ():
        value = item.get("taskType") if isinstance(item, Mapping) else None
        if isinstance(value, str):
            return RequestForm(header, EnumForm.NAMES)
        if isinstance(value, int):
            return RequestForm(header, EnumForm.INTEGERS)
    return form_of_header(header)


def form_of_header(header: KeyHeader) -> RequestForm:
    """The form of the generation that takes the key in this header."""
    return CURRENT_FORM if header is KeyHeader.BEARER else PREVIEW_FORM


def wire_body(body: Body, form: RequestForm) -> Mapping[str, Any]:
    """The body as ``form`` writes it: with integer enums, or with camelCase names."""
    if form.enums is EnumForm.INTEGERS:
        return body
    named = {name: body[name] for name in _ENUM_MEMBERS if name in body}
    if not named:
        return body
    for name, value in named.items():
        member = _ENUM_MEMBERS[name].parse(value)
        if member is not None:
            named[name] = member.wire_name
    return {**body, **named}


def encode_body(body: Body, form: RequestForm) -> bytes:
    """A canonical body as the bytes to send."""
    return _encode(wire_body(body, form)).encode()


_encode = json.JSONEncoder(
    ensure_ascii=True, check_circular=False, separators=(",", ":"), allow_nan=False
).encode
