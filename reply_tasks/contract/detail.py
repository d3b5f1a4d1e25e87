"""The TaskDetail that Reply returns: read leniently, in either dialect.

An enum may be the integer of the preview or the name of today's API, a date-time may have any
offset, and what is unknown is kept and named, never an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from reply_tasks.contract.date_times import read_date_time, write_date_time
from reply_tasks.contract.enums import (
    CreationSource,
    LinkedInTaskType,
    ReplyEnum,
    TaskStatus,
    TaskType,
)
from reply_tasks.contract.records import Body
from reply_tasks.contract.schemas import schema
from reply_tasks.contract.values import json_type

_ENUMS: Mapping[str, type[ReplyEnum]] = {
    "taskType": TaskType,
    "status": TaskStatus,
    "linkedInTaskType": LinkedInTaskType,
    "creationSource": CreationSource,
}


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """One task as Reply returned it. What is unknown, unreadable or absent is None.

    A member is read when it is asked for: most answers are only looked at for their id.

    Attributes:
        id: The task.
        raw: What Reply returned, as it is.
    """

    id: int
    raw: Mapping[str, Any]

    @property
    def task_type(self) -> TaskType | None:
        """What the rep has to do."""
        return TaskType.parse(self.raw.get("taskType"))

    @property
    def status(self) -> TaskStatus | None:
        """Where it stands."""
        return TaskStatus.parse(self.raw.get("status"))

    @property
    def linked_in_task_type(self) -> LinkedInTaskType | None:
        """The LinkedIn action."""
        return LinkedInTaskType.parse(self.raw.get("linkedInTaskType"))

    @property
    def creation_source(self) -> CreationSource | None:
        """What created it."""
        return CreationSource.parse(self.raw.get("creationSource"))

    @property
    def is_failed(self) -> bool:
        """Whether executing it failed; False unless Reply says so."""
        return self.raw.get("isFailed") is True

    @property
    def finished_at(self) -> datetime | None:
        """When it was finished, in UTC."""
        return _moment(self.raw.get("finishedAt"))

    @property
    def created_at(self) -> datetime | None:
        """When it was created, in UTC."""
        return _moment(self.raw.get("createdAt"))

    @property
    def start_at(self) -> datetime | None:
        """When it starts, in UTC."""
        return _moment(self.raw.get("startAt"))

    @property
    def due_to(self) -> datetime | None:
        """When it is due, in UTC."""
        return _moment(self.raw.get("dueTo"))

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Members that this version doesn't know, or whose value it can't read.

        To be logged once, e.g. ``status``, ``newMember``, ``template.newMember``.
        """
        return tuple(_unknowns(self.raw))

    def row(self) -> dict[str, Any]:
        """The task for the warehouse, with every member of :func:`detail_schema`.

        An enum is its integer with its name beside. Of an unknown value, what Reply sent is kept in
        the column that it fits.
        """
        row: dict[str, Any] = {}
        for name, kind, enum in _columns():
            value = self.raw.get(name)
            if enum is not None:
                row[name], row[f"{name}Name"] = _enum_cells(enum, value)
            else:
                row[name] = None if value is None else _cell(value, kind)
        return row

    def update_body(self) -> dict[str, Any]:
        """The canonical body of the update that would leave this task as it is.

        What this version can't read is left out or left as it is, never made null, which would
        clear it: ``violations_of_update`` tells whether the body can be sent.
        """
        body: dict[str, Any] = {}
        if self.task_type is not None:
            body["taskType"] = self.task_type.value
        if self.start_at is not None:
            body["startAt"] = write_date_time(self.start_at)
        if self.due_to is not None:
            body["dueTo"] = write_date_time(self.due_to)
        if isinstance(template := self.raw.get("template"), Mapping):
            known = _detail_schema()["properties"]["template"]["properties"]
            body["template"] = {name: template[name] for name in known if name in template}
        if "contactId" in self.raw:
            body["contactId"] = self.raw["contactId"]
        if self.task_type is TaskType.LINKED_IN and "linkedInTaskType" in self.raw:
            known_action = self.linked_in_task_type
            body["linkedInTaskType"] = (
                self.raw["linkedInTaskType"] if known_action is None else known_action.value
            )
        return body


def read_task_detail(data: object) -> TaskDetail | None:
    """Read an answer's body; None unless it is a task: an object with an integer id."""
    if not isinstance(data, Mapping):
        return None
    task_id = data.get("id")
    if not isinstance(task_id, int) or isinstance(task_id, bool):
        return None
    return TaskDetail(id=task_id, raw=data)


def detail_schema() -> dict[str, Any]:
    """The schema of :meth:`TaskDetail.row`: ``task_detail`` with a name column beside each enum."""
    derived = schema("task_detail")
    derived["properties"] = dict(_with_names(derived["properties"]))
    return derived


def merge(base: Body, members: Body) -> dict[str, Any]:
    """Lay an update's ``members`` over the body that a task stands for; neither is changed.

    Templates are merged member by member. A null over what isn't there changes nothing. A task that
    is no longer for LinkedIn loses its ``linkedInTaskType``, unless ``members`` insist on one.
    """
    merged = _laid_over(base, members)
    template = base.get("template")
    if isinstance(template, Mapping) and isinstance(members.get("template"), Mapping):
        merged["template"] = _laid_over(template, members["template"])
    if merged.get("taskType") != TaskType.LINKED_IN and members.get("linkedInTaskType") is None:
        merged.pop("linkedInTaskType", None)
    return merged


def _laid_over(base: Body, members: Body) -> dict[str, Any]:
    changes = {name: value for name, value in members.items() if value is not None or name in base}
    return {**base, **changes}


@cache
def _detail_schema() -> dict[str, Any]:
    return detail_schema()


@cache
def _columns() -> tuple[tuple[str, dict[str, Any], type[ReplyEnum] | None], ...]:
    properties = schema("task_detail")["properties"]
    return tuple((name, kind, _ENUMS.get(name)) for name, kind in properties.items())


def _with_names(properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, kind in properties.items():
        yield name, kind
        if name in _ENUMS:
            names = ", ".join(member.wire_name for member in _ENUMS[name])
            described = f"The name of {name}: {names}."
            yield f"{name}Name", {"description": described, "type": ["string", "null"]}


def _moment(value: object) -> datetime | None:
    return read_date_time(value, UTC) if isinstance(value, str) else None


def _enum_cells(enum: type[ReplyEnum], value: object) -> tuple[int | None, str | None]:
    member = enum.parse(value)
    if member is not None:
        return member.value, member.wire_name
    if isinstance(value, int) and not isinstance(value, bool):
        return value, None
    return None, value if isinstance(value, str) else None


def _cell(value: object, kind: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """``value`` where it has the type that ``kind`` wants, else null."""
    if json_type(value) not in kind["type"]:
        return None
    if isinstance(value, str) and kind.get("format") == "date-time":
        moment = _moment(value)
        return None if moment is None else write_date_time(moment)
    if isinstance(value, Mapping):
        return {name: _cell(value.get(name), part) for name, part in kind["properties"].items()}
    if isinstance(value, list):
        return [_cell(item, kind["items"]) for item in value]
    return value


def _unknowns(data: Mapping[str, Any]) -> Iterator[str]:
    properties = _detail_schema()["properties"]
    for name, value in data.items():
        kind = properties.get(name)
        if kind is None:
            yield name
        elif name in _ENUMS:
            if value is not None and _ENUMS[name].parse(value) is None:
                yield name
        elif isinstance(value, Mapping) and "properties" in kind:
            yield from (f"{name}.{part}" for part in value if part not in kind["properties"])
        elif value is not None and _cell(value, kind) is None:
            yield name
