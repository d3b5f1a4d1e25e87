"""Answers of Reply in a line each."""

import json
from typing import Any

from reply_tasks.api.answers import Answer, read_answer


def answer(status: int, data: Any = None, headers: dict[str, str] | None = None) -> Answer:
    body = b"" if data is None else json.dumps(data).encode()
    return read_answer(status, headers or {}, body)


def unknown(detail: str) -> Answer:
    document = {"title": "Bad Request", "status": 400, "detail": detail, "code": "task.unknown"}
    return answer(400, document)


def business(status: int, code: str, detail: str = "") -> Answer:
    return answer(status, {"title": "No", "status": status, "detail": detail, "code": code})


def validation(detail: str, pointer: str = "") -> Answer:
    document = {
        "title": "Validation failed",
        "status": 400,
        "detail": "The request body contains validation errors.",
        "errors": [{"pointer": pointer, "detail": detail}],
    }
    return answer(400, document)
