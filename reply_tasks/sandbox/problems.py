"""The problem documents of Reply, in the shapes seen on the wire."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from reply_tasks.sandbox.messages import PROBLEM, Answer, encode

FIELD_REQUIRED = "Field is required."
INVALID_TYPE = "Value has an invalid type."
INVALID_FORMAT = "Value has an invalid format."
NOT_POSITIVE = "'{}' must be a positive integer."
BODY_NOT_JSON = "Request body is not valid JSON."
BODY_REQUIRED = "The request body is required and cannot be empty."
NOT_EXECUTABLE_NOW = "Task is already finished or in an invalid state."
NOT_COMPLETABLE_NOW = "Task is already finished or in an invalid state for completion."
NOT_DELETABLE_NOW = "Task cannot be deleted in its current state."
NOT_RENDERED = "Failed to render the task template before execution."

#: (pointer, detail) of one offending member.
Violation = tuple[str, str]


class Problem(Exception):  # noqa: N818 - Reply's own word for it
    """A refusal with the document that Reply would send."""

    def __init__(
        self, document: Mapping[str, Any] | None, status: int, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(document)
        self.document = document
        self.status = status
        self.headers = headers

    @property
    def detail(self) -> str:
        """The sentence of the document."""
        return "" if self.document is None else str(self.document["detail"])

    def answer(self) -> Answer:
        """The answer that carries the document, or no body at all."""
        body = b"" if self.document is None else encode(self.document)
        return Answer(self.status, body, PROBLEM, dict(self.headers))


def validation(violations: Iterable[Violation]) -> Problem:
    """A validation problem: errors[] and no code."""
    document = {
        "errors": [{"pointer": pointer, "detail": detail} for pointer, detail in violations],
        "title": "Validation failed",
        "status": 400,
        "detail": "The request body contains validation errors.",
        "extensions": {},
    }
    return Problem(document, 400)


def business(status: int, code: str, detail: str, **more: object) -> Problem:
    """A business problem: a code and no errors[]."""
    return Problem({**_bare(status, detail), "code": code, **more}, status)


def bare(status: int, detail: str, headers: Mapping[str, str] = {}) -> Problem:
    """A problem of the middleware: neither code nor errors[]."""
    return Problem(_bare(status, detail), status, headers)


def unauthorized(*, with_body: bool) -> Problem:
    """A missing or wrong key: the body seen on the wire, or the empty one of the documentation."""
    if with_body:
        return bare(401, "Authentication credentials are missing or invalid.")
    return Problem(None, 401, {"WWW-Authenticate": "Bearer"})


def too_many_requests(retry_after: int) -> Problem:
    """A 429 that says when to come back."""
    detail = f"Rate limit exceeded. Retry after {retry_after} seconds."
    return bare(429, detail, {"Retry-After": str(retry_after)})


def not_found(task_id: int) -> Problem:
    """No such task, or none that this user may see: Reply does not tell them apart."""
    return business(404, "task.notFound", task_missing(task_id))


def task_missing(task_id: int) -> str:
    """The sentence of a task that is not found."""
    return f"Task with ID {task_id} not found or insufficient permissions."


def scope_missing(scope: str) -> Problem:
    """The key was not granted the scope of the endpoint."""
    detail = f"The API key does not have the required scope {scope}."
    return business(403, "insufficient_scope", detail)


def forbidden(domain: str, feature: str, user_id: int) -> Problem:
    """The user lacks a feature scope."""
    detail = f"Feature scopes [{feature}] are denied for userId {user_id}."
    return business(403, f"{domain}.forbidden", detail)


def _bare(status: int, detail: str) -> dict[str, Any]:
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
