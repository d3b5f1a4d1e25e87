"""JSON text: read at any depth and with numbers of any size, or passed on as it stands."""

import json
import re
from decimal import Decimal, InvalidOperation
from json.decoder import scanstring  # type: ignore[attr-defined]  # the stubs lack it
from typing import Any

import msgspec

#: Some programs begin a file with it.
BYTE_ORDER_MARK = "\ufeff"
#: Reads most lines. It refuses what the standard decoder knows beyond JSON, and enormous numbers.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
#: As the SDK decodes, whose own function makes a decoder for each line.
_decode_leniently = json.JSONDecoder(parse_float=Decimal).decode

#: From so many digits on Python refuses an integer, or takes seconds over it; a Decimal does not.
_MOST_DIGITS = 1000
_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_SPACE = re.compile(r"[ \t\n\r]*")
_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)
_CONSTANTS = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_Container = list[Any] | dict[str, Any]
_CLOSERS = {"[": "]", "{": "}"}


def read_json(text: str) -> object:
    """What a JSON text says, whatever its depth and the size of its numbers.

    Raises:
        json.JSONDecodeError: It is not JSON.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
        return _read_leniently(text)


def _read_leniently(text: str) -> object:
    try:
        return _decode_leniently(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, ArithmeticError, RecursionError):
        return _read_patiently(text)


def member_text(text: str, name: str) -> str:
    """A member of a JSON object, as its text stands there: no digit and no spelling is changed.

    Args:
        text: Valid JSON, an object.
        name: A member that it has; of several, the last counts, as it does for every parser.
    """
    depth, key, found = 0, "", ""
    begins = 0
    for mark in _MARK.finditer(text):
        if mark[0] in {"}", ",", "]"} and depth == 1:
            if key == name:
                found = text[begins : mark.start()].strip(" \t\n\r")
            key = ""
        if mark[0] in _CLOSERS:
            depth += 1
        elif mark[0] in {"}", "]"}:
            depth -= 1
        elif depth == 1 and mark[0] != "," and not key:
            key = scanstring(mark[0], 1)[0] or "\0"
            begins = text.index(":", mark.end()) + 1
    return found


def _read_patiently(text: str) -> object:
    """As the standard decoder, but without recursion, and with Decimals for enormous numbers."""
    outermost: list[Any] = []
    inside: list[_Container] = [outermost]
    keys = [""]
    position = 0
    while True:
        position = _skip(text, position)
        opener = text[position : position + 1]
        if opener not in _CLOSERS:
            value, position = _scalar(text, position)
            _put(inside[-1], keys[-1], value)
        else:
            inside.append([] if opener == "[" else {})
            _put(inside[-2], keys[-1], inside[-1])
            keys.append("")
            position = _skip(text, position + 1)
            if text[position : position + 1] != _CLOSERS[opener]:
                if opener == "{":
                    keys[-1], position = _key(text, position)
                continue
        position = _close(text, position, inside, keys)
        if len(inside) == 1:
            return outermost[0]


def _close(text: str, position: int, inside: list[_Container], keys: list[str]) -> int:
    """After a value: close what ends here, up to the next value or the end of the text."""
    while len(inside) > 1:
        position = _skip(text, position) + 1
        mark = text[position - 1 : position]
        in_object = isinstance(inside[-1], dict)
        if mark == ",":
            if in_object:
                keys[-1], position = _key(text, _skip(text, position))
            return position
        if mark != ("}" if in_object else "]"):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, position - 1)
        inside.pop()
        keys.pop()
    position = _skip(text, position)
    if position < len(text):
        raise json.JSONDecodeError("Extra data", text, position)
    return position


def _put(container: _Container, key: str, value: object) -> None:
    if isinstance(container, list):
        container.append(value)
    else:
        container[key] = value


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _key(text: str, position: int) -> tuple[str, int]:
    if text[position : position + 1] != '"':
        raise json.JSONDecodeError("Expecting property name", text, position)
    key, position = scanstring(text, position + 1)
    position = _skip(text, position)
    if text[position : position + 1] != ":":
        raise json.JSONDecodeError("Expecting ':' delimiter", text, position)
    return key, position + 1


def _scalar(text: str, position: int) -> tuple[object, int]:
    if text[position : position + 1] == '"':
        string, position = scanstring(text, position + 1)
        return string, position
    for name, constant in _CONSTANTS.items():
        if text.startswith(name, position):
            return constant, position + len(name)
    number = _NUMBER.match(text, position)
    if number is None:
        raise json.JSONDecodeError("Expecting value", text, position)
    return _number(number), number.end()


def _number(number: re.Match[str]) -> int | Decimal:
    integer, fraction, exponent = number.groups()
    if fraction is None and exponent is None and len(integer) <= _MOST_DIGITS:
        return int(integer)
    try:
        return Decimal(number[0])
    except InvalidOperation:  # an exponent beyond all bounds
        sign = "-" if integer.startswith("-") else ""
        return Decimal(f"{sign}0" if str(exponent)[1] == "-" else f"{sign}Infinity")
