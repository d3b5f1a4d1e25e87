"""From a raw record to its canonical form: one spelling a member, one form a value.

What can't be brought into canonical form is a violation here; whether the canonical form is valid
is for :mod:`reply_tasks.contract.validate` to judge.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.members import OPERATION_MEMBER, Member, Null, Place, parts_of, places
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import Violation
from reply_tasks.contract.values import Unreadable, found_at, is_null_text, json_type


@dataclass(slots=True)
class Normalised:
    """A record in canonical form, as far as it could be brought there.

    Attributes:
        members: The canonical record. Nulls are still in it: :func:`apply_nulls` is what they mean.
        has_nulls: Whether there are any.
        violations: What could not be read.
        unknown: Values whose names are not in the contract, by the object that they stood in.
    """

    dates: Dates
    members: dict[str, Any] = field(default_factory=dict)
    has_nulls: bool = False
    violations: list[Violation] = field(default_factory=list)
    unknown: dict[tuple[Place | None, str], Any] = field(default_factory=dict)
    null_objects: list[Place] = field(default_factory=list)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of members that are not in the contract, ``template.x`` for nested ones."""
        return tuple(
            name if within is None else f"{within.name}.{name}" for within, name in self.unknown
        )


def normalise(raw: Mapping[str, Any], operation: Operation, dates: Dates) -> Normalised:
    """Read every member of ``raw`` that an ``operation`` knows."""
    reading = Normalised(dates)
    known = places(operation)
    for name, value in raw.items():
        place = known.get(name)
        if place is not None:
            _take(reading, place, value, name)
        elif name != OPERATION_MEMBER and not str(name).startswith("_sdc_"):
            reading.unknown[None, str(name)] = value
    for place in reading.null_objects:
        _settle_null_object(reading, place)
    return reading


def apply_nulls(reading: Normalised, operation: Operation, *, keep: bool) -> None:
    """Take out of a canonical record the nulls that say nothing.

    An object that may be absent, and that is left with nothing but nulls, goes too: a row from a
    view has ``content__body`` and ``content__subject`` in every record. One that was empty, or that
    says what was not understood, stays: it was meant to say something.

    Args:
        reading: The record, whose members are changed in place.
        operation: What it is for.
        keep: Whether every null means "leave it as it is" (merge mode).
    """
    if not (reading.has_nulls or keep):
        return
    known = places(operation)
    members = reading.members
    said = {within.name for (within, _), value in reading.unknown.items() if within and value}
    for name, value in list(members.items()):
        member = known[name].member
        unsaid = bool(value) and name not in said
        if value is None:
            if keep or member.null is Null.ABSENT:
                del members[name]
        elif member.parts:
            _apply_nulls_within(value, member, keep=keep)
            if (keep and not value) or (
                unsaid and member.null is Null.ABSENT and _says_nothing(value)
            ):
                del members[name]


def _apply_nulls_within(parts: dict[str, Any], of: Member, *, keep: bool) -> None:
    known = parts_of(of)
    for name, value in list(parts.items()):
        if value is None and (keep or known[name].member.null is Null.ABSENT):
            del parts[name]


def _says_nothing(parts: dict[str, Any]) -> bool:
    return all(value is None for value in parts.values())


def _take(reading: Normalised, place: Place, value: Any, spelling: str) -> None:  # noqa: ANN401
    member = place.member
    try:
        if value is None or (member.null_texts and is_null_text(value)):
            canonical = None
        elif member.read is None:
            _take_object(reading, place, value, spelling)
            return
        elif member.is_list:
            canonical = _read_list(reading, member, value, spelling)
        else:
            canonical = member.read(value, reading.dates)
    except Unreadable as error:
        reading.violations.append(_unreadable(member.pointer, error, value, spelling))
        if place.within is not None:
            reading.members.setdefault(place.within.name, {})
        return
    if canonical is None:
        reading.has_nulls = True
        if member.parts:
            reading.null_objects.append(place)
            return
    target = reading.members
    if place.within is not None:
        target = target.setdefault(place.within.name, {})
    if target.setdefault(place.name, canonical) != canonical:
        reading.violations.append(_conflict(member, canonical))


def _take_object(reading: Normalised, place: Place, value: object, spelling: str) -> None:
    given = _from_json(value) if isinstance(value, str) else value
    if given is None:
        reading.has_nulls = True
        reading.null_objects.append(place)
        return
    if not isinstance(given, (dict, Mapping)):
        raise Unreadable("type", "an object, or a JSON text of one")
    reading.members.setdefault(place.name, {})
    known = parts_of(place.member)
    for name, part in given.items():
        found = known.get(name)
        if found is not None:
            _take(reading, found, part, f"{spelling}.{name}")
        else:
            reading.unknown[place, str(name)] = part


def _settle_null_object(reading: Normalised, place: Place) -> None:
    parts = reading.members.get(place.name)
    if parts is None:
        reading.members[place.name] = None
    elif not _says_nothing(parts):
        reading.violations.append(_conflict(place.member, None))


def _read_list(
    reading: Normalised, member: Member, value: object, spelling: str
) -> list[Any] | None:
    given = _from_json(value) if isinstance(value, str) else value
    if given is None:
        return None
    if not isinstance(given, (list, tuple)) or member.read is None:
        raise Unreadable("type", "a list, or a JSON text of one")
    items = []
    for index, item in enumerate(given):
        try:
            items.append(member.read(item, reading.dates))
        except Unreadable as error:
            pointer = f"{member.pointer}/{index}"
            reading.violations.append(_unreadable(pointer, error, item, f"{spelling}.{index}"))
    return items


def _from_json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable("type", "an object or list, or a JSON text of one") from error


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _conflict(member: Member, value: object) -> Violation:
    return Violation(
        member.pointer,
        "conflict",
        json_type(value),
        f"{member.path} is given in several spellings with different values.",
    )


def _unreadable(pointer: str, error: Unreadable, value: object, spelling: str) -> Violation:
    path = pointer[1:].replace("/", ".")
    called = path if spelling == path else f"{path} (given as {spelling})"
    kind = json_type(value)
    if isinstance(value, str) and not value.strip():
        return Violation(pointer, error.rule, kind, f"{called} is required; it is empty.")
    hint = f" {error.hint}" if error.hint else ""
    message = f"{called} must be {error.need}; it is {found_at(pointer, value)}.{hint}"
    return Violation(pointer, error.rule, kind, message)
