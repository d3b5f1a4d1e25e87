"""Hints: what a value that can't be read was most likely meant as, and how to have it read."""

import difflib
import re
from collections.abc import Iterable
from decimal import Decimal

from reply_tasks.contract.date_times import EPOCH_MILLISECONDS, EPOCH_SECONDS

_DAY_AND_TIME = re.compile(
    r"(?P<one>\d\d?)(?P<by>[./-])(?P<two>\d\d?)(?P=by)\d{4}"
    r"(?:(?P<gap> |, )\d\d?:\d\d(?P<seconds>:\d\d)?(?P<half> ?[AaPp][Mm])?)?",
    re.ASCII,
)
_RFC_2822 = re.compile(
    r"(?P<weekday>[A-Za-z]{3}, )?\d\d? [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d "
    r"(?:[+-]\d{4}|(?P<name>GMT|UTC))",
    re.ASCII,
)
#: 2001 to 2286, in seconds; a thousand times that in milliseconds.
_SECONDS_DIGITS, _MILLISECONDS_DIGITS = 10, 13
_MONTHS = 12
_LONGEST = 60
#: What others call our task types, folded.
_OTHER_NAMES = {"email": "manualEmail", "mail": "manualEmail", "text": "sms", "phone": "call"}


def date_hint(value: object) -> str:
    """How a date-time that can't be read could be: by which setting, and by which stream map."""
    formats = _formats_of(value)
    if formats[:1] == [EPOCH_SECONDS]:
        return _with("epoch_seconds", "fromtimestamp(int(COLUMN), datetime.timezone.utc)")
    if formats[:1] == [EPOCH_MILLISECONDS]:
        mapped = "fromtimestamp(int(COLUMN) / 1000, datetime.timezone.utc)"
        return _with("epoch_milliseconds", mapped)
    if not formats:
        return _with("its strptime format (timezone says its zone)", "strptime(COLUMN, FORMAT)")
    likely, *others = formats
    named = f"{likely!r}" + "".join(f" or, month first, {other!r}" for other in others)
    if "%z" not in likely.lower():
        named += " (timezone says its zone)"
    return _with(named, f"strptime(COLUMN, {likely!r})")


def _with(setting: str, mapped: str) -> str:
    return f"Set date_format to {setting}, or map it: datetime.datetime.{mapped}.isoformat()."


def _formats_of(value: object) -> list[str]:
    """The formats that a value is probably in, the likeliest first."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _epoch(_whole_digits(value))
    if not isinstance(value, str) or len(value) > _LONGEST:
        return []
    text = value.strip()
    if text.isdecimal():
        return _epoch(text)
    if mail := _RFC_2822.fullmatch(text):
        zone = "%Z" if mail["name"] else "%z"
        return [f"{'%a, ' if mail['weekday'] else ''}%d %b %Y %H:%M:%S {zone}"]
    if day := _DAY_AND_TIME.fullmatch(text):
        return _days_first_or_not(day)
    return []


def _whole_digits(number: float | Decimal) -> str:
    """The digits before the point; none where the number is not finite or too large for a time."""
    if isinstance(number, Decimal) and not number.is_finite():
        return ""
    return str(int(number)) if abs(number) < 10**_MILLISECONDS_DIGITS else ""


def _epoch(digits: str) -> list[str]:
    return {
        _SECONDS_DIGITS: [EPOCH_SECONDS],
        _MILLISECONDS_DIGITS: [EPOCH_MILLISECONDS],
    }.get(len(digits), [])


def _days_first_or_not(day: re.Match[str]) -> list[str]:
    """With dots the day is first; with slashes or dashes both are possible, if the numbers are."""
    time = ""
    if day["gap"]:
        gap = " " if day["half"] and day["half"].startswith(" ") else ""
        hour = "%I:%M" if day["half"] else "%H:%M"
        time = f"{day['gap']}{hour}{':%S' if day['seconds'] else ''}"
        time += f"{gap}%p" if day["half"] else ""
    by = day["by"]
    first = f"%d{by}%m{by}%Y{time}" if int(day["two"]) <= _MONTHS else None
    other = f"%m{by}%d{by}%Y{time}" if by != "." and int(day["one"]) <= _MONTHS else None
    return [each for each in (first, other) if each is not None]


def nearest_name(value: object, names: Iterable[str]) -> str | None:
    """The name that a wrong one was most likely meant as, or None."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    folded = {re.sub(r"[^a-z]", "", name.lower()): name for name in names}
    wrong = re.sub(r"[^a-z]", "", value.lower())
    known = _OTHER_NAMES.get(wrong)
    if known in folded.values():
        return known
    near = difflib.get_close_matches(wrong, folded, n=1)
    return folded[near[0]] if near else None
