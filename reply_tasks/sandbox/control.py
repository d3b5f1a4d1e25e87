"""The control endpoints under ``/_sandbox/``: not limited, not logged, not struck by faults."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from reply_tasks.contract.enums import CreationSource, LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.sandbox.access import check_control
from reply_tasks.sandbox.api import Api
from reply_tasks.sandbox.calls import Endpoint
from reply_tasks.sandbox.faults import Fault, FaultKind, FaultOptions, When
from reply_tasks.sandbox.forms import parse_json
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.messages import Answer, Request
from reply_tasks.sandbox.problems import Problem
from reply_tasks.sandbox.store import Sent
from reply_tasks.sandbox.tasks import Task, TaskMembers, Template
from reply_tasks.sandbox.wire import read_instant, task_json, write_instant

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
    """Back to the start: tasks, outbox, calls, faults and quota."""
    api.faults.clear()
    api.store.reset()
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
    return [_sent_json(sent) for sent in api.store.outbox]


def _calls(api: Api, _document: object, _: int) -> object:
    return [asdict(call) for call in api.log.snapshot()]


def _get_task(api: Api, _document: object, number: int) -> object:
    return _full_json(api.store.peek(number))


def _edit_task(api: Api, document: Any, number: int) -> object:  # noqa: ANN401
    return _full_json(api.store.edit(number, **_read_members(document)))


def _create_task(api: Api, document: Any, _: int) -> object:  # noqa: ANN401
    members = dict(document)
    number = members.pop("id", None)
    return _full_json(api.store.create(number, **_read_members(members)))


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
    ("GET", "calls"): _calls,
    ("GET", "tasks"): _get_task,
    ("PATCH", "tasks"): _edit_task,
    ("POST", "tasks"): _create_task,
    ("POST", "spend"): _spend,
    ("GET", "quota"): _quota,
    ("POST", "reset"): _reset,
}


def _sent_json(sent: Sent) -> dict[str, object]:
    return {**asdict(sent), "sent_at": write_instant(sent.sent_at)}


def _full_json(task: Task) -> dict[str, Any]:
    """The task as the API shows it in integers, and what the sandbox alone knows of it."""
    own = {"failsDelivery": task.fails_delivery, "hidden": task.hidden}
    return task_json(task, Dialect.PREVIEW) | own


def _read_members(document: Mapping[str, Any]) -> TaskMembers:
    """The members that a JSON object sets; enums in any spelling, an unknown name an error."""
    unknown = sorted(set(document) - set(_MEMBERS))
    if unknown:
        raise ValueError(f"a task has no {', '.join(unknown)} that could be set")
    members: dict[str, Any] = {}
    for name, value in document.items():
        member, read = _MEMBERS[name]
        members[member] = None if value is None else read(value)
    return cast("TaskMembers", members)  # the table gives the types


def _instant(value: object) -> datetime:
    instant = read_instant(str(value))
    if instant is None:
        raise ValueError(f"{value!r} is no date-time with an offset")
    return instant


def _enum(kind: type[TaskType | TaskStatus | LinkedInTaskType | CreationSource]) -> Any:  # noqa: ANN401
    def read(value: object) -> object:
        member = kind.parse(value)
        if member is None:
            raise ValueError(f"{value!r} is no {kind.__name__}")
        return member

    return read


def _template(value: Mapping[str, Any]) -> Template:
    attachments = value.get("attachmentIdList")
    return Template(
        value["body"],
        value.get("subject"),
        None if attachments is None else tuple(attachments),
    )


_MEMBERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "taskType": ("task_type", _enum(TaskType)),
    "status": ("status", _enum(TaskStatus)),
    "contactId": ("contact_id", int),
    "linkedInTaskType": ("linked_in_task_type", _enum(LinkedInTaskType)),
    "sequenceId": ("sequence_id", int),
    "sequenceStepId": ("sequence_step_id", int),
    "sequenceStepDisplayName": ("sequence_step_display_name", str),
    "assignedUserId": ("assigned_user_id", int),
    "creationSource": ("creation_source", _enum(CreationSource)),
    "createdAt": ("created_at", _instant),
    "startAt": ("start_at", _instant),
    "dueTo": ("due_to", _instant),
    "finishedAt": ("finished_at", _instant),
    "isFailed": ("is_failed", bool),
    "isScheduled": ("is_scheduled", bool),
    "template": ("template", _template),
    "failsDelivery": ("fails_delivery", bool),
    "hidden": ("hidden", bool),
}
