"""Names that are a typing error away from a member: dropped, they would change what is sent.

Without ``contnt`` Reply would send the stored template, without ``dueTto`` a merge would keep the
old date. A name is only taken for an error where the member itself is missing and the value is one
that the member could hold; CRMs have many columns whose names are close to ours.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from reply_tasks.contract.date_times import Dates
from reply_tasks.contract.members import (
    OPERATION_MEMBER,
    Member,
    Null,
    Place,
    fold,
    parts_of,
    places,
)
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import Violation
from reply_tasks.contract.values import Unreadable, is_null_text, json_type

#: Folded names one letter from a member that CRMs use for something else.
_OTHER_WORDS = frozenset({"consent", "contest", "context", "contractid", "startsat"})
#: Salesforce ends the names of custom fields and relations so.
_SALESFORCE = re.compile(r"__(c|r|pc)\Z", re.IGNORECASE)
#: A shorter name has too many neighbours.
_SHORTEST = 5
_SHORTEST_PART = 4
#: From this length on, two letters may be wrong.
_LONG = 12
_LONGEST = 60


def _read_operation(value: object, _dates: Dates) -> Operation:
    try:
        return Operation(str(value).strip().lower())
    except ValueError as error:
        raise Unreadable("enum", "an operation") from error


_OPERATION = Place(Member("/operation", Null.ABSENT, _read_operation), OPERATION_MEMBER)


def misspelt(
    unknown: Mapping[tuple[Place | None, str], Any],
    members: Mapping[str, Any],
    operation: Operation,
    dates: Dates,
) -> Iterator[Violation]:
    """A violation for each unknown name that was probably meant as a member.

    Args:
        unknown: The values that were dropped, by the object that they stood in and their names.
        members: The canonical record, as far as it could be read.
        operation: Whose members may be meant.
        dates: How date-times are read.
    """
    for (within, name), value in unknown.items():
        if value is None or is_null_text(value):
            continue
        place = _meant(name, operation) if within is None else _meant_part(name, within.member)
        if place is None or _is_given(place, members) or not _could_be(place, value, dates):
            continue
        path = name if within is None else f"{within.name}.{name}"
        yield Violation(
            "/" + "/".join(_escaped(part) for part in path.split(".", 1)),
            "misspelt",
            json_type(value),
            f"{path} is not a member; did you mean {place.member.path}?",
        )


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_given(place: Place, members: Mapping[str, Any]) -> bool:
    if place.within is None:
        return members.get(place.name) is not None
    parts = members.get(place.within.name)
    return isinstance(parts, Mapping) and parts.get(place.name) is not None


def _could_be(place: Place, value: object, dates: Dates) -> bool:
    """Whether the member that is meant could hold this value; of an object or a text, any may."""
    member = place.member
    if member.read is None or member.is_list:
        return isinstance(value, (Mapping, list, tuple, str))
    try:
        member.read(value, dates)
    except Unreadable:
        return False
    return True


@lru_cache(maxsize=4096)
def _meant(name: str, operation: Operation) -> Place | None:
    if len(name) > _LONGEST or _SALESFORCE.search(name):
        return None
    return _nearest(fold(name), _candidates(operation), _SHORTEST)


@lru_cache(maxsize=1024)
def _meant_part(name: str, of: Member) -> Place | None:
    if len(name) > _LONGEST:
        return None
    candidates = {fold(spelling): place for spelling, place in parts_of(of).items()}
    return _nearest(fold(name), candidates, _SHORTEST_PART)


@cache
def _candidates(operation: Operation) -> Mapping[str, Place]:
    found = {fold(spelling): place for spelling, place in places(operation).items()}
    return {**found, OPERATION_MEMBER: _OPERATION}


def _nearest(name: str, candidates: Mapping[str, Place], shortest: int) -> Place | None:
    if name in _OTHER_WORDS:
        return None
    if name in candidates:  # the right letters, in another case or with other dashes
        return candidates[name]
    for candidate, place in candidates.items():
        if len(candidate) < shortest or _is_another(name, candidate):
            continue
        if _differs_by(name, candidate, 2 if len(candidate) >= _LONG else 1):
            return place
    return None


def _is_another(name: str, candidate: str) -> bool:
    """Whether a name says more or less than the candidate: a number, a plural of ids, no id."""
    return (
        name.rstrip("0123456789") == candidate
        or (candidate.endswith("id") and name == f"{candidate}s")
        or f"{name}id" == candidate
    )


def _differs_by(one: str, other: str, most: int) -> bool:
    """Whether so many letters at most are wrong, missing, too many or swapped with the next."""
    if abs(len(one) - len(other)) > most:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before_that, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before_that[j - 2] + 1)
            row.append(cost)
    return row[-1] <= most
