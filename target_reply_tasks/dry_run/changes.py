"""What an update changes, member by member, and texts short enough for a line. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from reply_tasks.contract.records import Body
from target_reply_tasks.dry_run.planned import Change

#: Characters of a text that are shown.
LONGEST = 60
#: Characters that are shown before the first one that differs.
_LEAD = 15
#: Of a TaskDetail: what an update makes untrue.
_RENDERED = frozenset({"content"})
_OF_THE_CONTACT = frozenset({"deliveryInfo"})


def changes(before: Body, after: Body) -> tuple[Change, ...]:
    """The members that differ between two bodies of an update, with their texts shortened.

    A member that is missing is as good as null, and an empty list as none.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    names = [*new, *(name for name in old if name not in new)]
    return tuple(
        Change(name, *_shortened(old.get(name), new.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    )


def all_of(body: Body) -> tuple[Change, ...]:
    """Every member of a body, where what was before is not known."""
    return tuple(Change(name, None, short(value)) for name, value in _flat(body))


def detail_after(detail: Mapping[str, Any] | None, task_id: int, body: Body) -> Mapping[str, Any]:
    """A TaskDetail after an update: without what was true only before it."""
    old = detail or {}
    untrue = set(_RENDERED)
    if body.get("contactId") != old.get("contactId"):
        untrue |= _OF_THE_CONTACT
    kept = {name: value for name, value in old.items() if name not in untrue}
    return {**kept, "contactId": None, "id": task_id, **body}


def short(value: Any, begin: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """A text cut to what a line can hold, from a character on; any other value as it is."""
    if isinstance(value, list):
        return value if len(value) <= LONGEST else [*value[:LONGEST], "…"]
    if not isinstance(value, str) or (begin == 0 and len(value) <= LONGEST):
        return value
    cut = value[begin : begin + LONGEST]
    return f"{'…' if begin else ''}{cut}{'…' if len(value) > begin + LONGEST else ''}"


def _shortened(before: Any, after: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON
    """Both, from just before the first character in which two texts differ."""
    begin = 0
    if isinstance(before, str) and isinstance(after, str):
        same = _same(before, after)
        begin = same - _LEAD if same > LONGEST - _LEAD else 0
    return short(before, begin), short(after, begin)


def _same(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    differs = (at for at, (left, right) in pairs if left != right)
    return next(differs, min(len(one), len(other)))


def _flat(body: Body) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{part}", value or None) for part, value in value.items())
        else:
            yield name, value
