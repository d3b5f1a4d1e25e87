"""The screen: lets pass what surely matches a schema, in one go.

A JSON Schema becomes a type that msgspec checks. What it turns down goes to jsonschema, which
judges and explains; what it lets pass needs no judge, so it is never the laxer of the two.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import msgspec

Screen = Callable[[object], bool]
_Schema = Mapping[str, Any]

_SAYS_NOTHING = frozenset({"$schema", "title", "description"})


class UnknownKeywordError(Exception):
    """A schema uses a keyword that the screen does not know: it could only guess."""


def screen_of(schema: _Schema, *, formats: Mapping[str, Callable[[object], bool]]) -> Screen:
    """What tells whether a value surely matches a schema.

    Args:
        schema: Of an object. ``format``, ``anyOf`` of required members, and ``if`` with ``then``
            stand at its top.
        formats: What tells whether a value has a format, by its name.

    Raises:
        UnknownKeywordError: The schema says something that the screen does not know.
    """
    said = dict(schema)
    keys = frozenset(name for each in said.pop("anyOf", ()) for name in each["required"])
    follows = _consequence(said.pop("if", None), said.pop("then", None))
    members = said["properties"] = {name: dict(each) for name, each in said["properties"].items()}
    formatted = [
        (name, formats[member.pop("format")])
        for name, member in members.items()
        if "format" in member
    ]
    shape = _type(said)

    def passes(value: object) -> bool:
        if not isinstance(value, dict) or (keys and keys.isdisjoint(value)):
            return False
        try:
            msgspec.convert(value, shape)
        except (msgspec.ValidationError, ValueError):  # of text and digits it takes not everything
            return False
        for name, has_format in formatted:
            if name in value and not has_format(value[name]):
                return False
        return follows(value)

    return passes


def _consequence(condition: _Schema | None, consequence: _Schema | None) -> Screen:
    """What tells whether a value that meets a condition also meets what follows from it."""
    if condition is None or consequence is None:
        return lambda _: True
    meets, conforms = (
        screen_of({"type": "object", **each}, formats={}) for each in (condition, consequence)
    )
    about = frozenset(consequence["properties"])

    def follows(value: object) -> bool:
        concerned = isinstance(value, dict) and not about.isdisjoint(value)
        return not concerned or not meets(value) or conforms(value)

    return follows


def _type(schema: _Schema) -> Any:  # noqa: ANN401 - a type
    said = {keyword: value for keyword, value in schema.items() if keyword not in _SAYS_NOTHING}
    kinds = said.pop("type", ())
    if "enum" in said:
        types = [Literal[tuple(said.pop("enum"))]]
    else:
        types = [_of_kind(kind, said) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    if said or not types:
        raise UnknownKeywordError(", ".join(said) or "a schema that says nothing")
    return _either(types)


def _either(types: Iterable[Any]) -> Any:  # noqa: ANN401 - a type
    return reduce(or_, types)


def _of_kind(kind: str, said: dict[str, Any]) -> Any:  # noqa: ANN401 - a type
    """The type of one kind of value; what it says of that kind is taken out of ``said``."""
    match kind:
        case "null":
            return None
        case "boolean":
            return bool
        case "integer":
            limits = msgspec.Meta(ge=said.pop("minimum", None), le=said.pop("maximum", None))
            return Annotated[int, limits]
        case "string":
            longest, pattern = said.pop("maxLength", None), said.pop("pattern", None)
            return Annotated[str, msgspec.Meta(max_length=longest, pattern=pattern)]
        case "array":
            return list[_type(said.pop("items"))]  # type: ignore[misc]  # made while it runs
        case "object":
            closed = said.get("additionalProperties") is False
            if closed:
                del said["additionalProperties"]
            return _object(
                said.pop("properties"), frozenset(said.pop("required", ())), closed=closed
            )
    raise UnknownKeywordError(f"type {kind}")


def _object(
    members: Mapping[str, _Schema], required: frozenset[str], *, closed: bool
) -> type[msgspec.Struct]:
    """An object whose other members may be anything; a closed one has none."""
    if not required <= members.keys():
        raise UnknownKeywordError("required of what is not among the properties")
    fields = [
        (name, _type(member)) if name in required else (name, _type(member), None)
        for name, member in members.items()
    ]
    return msgspec.defstruct(
        "Members", fields, kw_only=True, gc=False, forbid_unknown_fields=closed
    )
