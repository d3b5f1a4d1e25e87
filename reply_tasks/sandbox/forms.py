"""Reads the members of a request as Reply does, and gathers everything that is wrong with them."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from reply_tasks.contract.enums import ReplyEnum
from reply_tasks.sandbox.assumptions import EnumNames, Ids, UnknownMembers
from reply_tasks.sandbox.identity import Dialect
from reply_tasks.sandbox.messages import Request
from reply_tasks.sandbox.problems import (
    BODY_NOT_JSON,
    BODY_REQUIRED,
    FIELD_REQUIRED,
    INVALID_FORMAT,
    INVALID_TYPE,
    NOT_POSITIVE,
    Violation,
    bare,
    validation,
)
from reply_tasks.sandbox.wire import read_instant

E = TypeVar("E", bound=ReplyEnum)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the members of a request are read."""

    dialect: Dialect
    enum_names: EnumNames = EnumNames.ANY_CASE
    unknown_members: UnknownMembers = UnknownMembers.DROPPED
    ids: Ids = Ids.BITS_32


class Form:
    """The members of one JSON object, each read by its name."""

    def __init__(
        self,
        members: Mapping[str, Any],
        reading: Reading,
        pointer: str = "",
        violations: list[Violation] | None = None,
    ) -> None:
        self._members = members
        self._reading = reading
        self._pointer = pointer
        self._known: set[str] = set()
        self._parts: list[Form] = []
        self.violations: list[Violation] = [] if violations is None else violations

    def has(self, name: str) -> bool:
        """Whether a member is there, be it null."""
        return name in self._members

    def wrong(self, name: str, detail: str) -> None:
        """Note that a member is wrong."""
        self.violations.append((f"{self._pointer}/{name}", detail))

    def note_unknown(self) -> None:
        """Note each member that nobody has read."""
        for name in sorted(set(self._members) - self._known):
            self.wrong(name, "Field is unknown.")

    def check(self) -> None:
        """Raise everything noted so far as one Problem 400."""
        if self._reading.unknown_members is UnknownMembers.REFUSED:
            for form in (self, *self._parts):
                form.note_unknown()
        if self.violations:
            raise validation(self.violations)

    def forbid_null(self, name: str) -> None:
        """Note a member that is null although it may only be left out."""
        if self.has(name) and self._get(name) is None:
            self.wrong(name, INVALID_TYPE)

    def require(self, *names: str) -> None:
        """Note each of these members that is missing or null."""
        for name in names:
            if self._get(name) is None:
                self.wrong(name, FIELD_REQUIRED)

    def enum(self, name: str, kind: type[E]) -> E | None:
        """A member of an enum: an integer in the preview dialect, a name in the current one."""
        value = self._get(name)
        if value is None:
            return None
        preview = self._reading.dialect is Dialect.PREVIEW
        expected = int if preview else str
        if type(value) is not expected:
            self.wrong(name, INVALID_TYPE)
            return None
        spelled = isinstance(value, int) or value.isalpha()
        member = kind.parse(value) if spelled else None
        exact = self._reading.enum_names is EnumNames.EXACT and not preview
        if exact and member is not None and member.wire_name != value:
            member = None
        if member is None:
            self.wrong(name, f"'{name}' has a range of values which does not include '{value}'.")
        return member

    def instant(self, name: str) -> datetime | None:
        """A date-time, in UTC."""
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(name, INVALID_TYPE)
            return None
        instant = read_instant(value)
        if instant is None:
            self.wrong(name, INVALID_FORMAT)
        return instant

    def text(self, name: str) -> str | None:
        """A string."""
        value = self._get(name)
        if value is None or isinstance(value, str):
            return value
        self.wrong(name, INVALID_TYPE)
        return None

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self._get(name)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(name, INVALID_TYPE)
        return None

    def number(self, name: str, ids: Ids | None = None) -> int | None:
        """A positive integer, as large as an id may be."""
        value = self._get(name)
        if value is None:
            return None
        if type(value) is not int or abs(value) > (ids or self._reading.ids).largest:
            self.wrong(name, INVALID_TYPE)
            return None
        if value < 1:
            self.wrong(name, NOT_POSITIVE.format(name))
        return value

    def choice(self, name: str, choices: Container[int]) -> int | None:
        """An integer that is the same in every dialect, one of ``choices``."""
        value = self._get(name)
        if value is None:
            return None
        if type(value) is not int:
            self.wrong(name, INVALID_TYPE)
            return None
        if value not in choices:
            self.wrong(name, f"'{name}' has a range of values which does not include '{value}'.")
        return value

    def ids(self, name: str, most: int) -> tuple[int, ...]:
        """A required array of 1 to ``most`` positive integers."""
        self.require(name)
        values = self.numbers(name)
        if values is None:
            return ()
        if not 1 <= len(values) <= most:
            self.wrong(name, f"'{name}' must contain between 1 and {most} items.")
        for index, value in enumerate(values):
            if not 1 <= value <= self._reading.ids.largest:
                self.wrong(f"{name}/{index}", NOT_POSITIVE.format(name))
        return values

    def numbers(self, name: str) -> tuple[int, ...] | None:
        """An array of integers."""
        values = self._array(name)
        if values is not None and not all(type(value) is int for value in values):
            self.wrong(name, INVALID_TYPE)
            return None
        return values

    def texts(self, name: str) -> tuple[str, ...] | None:
        """An array of strings."""
        values = self._array(name)
        if values is not None and not all(isinstance(value, str) for value in values):
            self.wrong(name, INVALID_TYPE)
            return None
        return values

    def part(self, name: str) -> "Form | None":
        """An object, read as a form of its own; what is wrong with it is noted here."""
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(name, INVALID_TYPE)
            return None
        part = Form(value, self._reading, f"{self._pointer}/{name}", self.violations)
        self._parts.append(part)
        return part

    def _get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        self._known.add(name)
        return self._members.get(name)

    def _array(self, name: str) -> tuple[Any, ...] | None:
        value = self._get(name)
        if value is None:
            return None
        if isinstance(value, list):
            return tuple(value)
        self.wrong(name, INVALID_TYPE)
        return None


def parse_json(body: bytes) -> object:
    """The document of a body; ValueError when it is not JSON."""
    try:
        return _DECODER.decode(body.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def open_form(request: Request, reading: Reading, violations: list[Violation]) -> Form:
    """The body of a request as a form, or the Problem 400 or 415 of a body that is none."""
    if not request.body:
        raise validation([*violations, ("", BODY_REQUIRED)])
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise bare(415, "The media type of the request is not supported. Send application/json.")
    try:
        document = parse_json(request.body)
    except ValueError:
        raise validation([*violations, ("", BODY_NOT_JSON)]) from None
    if not isinstance(document, dict):
        raise validation([*violations, ("", BODY_REQUIRED if document is None else INVALID_TYPE)])
    return Form(document, reading, violations=violations)
