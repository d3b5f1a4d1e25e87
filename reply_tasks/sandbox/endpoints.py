"""Every endpoint of the API: what a caller must have, and what it does when let in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from reply_tasks.sandbox import (
    assignments,
    completions,
    creations,
    deletions,
    directory,
    executions,
    rules,
)
from reply_tasks.sandbox.assumptions import CreatedTasks, Order, Unrenderable
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.identity import Caller
from reply_tasks.sandbox.messages import Answer
from reply_tasks.sandbox.problems import business, forbidden, scope_missing
from reply_tasks.sandbox.store import Change
from reply_tasks.sandbox.tasks import RenderError, Task, content_of
from reply_tasks.sandbox.visit import Page, Visit, page_of
from reply_tasks.sandbox.wire import list_item_json

#: How long a new task is in no list, when so assumed.
_UNFOUND_FOR = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a caller must have: the key a scope, and the user a feature scope of a domain."""

    scope: str | None = None
    feature: str | None = None
    domain: str = "task"


_READS = Needs("tasks:read", "ViewTask")
_WRITES = Needs("tasks:write", "ManageTask")
_OPERATES = Needs("tasks:operate", "ManageTask")
_FINDS_CONTACTS = Needs("contacts:read", "ViewContact", "contact")
_FINDS_MAILBOXES = Needs("channels:read", "ViewEmailAccount", "emailAccount")


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
        raise forbidden(needs.domain, needs.feature, caller.user.id)


def _update(visit: Visit) -> Answer:
    update = rules.read_update(visit.form())
    account = visit.account
    task = visit.store.change(
        visit.task_id, lambda task: Change(rules.updated(task, update, account))
    )
    return visit.answer_task(task)


def _execute(visit: Visit) -> Answer:
    execution = executions.read_execution(visit)
    task = visit.store.change(
        visit.task_id, lambda task: executions.executed(visit.arrived_at or task, execution, visit)
    )
    return visit.answer_task(task)


def _get(visit: Visit) -> Answer:
    wants_content = visit.flag("includeContent")
    task = visit.store.find(visit.task_id)
    if not wants_content:
        return visit.answer_task(task, effect=False)
    try:
        content = content_of(task, visit.account.contact(task), visit.assumed.variables)
        return visit.answer_task(task, content, effect=False)
    except RenderError as error:
        if visit.assumed.unrenderable is Unrenderable.NULL:
            return visit.answer_task(task, effect=False)
        raise business(400, "task.unknown", str(error)) from None


def _list(visit: Visit) -> Answer:
    page = page_of(visit.request)
    page.check("task")
    return _items(visit, [task for task in _found(visit) if rules.listed(task)], page)


def _filter(visit: Visit) -> Answer:
    page = page_of(visit.request)
    form = visit.form(*page.unreadable, *page.out_of_range)
    wanted = rules.read_filter(form, visit.dialect, visit.now)
    tasks = [t for t in _found(visit) if rules.passes(t, wanted, visit.now, visit.account)]
    return _items(visit, tasks, page)


def _found(visit: Visit) -> list[Task]:
    """Every task that a list or a filter may find by now."""
    tasks = visit.store.visible()
    if visit.assumed.created_tasks is CreatedTasks.AT_ONCE:
        return tasks
    return [task for task in tasks if task.created_at + _UNFOUND_FOR <= visit.now]


def _items(visit: Visit, tasks: list[Task], page: Page) -> Answer:
    if visit.assumed.order is Order.NEWEST_FIRST:
        tasks.reverse()
    shown, has_more = page.of(tasks)
    contact, dialect = visit.account.contact, visit.dialect
    items = [list_item_json(task, contact(task), dialect) for task in shown]
    return Answer.of({"items": items, "hasMore": has_more})


_ENDPOINTS: Mapping[Endpoint, tuple[Needs, Callable[[Visit], Answer]]] = {
    Endpoint.CREATE: (_WRITES, creations.create),
    Endpoint.UPDATE: (_WRITES, _update),
    Endpoint.EXECUTE: (_OPERATES, _execute),
    Endpoint.COMPLETE: (_OPERATES, completions.complete),
    Endpoint.ASSIGN: (_WRITES, assignments.assign),
    Endpoint.DELETE: (_WRITES, deletions.delete),
    Endpoint.BATCH_COMPLETE: (_OPERATES, completions.complete_batch),
    Endpoint.BATCH_ASSIGN: (_WRITES, assignments.assign_batch),
    Endpoint.BULK_DELETE: (_WRITES, deletions.delete_batch),
    Endpoint.GET: (_READS, _get),
    Endpoint.LIST: (_READS, _list),
    Endpoint.FILTER: (_READS, _filter),
    Endpoint.WHOAMI: (Needs(), directory.whoami),
    Endpoint.TEAM_USERS: (Needs(), directory.team_users),
    Endpoint.CONTACT: (_FINDS_CONTACTS, directory.contact),
    Endpoint.CONTACTS: (_FINDS_CONTACTS, directory.contacts),
    Endpoint.EMAIL_ACCOUNTS: (_FINDS_MAILBOXES, directory.email_accounts),
    Endpoint.FILTER_EMAIL_ACCOUNTS: (_FINDS_MAILBOXES, directory.filter_email_accounts),
}
NEEDS = {endpoint: needs for endpoint, (needs, _) in _ENDPOINTS.items()}
_HANDLERS = {endpoint: handler for endpoint, (_, handler) in _ENDPOINTS.items()}
