"""Records that come in canonical form: reading would change nothing in them, so it is left out.

Normalising is more than a third of what reading a record costs, and a pipeline whose maps name the
members as the contract does brings little else.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.members import OPERATION_MEMBER, record_members
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.validate import form_of, form_schema
from reply_tasks.contract.values import TEXT_READERS, Reader, Unreadable, is_null_text

if TYPE_CHECKING:
    from reply_tasks.contract.screen import Screen


def comes_canonical(raw: Mapping[str, Any], operation: Operation, dates: Dates) -> bool:
    """Whether a raw record is valid by its schema, and normalising it would give the same.

    Of a record that is laid over a task this can't be asked: what its nulls mean is a setting.
    """
    if not _screen(operation)(raw):
        return False
    try:
        for holder, name, read, null_texts in _texts(operation):
            value = (raw if holder is None else raw.get(holder, _NOTHING)).get(name)
            if value is not None and (
                (null_texts and is_null_text(value)) or read(value, dates) != value
            ):
                return False
    except Unreadable:
        return False
    return True


_NOTHING: Mapping[str, Any] = {}


@cache
def _texts(operation: Operation) -> tuple[tuple[str | None, str, Reader, bool], ...]:
    """The members that may hold text: object, name, reader, and whether a text may mean null.

    What can't be text has one canonical form, and its schema asks for that.
    """
    return tuple(
        (None if part is member else member.name, part.name, part.read, part.null_texts)
        for member in record_members(operation)
        for part in (member.parts or (member,))
        if part.read in TEXT_READERS
    )


@cache
def _screen(operation: Operation) -> "Screen":
    from reply_tasks.contract.screen import screen_of  # noqa: PLC0415 - only a run needs it

    schema = form_schema(form_of(operation))
    members = {**schema["properties"], OPERATION_MEMBER: {"type": "string"}}
    return screen_of(_closed({**schema, "properties": members}), formats={})


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without formats, which readers know, but with no members that it does not name."""
    said = {keyword: value for keyword, value in schema.items() if keyword != "format"}
    if "properties" in said:
        said["properties"] = {name: _closed(each) for name, each in said["properties"].items()}
        said["additionalProperties"] = False
    return said
