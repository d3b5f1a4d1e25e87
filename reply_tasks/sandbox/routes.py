"""Which endpoint a method and a path name."""

from dataclasses import dataclass

from reply_tasks.sandbox.assumptions import Ids
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.problems import INVALID_TYPE, NOT_POSITIVE, Problem, bare, validation

#: More would be too long for int() to read.
_MOST_DIGITS = 100

_FIXED = {
    "/v3/tasks": {"GET": Endpoint.LIST},
    "/v3/tasks/filter": {"POST": Endpoint.FILTER},
    "/v3/whoami": {"GET": Endpoint.WHOAMI},
}
_OF_A_TASK = {"GET": Endpoint.GET, "PUT": Endpoint.UPDATE}
_EXECUTION = {"POST": Endpoint.EXECUTE}
_TASKS = "/v3/tasks/"


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, the task it is about, and what is wrong with the address, if anything."""

    endpoint: Endpoint | None
    task_id: int | None = None
    problem: Problem | None = None


def resolve(method: str, path: str, ids: Ids = Ids.BITS_32) -> Route:
    """The route of a request."""
    path = path.rstrip("/")
    methods, task = _FIXED.get(path), None
    if methods is None and path.startswith(_TASKS):
        task, _, action = path.removeprefix(_TASKS).partition("/")
        methods = {"": _OF_A_TASK, "execute": _EXECUTION}.get(action)
    if methods is None:
        return Route(None, problem=bare(404, "The requested resource was not found."))
    endpoint = methods.get(method)
    if endpoint is None:
        allow = {"Allow": ", ".join(methods)}
        detail = f"The method {method} is not allowed for this resource."
        return Route(None, problem=bare(405, detail, allow))
    if task is None:
        return Route(endpoint)
    return _of_task(endpoint, task, ids)


def _of_task(endpoint: Endpoint, text: str, ids: Ids) -> Route:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or _is_too_large(digits, ids):
        return Route(endpoint, problem=validation([("/id", INVALID_TYPE)]))
    task_id = int(text)
    if task_id < 1:
        wrong = validation([("/id", NOT_POSITIVE.format("id"))])
        return Route(endpoint, task_id, wrong)
    return Route(endpoint, task_id)


def _is_too_large(digits: str, ids: Ids) -> bool:
    return len(digits) > _MOST_DIGITS or int(digits) > ids.largest
