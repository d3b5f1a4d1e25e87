"""Which endpoint a method and a path name."""

from dataclasses import dataclass

from reply_tasks.sandbox.assumptions import Ids
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.problems import (
    INVALID_TYPE,
    NOT_POSITIVE,
    Problem,
    bare,
    business,
    validation,
)

#: More would be too long for int() to read.
_MOST_DIGITS = 100

_FIXED = {
    "/v3/tasks": {"GET": Endpoint.LIST, "POST": Endpoint.CREATE},
    "/v3/tasks/filter": {"POST": Endpoint.FILTER},
    "/v3/tasks/bulk-delete": {"POST": Endpoint.BULK_DELETE},
    "/v3/tasks/batch/assign": {"POST": Endpoint.BATCH_ASSIGN},
    "/v3/tasks/batch/complete": {"POST": Endpoint.BATCH_COMPLETE},
    "/v3/whoami": {"GET": Endpoint.WHOAMI},
    "/v3/whoami/team-users": {"GET": Endpoint.TEAM_USERS},
    "/v3/contacts": {"GET": Endpoint.CONTACTS},
    "/v3/email-accounts": {"GET": Endpoint.EMAIL_ACCOUNTS},
    "/v3/email-accounts/filter": {"POST": Endpoint.FILTER_EMAIL_ACCOUNTS},
}
_OF_A_TASK = {
    "": {"GET": Endpoint.GET, "PUT": Endpoint.UPDATE, "DELETE": Endpoint.DELETE},
    "execute": {"POST": Endpoint.EXECUTE},
    "complete": {"POST": Endpoint.COMPLETE},
    "assigned-user": {"PUT": Endpoint.ASSIGN},
}
_OF_A_CONTACT = {"": {"GET": Endpoint.CONTACT}}
_TASKS, _CONTACTS = "/v3/tasks/", "/v3/contacts/"


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, whom or what it is about, and what is wrong with the address, if anything."""

    endpoint: Endpoint | None
    task_id: int | None = None
    contact_id: int | None = None
    problem: Problem | None = None


def resolve(method: str, path: str, ids: Ids = Ids.BITS_32) -> Route:
    """The route of a request."""
    path = path.rstrip("/")
    methods, number = _FIXED.get(path), None
    if methods is None:
        for prefix, actions in ((_TASKS, _OF_A_TASK), (_CONTACTS, _OF_A_CONTACT)):
            if path.startswith(prefix):
                number, _, action = path.removeprefix(prefix).partition("/")
                methods = actions.get(action)
    if methods is None:
        return Route(None, problem=bare(404, "The requested resource was not found."))
    endpoint = methods.get(method)
    if endpoint is None:
        allow = {"Allow": ", ".join(methods)}
        detail = f"The method {method} is not allowed for this resource."
        return Route(None, problem=bare(405, detail, allow))
    if number is None:
        return Route(endpoint)
    if endpoint is Endpoint.CONTACT:
        return _of_contact(number, ids)
    return _of_task(endpoint, number, ids)


def _of_task(endpoint: Endpoint, text: str, ids: Ids) -> Route:
    task_id, wrong = _read_id(text, ids)
    problem = None if wrong is None else validation([("/id", wrong)])
    return Route(endpoint, task_id, problem=problem)


def _of_contact(text: str, ids: Ids) -> Route:
    contact_id, wrong = _read_id(text, ids)
    problem = None if wrong is None else business(400, "contact.invalidInput", wrong)
    return Route(Endpoint.CONTACT, contact_id=contact_id, problem=problem)


def _read_id(text: str, ids: Ids) -> tuple[int | None, str | None]:
    """The id, and what is wrong with it."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or _is_too_large(digits, ids):
        return None, INVALID_TYPE
    number = int(text)
    return number, None if number > 0 else NOT_POSITIVE.format("id")


def _is_too_large(digits: str, ids: Ids) -> bool:
    return len(digits) > _MOST_DIGITS or int(digits) > ids.largest
