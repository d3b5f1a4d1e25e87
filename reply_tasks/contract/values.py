"""Single values: what each kind of member may look like, and what it is read as.

A reader takes a value and how date-times are read. It returns the canonical value or raises
:class:`Unreadable`; it never lets another error out, whatever it is given.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reply_tasks.contract.date_times import (
    Dates,
    canonical_instant,
    read_date_time,
    read_with_format,
    write_date_time,
)
from reply_tasks.contract.enums import ReplyEnum
from reply_tasks.contract.hints import date_hint, nearest_name

Reader = Callable[[Any, Dates], Any]

#: What a ledger's integer column holds; Reply's own ids are smaller.
_LARGEST = 2**63 - 1
#: From here on a float skips integers, so that its integral value would be a guess.
_LARGEST_EXACT_FLOAT = 2**53
_DIGITS_OF_LARGEST = 19
_LONGEST_QUOTE = 80
#: Members that can hold a person's name, address or words.
_PERSONAL = ("/template", "/content", "/externalId")
#: Of a date-time without a fraction of a second, in the form in which most of them come.
_CANONICAL_LENGTH = len("2026-09-01T22:00:00Z")
_NULL_TEXTS = frozenset({"", "none", "null"})
_LONGEST_NULL_TEXT = 8

_JSON_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "boolean"),
    (int, "integer"),
    ((float, Decimal), "number"),
    ((str, date), "string"),  # Singer's reader made dates of strings
    ((list, tuple), "array"),
    (Mapping, "object"),
)
#: The types that JSON is read into, by look-up: almost every value is of one of them.
_EXACT_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Unreadable(ValueError):  # noqa: N818  # it is a finding, and the caller always expects it
    """A value that can't be what its member needs.

    Attributes:
        rule: The broken rule's short name.
        need: What the member must be, to follow "must be".
        hint: How it could be read, or what was probably meant: a sentence, or empty.
    """

    def __init__(self, rule: str, need: str, hint: str = "") -> None:
        super().__init__(need)
        self.rule = rule
        self.need = need
        self.hint = hint


def read_integer(value: object, _dates: Dates) -> int:
    """An id: an integer, an integral float or Decimal, or the text of any of these."""
    number = value if type(value) is int else _integer_of(value)
    if number is None:
        raise Unreadable("type", "an integer")
    if number > _LARGEST:
        raise Unreadable("maximum", f"at most {_LARGEST}")
    if number < -_LARGEST:
        raise Unreadable("minimum", f"at least -{_LARGEST}")
    return number


def _integer_of(value: object) -> int | None:
    match value:
        case bool():
            return None
        case int():
            return int(value)
        case str():
            return _integer_of_text(value.strip())
        case float():
            return _integer_of_float(value)
        case Decimal():
            return _integer_of_decimal(value)
        case _:
            return None


def _integer_of_text(text: str) -> int | None:
    whole, point, fraction = text.partition(".")
    if point and fraction and not fraction.strip("0"):
        text = whole
    if not (text.isascii() and text.removeprefix("-").isdecimal()):
        return None
    digits = text.removeprefix("-").lstrip("0") or "0"
    if len(digits) > _DIGITS_OF_LARGEST:
        digits = "9" * (_DIGITS_OF_LARGEST + 1)
    return -int(digits) if text.startswith("-") else int(digits)


def _integer_of_float(value: float) -> int | None:
    if not value.is_integer():
        return None
    if abs(value) > _LARGEST_EXACT_FLOAT:
        raise Unreadable("maximum", "given as an integer: a float this large is not exact")
    return int(value)


def _integer_of_decimal(value: Decimal) -> int | None:
    if not value.is_finite():
        return None
    if value.adjusted() > _DIGITS_OF_LARGEST:
        raise Unreadable("maximum", f"at most {_LARGEST}")
    number = int(value)
    return number if number == value else None


def read_text(value: object, _dates: Dates) -> str:
    """Text that UTF-8 can carry."""
    if not isinstance(value, str):
        raise Unreadable("type", "a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Unreadable("encoding", "text that UTF-8 can carry") from error
    return str(value)


def read_boolean(value: object, _dates: Dates) -> bool:
    """True or false, also as text or as 1 and 0."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text not in _BOOLEANS:
        raise Unreadable("type", "true or false")
    return _BOOLEANS[text]


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_address(value: object, dates: Dates) -> str:
    """An email address; its case means nothing."""
    address = read_text(value, dates).strip().lower()
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or any(map(str.isspace, address)):
        raise Unreadable("format", "an email address")
    return address


def read_key(value: object, dates: Dates) -> str | int:
    """The source's key of a record: text as it is, or an integer."""
    if not isinstance(value, str):
        try:
            return read_integer(value, dates)
        except Unreadable as error:
            need = "a string or an integer" if error.rule == "type" else error.need
            raise Unreadable(error.rule, need) from error
    if "\0" in value:
        raise Unreadable("encoding", "text without NUL characters, which PostgreSQL can't store")
    return read_text(value, dates)


def read_instant(value: object, dates: Dates) -> str:
    """A date-time, as canonical text."""
    if type(value) is str and len(value) == _CANONICAL_LENGTH and canonical_instant(value):
        return value
    moment = read_date_time(value, dates.zone)
    if moment is None and dates.format is not None:
        moment = read_with_format(value, dates)
    if moment is None:
        rule = "format" if isinstance(value, (str, date)) else "type"
        beside = "" if dates.format is None else f", or in date_format {dates.format}"
        need = f"a date-time in ISO 8601 form, e.g. 2026-09-01T22:00:00Z{beside}"
        raise Unreadable(rule, need, date_hint(value))
    return write_date_time(moment)


#: What these read is text, which has many spellings; a number that is one, or a boolean, has one.
TEXT_READERS: frozenset[Reader] = frozenset({read_text, read_address, read_key, read_instant})


def enum_reader(enum: type[ReplyEnum]) -> Reader:
    """A reader of one enum: its integers, its names in any case, and digit strings."""
    names = ", ".join(f"{member.value} {member.wire_name}" for member in enum)
    canonical = frozenset(member.value for member in enum)

    def read_enum(value: object, dates: Dates) -> int:
        if type(value) is int and value in canonical:
            return value
        if isinstance(value, (float, Decimal)):
            try:
                value = read_integer(value, dates)
            except Unreadable as error:
                raise Unreadable("enum", f"one of {names}") from error
        member = enum.parse(value)
        if member is None:
            plain = isinstance(value, (str, int)) and not isinstance(value, bool)
            near = nearest_name(value, (each.wire_name for each in enum))
            hint = f"Did you mean {near}?" if near else ""
            raise Unreadable("enum" if plain else "type", f"one of {names}", hint)
        return member.value

    return read_enum


def is_null_text(value: object) -> bool:
    """Whether ``value`` is what a CSV file, or ``str(None)`` in a stream map, makes of null."""
    return (
        isinstance(value, str)
        and len(value) <= _LONGEST_NULL_TEXT
        and value.strip().lower() in _NULL_TEXTS
    )


def json_type(value: object) -> str:
    """The JSON type of ``value``, e.g. ``integer``; of what JSON doesn't know, ``Python time``."""
    exact = _EXACT_TYPES.get(type(value))
    if exact is not None:
        return exact
    for kinds, name in _JSON_TYPES:
        if isinstance(value, kinds):
            return name
    return f"Python {type(value).__name__}"[:_LONGEST_QUOTE]


def found_at(pointer: str, value: object) -> str:
    """What was found at a place, for an error message: the value, or only of what type it is.

    What people write about people, and the key of somebody else's system, is never quoted.
    """
    shown = None if pointer.startswith(_PERSONAL) else _quoted(value)
    return f"a value of type {json_type(value)}" if shown is None else shown


def _quoted(value: object) -> str | None:
    """``value`` for an error message, or None when it is too long to quote or not a scalar."""
    if isinstance(value, str):
        shown = ascii(value) if len(value) <= _LONGEST_QUOTE else ""
    elif isinstance(value, int):
        shown = str(int(value)) if abs(value) <= _LARGEST else ""
    elif isinstance(value, (float, Decimal)) or type(value) is date:
        shown = str(value)
    else:
        return None
    return shown if 0 < len(shown) <= _LONGEST_QUOTE else None
