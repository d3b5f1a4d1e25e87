"""What each endpoint of the API does with a request that was let in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reply_tasks.sandbox import executions, rules
from reply_tasks.sandbox.assumptions import INT32, Assumptions, Order, Unrenderable
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.forms import Form, Reading, open_form
from reply_tasks.sandbox.identity import Caller, Dialect
from reply_tasks.sandbox.messages import Answer, Request
from reply_tasks.sandbox.problems import (
    INVALID_TYPE,
    Violation,
    business,
    forbidden,
    scope_missing,
    validation,
)
from reply_tasks.sandbox.routes import Route
from reply_tasks.sandbox.store import Store
from reply_tasks.sandbox.tasks import RenderError, Task, content_of
from reply_tasks.sandbox.wire import list_item_json, task_json

#: How many items a page has when nothing is said, and at most.
PAGE, LARGEST_PAGE = 25, 1000
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Needs:
    """What a caller must have: the key a scope, and the user a feature scope."""

    scope: str | None = None
    feature: str | None = None


_READS = Needs("tasks:read", "ViewTask")
NEEDS = {
    Endpoint.GET: _READS,
    Endpoint.LIST: _READS,
    Endpoint.FILTER: _READS,
    Endpoint.UPDATE: Needs("tasks:write", "ManageTask"),
    Endpoint.EXECUTE: Needs("tasks:operate", "ManageTask"),
    Endpoint.WHOAMI: Needs(),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in, who makes it, where and when."""

    request: Request
    route: Route
    caller: Caller
    store: Store
    now: datetime
    assumed: Assumptions
    #: The task as it was when the call arrived, where that is what an execution is judged by.
    arrived_at: Task | None = None

    @property
    def task_id(self) -> int:
        """The task that the route is about."""
        return self.route.task_id or 0

    @property
    def dialect(self) -> Dialect:
        """The dialect to read and to answer in."""
        return self.caller.dialect

    def form(self, *violations: Violation) -> Form:
        """The body, to be read; what is wrong with the address is noted in it already."""
        assumed = self.assumed
        reading = Reading(self.dialect, assumed.enum_names, assumed.unknown_members, assumed.ids)
        return open_form(self.request, reading, list(violations))


def serve(visit: Visit) -> Answer:
    """The answer of the endpoint, or a Problem."""
    endpoint, problem = visit.route.endpoint, visit.route.problem
    if endpoint is None:
        assert problem is not None  # noqa: S101 - a route without an endpoint has its problem
        raise problem
    _check(NEEDS[endpoint], visit.caller)
    if problem is not None:
        raise problem
    return _HANDLERS[endpoint](visit)


def _check(needs: Needs, caller: Caller) -> None:
    if needs.scope is not None and not caller.key.grants(needs.scope):
        raise scope_missing(needs.scope)
    if needs.feature is not None and needs.feature in caller.user.denied:
        raise forbidden(needs.feature, caller.user.id)


def _update(visit: Visit) -> Answer:
    update = rules.read_update(visit.form())
    assumed = visit.assumed
    task = visit.store.change(
        visit.task_id, lambda task: (rules.updated(task, update, assumed), None)
    )
    return Answer.of(task_json(task, visit.dialect), effect=True)


def _execute(visit: Visit) -> Answer:
    user, now, assumed = visit.caller.user, visit.now, visit.assumed
    execution = executions.read_execution(visit.form(), assumed)
    task = visit.store.change(
        visit.task_id,
        lambda task: executions.executed(visit.arrived_at or task, execution, user, now, assumed),
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
        content = content_of(task, visit.assumed.variables)
        return Answer.of(task_json(task, visit.dialect, content))
    except RenderError as error:
        if visit.assumed.unrenderable is Unrenderable.NULL:
            return Answer.of(task_json(task, visit.dialect))
        raise business(400, "task.unknown", str(error)) from None


def _list(visit: Visit) -> Answer:
    page = _page(visit)
    if page.unreadable:
        raise validation(page.unreadable)
    if page.out_of_range:
        detail = " ".join(f"Parameter {said}" for _, said in page.out_of_range)
        raise business(400, "task.invalidPagination", detail)
    return _items(visit, [task for task in visit.store.visible() if rules.listed(task)], page)


def _filter(visit: Visit) -> Answer:
    page = _page(visit)
    form = visit.form(*page.unreadable, *page.out_of_range)
    wanted = rules.read_filter(form, visit.dialect, visit.now)
    tasks = [t for t in visit.store.visible() if rules.passes(t, wanted, visit.now, visit.assumed)]
    return _items(visit, tasks, page)


def _whoami(visit: Visit) -> Answer:
    user = visit.caller.user
    return Answer.of({"userId": user.id, "username": user.email, "teamId": user.team_id})


@dataclass(frozen=True, slots=True)
class _Page:
    """Which part of a list is asked for, and what is wrong with that."""

    top: int
    skip: int
    unreadable: list[Violation]
    out_of_range: list[Violation]


def _page(visit: Visit) -> _Page:
    unreadable: list[Violation] = []
    out_of_range: list[Violation] = []

    def read(name: str, default: int, least: int, most: int) -> int:
        text = visit.request.query.get(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MOST_DIGITS:
            unreadable.append((f"/{name}", INVALID_TYPE))
            return default
        if not least <= int(text) <= most:
            out_of_range.append((f"/{name}", f"'{name}' must be between {least} and {most}."))
        return int(text)

    top = read("top", PAGE, 1, LARGEST_PAGE)
    skip = read("skip", 0, 0, INT32)
    return _Page(top, skip, unreadable, out_of_range)


def _items(visit: Visit, tasks: list[Task], page: _Page) -> Answer:
    if visit.assumed.order is Order.NEWEST_FIRST:
        tasks.reverse()
    end = page.skip + page.top
    items = [list_item_json(task, visit.dialect) for task in tasks[page.skip : end]]
    return Answer.of({"items": items, "hasMore": len(tasks) > end})


_HANDLERS: dict[Endpoint, Callable[[Visit], Answer]] = {
    Endpoint.UPDATE: _update,
    Endpoint.EXECUTE: _execute,
    Endpoint.GET: _get,
    Endpoint.LIST: _list,
    Endpoint.FILTER: _filter,
    Endpoint.WHOAMI: _whoami,
}
