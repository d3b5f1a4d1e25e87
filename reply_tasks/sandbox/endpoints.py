"""What each endpoint of the API does with a request that was let in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reply_tasks.sandbox import rules
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.forms import open_form
from reply_tasks.sandbox.identity import Caller, Dialect
from reply_tasks.sandbox.messages import Answer, Request
from reply_tasks.sandbox.problems import (
    INVALID_TYPE,
    Violation,
    business,
    forbidden,
    validation,
)
from reply_tasks.sandbox.routes import Route
from reply_tasks.sandbox.store import Store
from reply_tasks.sandbox.tasks import RenderError, Task, content_of
from reply_tasks.sandbox.wire import list_item_json, task_json

_PAGE, _LARGEST_PAGE = 25, 1000
_FEATURES = {Endpoint.UPDATE: "ManageTask", Endpoint.EXECUTE: "ManageTask"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in, who makes it, where and when."""

    request: Request
    route: Route
    caller: Caller
    store: Store
    now: datetime

    @property
    def task_id(self) -> int:
        """The task that the route is about."""
        return self.route.task_id or 0

    @property
    def dialect(self) -> Dialect:
        """The dialect to read and to answer in."""
        return self.caller.dialect


def serve(visit: Visit) -> Answer:
    """The answer of the endpoint, or a Problem."""
    endpoint, problem = visit.route.endpoint, visit.route.problem
    if endpoint is None:
        assert problem is not None  # noqa: S101 - a route without an endpoint has its problem
        raise problem
    _check_features(endpoint, visit)
    if problem is not None:
        raise problem
    return _HANDLERS[endpoint](visit)


def _check_features(endpoint: Endpoint, visit: Visit) -> None:
    if endpoint is Endpoint.WHOAMI:
        return
    feature, user = _FEATURES.get(endpoint, "ViewTask"), visit.caller.user
    if feature in user.denied:
        raise forbidden(feature, user.id)


def _update(visit: Visit) -> Answer:
    update = rules.read_update(open_form(visit.request, visit.dialect, []))
    task = visit.store.change(visit.task_id, lambda task: (rules.updated(task, update), None))
    return Answer.of(task_json(task, visit.dialect), effect=True)


def _execute(visit: Visit) -> Answer:
    execution = rules.read_execution(open_form(visit.request, visit.dialect, []))
    user, now = visit.caller.user, visit.now
    task = visit.store.change(
        visit.task_id, lambda task: rules.executed(task, execution, user, now)
    )
    return Answer.of(task_json(task, visit.dialect), effect=True)


def _get(visit: Visit) -> Answer:
    wants = visit.request.query.get("includeContent", "false").lower()
    if wants not in {"true", "false"}:
        raise validation([("/includeContent", INVALID_TYPE)])
    task = visit.store.find(visit.task_id)
    if wants == "false":
        return Answer.of(task_json(task, visit.dialect))
    try:
        return Answer.of(task_json(task, visit.dialect, content_of(task)))
    except RenderError as error:
        raise business(400, "task.unknown", str(error)) from None


def _list(visit: Visit) -> Answer:
    top, skip, violations = _page(visit)
    if violations:
        raise business(400, "task.invalidPagination", " ".join(d for _, d in violations))
    return _items(visit, [task for task in visit.store.visible() if rules.listed(task)], top, skip)


def _filter(visit: Visit) -> Answer:
    top, skip, violations = _page(visit)
    form = open_form(visit.request, visit.dialect, violations)
    wanted = rules.read_filter(form, visit.dialect, visit.now)
    tasks = [t for t in visit.store.visible() if rules.passes(t, wanted, visit.now)]
    return _items(visit, tasks, top, skip)


def _whoami(visit: Visit) -> Answer:
    user = visit.caller.user
    return Answer.of({"userId": user.id, "username": user.email, "teamId": user.team_id})


def _page(visit: Visit) -> tuple[int, int, list[Violation]]:
    violations: list[Violation] = []

    def read(name: str, default: int, least: int, most: int) -> int:
        text = visit.request.query.get(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            violations.append((f"/{name}", INVALID_TYPE))
            return default
        if not least <= int(text) <= most:
            violations.append((f"/{name}", f"'{name}' must be between {least} and {most}."))
        return int(text)

    top = read("top", _PAGE, 1, _LARGEST_PAGE)
    skip = read("skip", 0, 0, 2_147_483_647)
    return top, skip, violations


def _items(visit: Visit, tasks: list[Task], top: int, skip: int) -> Answer:
    items = [list_item_json(task, visit.dialect) for task in tasks[skip : skip + top]]
    return Answer.of({"items": items, "hasMore": len(tasks) > skip + top})


_HANDLERS: dict[Endpoint, Callable[[Visit], Answer]] = {
    Endpoint.UPDATE: _update,
    Endpoint.EXECUTE: _execute,
    Endpoint.GET: _get,
    Endpoint.LIST: _list,
    Endpoint.FILTER: _filter,
    Endpoint.WHOAMI: _whoami,
}
