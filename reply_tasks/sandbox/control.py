"""The control endpoints under ``/_sandbox/``: not limited, not logged, not struck by faults."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reply_tasks.sandbox.access import check_control
from reply_tasks.sandbox.api import Api
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.effects import Effect
from reply_tasks.sandbox.faults import Fault, FaultKind, FaultOptions, When
from reply_tasks.sandbox.forms import parse_json
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.members import read_contact, read_mailbox, read_task
from reply_tasks.sandbox.messages import Answer, Request
from reply_tasks.sandbox.problems import Problem
from reply_tasks.sandbox.store import Sent
from reply_tasks.sandbox.tasks import Task
from reply_tasks.sandbox.wire import task_json, write_instant

PREFIX = "/_sandbox/"


def answer(api: Api, request: Request) -> Answer:
    """The answer to a control request; what is wrong with one is told in ``error``."""
    path = request.path.removeprefix(PREFIX).rstrip("/")
    name, _, number = path.partition("/")
    control = _CONTROLS.get((request.method, name))
    if control is None or (number and not number.isdecimal()):
        known = sorted(f"{method} {PREFIX}{name}" for method, name in _CONTROLS)
        return Answer.of({"error": "no such control", "known": known}, 404)
    try:
        check_control(request)
        document = parse_json(request.body) if request.body else {}
        return Answer.of(control(api, document, int(number or 0)))
    except Problem as problem:
        return problem.answer()
    except KeyError as error:
        return Answer.of({"error": f"there is no {error}"}, 404)
    except (ValueError, TypeError) as error:
        return Answer.of({"error": str(error)}, 400)


def reset(api: Api) -> None:
    """Back to the start: what it holds, what it has done and logged, faults and quota."""
    api.faults.clear()
    api.account.reset()
    api.limits.reset()
    api.log.clear()


def _read_fault(document: Any) -> Fault:  # noqa: ANN401 - JSON
    """``{"kind": …, "match": {"endpoint": …, "task_id": …}, "nth": …, "when": …}``."""
    members = {**document, **document.get("match", {})}
    members.pop("match", None)
    kind = FaultKind(str(members.pop("kind", "")))
    unknown = sorted(set(members) - set(FaultOptions.__annotations__))
    if unknown:
        raise ValueError(f"a fault has no {', '.join(unknown)}")
    if members.get("endpoint") is not None:
        members["endpoint"] = Endpoint(members["endpoint"])
    members["when"] = When(members.get("when", When.BEFORE))
    return Fault(kind, **members)


def _add_faults(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    documents = document if isinstance(document, list) else [document]
    for fault in [_read_fault(each) for each in documents]:
        api.faults.add(fault)
    return _list_faults(api, None, 0)


def _list_faults(api: Api, _document: object, _: int) -> object:
    return [asdict(fault) for fault in api.faults.in_force()]


def _clear_faults(api: Api, _document: object, _: int) -> object:
    api.faults.clear()
    return []


def _outbox(api: Api, _document: object, _: int) -> object:
    return [_sent_json(sent) for sent in api.account.store.outbox]


def _effects(api: Api, _document: object, _: int) -> object:
    return [_effect_json(api, effect) for effect in api.account.store.effects]


def _calls(api: Api, _document: object, _: int) -> object:
    return [asdict(call) for call in api.log.snapshot()]


def _get_task(api: Api, _document: object, number: int) -> object:
    return _full_json(api, api.account.store.peek(number))


def _edit_task(api: Api, document: Any, number: int) -> object:  # noqa: ANN401
    return _full_json(api, api.account.store.edit(number, **read_task(document)))


def _create_task(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    members = dict(document)
    number = members.pop("id", None)
    return _full_json(api, api.account.store.create(number, **read_task(members)))


def _make_contacts(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    contacts = api.account.contacts
    made = [
        contacts.make(number, **read_contact(members)) for number, members in _numbered(document)
    ]
    return [asdict(contact) for contact in made]


def _make_mailboxes(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    mailboxes = api.account.mailboxes
    made = [
        mailboxes.make(number, **read_mailbox(members)) for number, members in _numbered(document)
    ]
    return [asdict(mailbox) for mailbox in made]


def _numbered(document: Any) -> list[tuple[int | None, dict[str, Any]]]:  # noqa: ANN401
    """Each object, or the only one, apart from its id."""
    members = [dict(each) for each in (document if isinstance(document, list) else [document])]
    return [(each.pop("id", None), each) for each in members]


def _spend(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    api.limits.spend(
        int(document.get("user", 1)),
        int(document.get("calls", 1)),
        float(document.get("seconds_ago", 0)),
    )
    return _quota(api, None, 0)


def _quota(api: Api, _document: object, _: int) -> object:
    return {str(user_id): windows for user_id, windows in api.limits.quota().items()}


def _reset(api: Api, _document: object, _: int) -> object:
    reset(api)
    return {}


_CONTROLS: dict[tuple[str, str], Callable[[Api, Any, int], object]] = {
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "outbox"): _outbox,
    ("GET", "effects"): _effects,
    ("GET", "calls"): _calls,
    ("GET", "tasks"): _get_task,
    ("PATCH", "tasks"): _edit_task,
    ("POST", "tasks"): _create_task,
    ("POST", "contacts"): _make_contacts,
    ("POST", "mailboxes"): _make_mailboxes,
    ("POST", "spend"): _spend,
    ("GET", "quota"): _quota,
    ("POST", "reset"): _reset,
}


def _sent_json(sent: Sent) -> dict[str, object]:
    return {**asdict(sent), "sent_at": write_instant(sent.sent_at)}


def _effect_json(api: Api, effect: Effect) -> dict[str, object]:
    return {
        "kind": effect.kind,
        "task_id": effect.task.id,
        "user_id": effect.user_id,
        "at": write_instant(effect.at),
        "call": effect.call,
        "call_resolution": effect.call_resolution,
        "task": _full_json(api, effect.task),
    }


def _full_json(api: Api, task: Task) -> dict[str, Any]:
    """The task as the API shows it in integers, and what the sandbox alone knows of it."""
    own = {"failsDelivery": task.fails_delivery, "hidden": task.hidden}
    return task_json(task, api.account.contact(task), Dialect.PREVIEW) | own
