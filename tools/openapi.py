"""Reads an OpenAPI document into the form of our facts: flat members, statuses, codes.

It makes no difference whether the document repeats a schema, refers to it or merges it from parts.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from tools.api_facts import AnswerFacts, Members, OperationFacts

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_KEYWORDS = (
    "type",
    "format",
    "enum",
    "default",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)
#: Keywords that say nothing when they are false.
_FLAGS = ("nullable", "readOnly", "writeOnly", "deprecated")
_COMBINED = ("allOf", "oneOf", "anyOf")
#: What no sensible schema exceeds; a document that refers to itself would.
_DEEPEST, _MOST_MEMBERS = 12, 5_000


class UnreadableDocumentError(Exception):
    """It is no OpenAPI document, or one that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was read of a document.

    Attributes:
        version: What it says of itself.
        servers: The hosts that it is served by.
        security: How a call proves who makes it, by name.
        calls: Every operation's name, by call, e.g. ``PUT /v3/tasks/{id}``.
        operations: The operations that were asked for and are there, by call.
    """

    version: str
    servers: tuple[str, ...]
    security: Members
    calls: Mapping[str, str]
    operations: Mapping[str, OperationFacts]


def extract(document: object, calls: Collection[str]) -> Document:
    """What a parsed document says of these operations.

    Raises:
        UnreadableDocumentError: It is no OpenAPI document.
    """
    if not isinstance(document, dict) or "openapi" not in document:
        raise UnreadableDocumentError(
            "it is no OpenAPI document: it has no member 'openapi' at its top."
        )
    if not isinstance(document.get("paths"), dict):
        raise UnreadableDocumentError("it has no 'paths': it is only a part of one.")
    return _Reader(document).document(calls)


class _Reader:
    """One pass over a document, which its references are resolved in."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def document(self, calls: Collection[str]) -> Document:
        servers = [urlsplit(str(each.get("url", ""))) for each in _maps(self._root.get("servers"))]
        base = servers[0].path.rstrip("/") if servers else ""
        found = {
            f"{method.upper()} {base}{path}": (operation, item)
            for path, item in ((p, self._resolve(i)) for p, i in self._root["paths"].items())
            for method, operation in item.items()
            if method in _METHODS and isinstance(operation, dict)
        }
        schemes = _mapping(_mapping(self._root.get("components")).get("securitySchemes"))
        return Document(
            version=str(_mapping(self._root.get("info")).get("version", "")),
            servers=tuple(f"{url.scheme}://{url.netloc}" for url in servers),
            security={
                str(name): {
                    key: scheme[key] for key in ("type", "scheme", "in", "name") if key in scheme
                }
                for name, scheme in ((n, self._resolve(s)) for n, s in schemes.items())
            },
            calls={call: _name_of(operation, call) for call, (operation, _) in found.items()},
            operations={
                call: self._operation(call, *found[call]) for call in calls if call in found
            },
        )

    def _operation(
        self, call: str, operation: Mapping[str, Any], item: Mapping[str, Any]
    ) -> OperationFacts:
        parameters = {
            str(parameter.get("name")): self._parameter(parameter)
            for parameter in map(
                self._resolve,
                chain(_maps(item.get("parameters")), _maps(operation.get("parameters"))),
            )
        }
        body = self._resolve(operation.get("requestBody") or {})
        answers = _mapping(operation.get("responses"))
        return OperationFacts(
            name=_name_of(operation, call),
            call=call,
            scope=operation.get("x-required-scope"),
            parameters=parameters,
            body=self.flatten(_schema_of(body)) if body else None,
            body_name="",
            answers={str(status): self._answer(answer) for status, answer in answers.items()},
        )

    def _parameter(self, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        required = {"required": True} if parameter.get("required") else {}
        schema = self._merged(_mapping(parameter.get("schema")))
        return {"in": parameter.get("in"), **_keywords(schema), **required}

    def _answer(self, answer: object) -> AnswerFacts:
        answer = self._resolve(answer)
        examples = list(_examples(answer))
        codes = [example for example in examples if isinstance(example.get("code"), str)]
        return AnswerFacts(
            schemas={
                _kind(members): members
                for members in map(self.flatten, self._variants(_schema_of(answer)))
                if members
            },
            codes=frozenset(example["code"] for example in codes),
            sentences=frozenset(str(example.get("detail", "")) for example in codes),
            headers={
                str(name): _keywords(self._merged(_mapping(self._resolve(header).get("schema"))))
                for name, header in _mapping(answer.get("headers")).items()
            },
        )

    def _variants(self, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The documents that an answer may hold, each by itself."""
        schema = self._resolve(schema)
        return _maps(schema.get("oneOf")) or _maps(schema.get("anyOf")) or [schema]

    def flatten(self, schema: Mapping[str, Any]) -> Members:
        """The members of a schema by path, each with its keywords."""
        found: dict[str, Mapping[str, Any]] = {}
        self._walk(self._merged(schema), "", found, 0)
        return found

    def _walk(
        self, schema: Mapping[str, Any], path: str, found: dict[str, Mapping[str, Any]], depth: int
    ) -> None:
        if depth > _DEEPEST or len(found) > _MOST_MEMBERS:
            raise UnreadableDocumentError(
                f"the schema at {path[:80]!r} has no end: it refers to itself."
            )
        required = schema.get("required")
        required = required if isinstance(required, list) else []
        for name, member in _mapping(schema.get("properties")).items():
            self._add(member, f"{path}.{name}".lstrip("."), found, depth, name in required)
        if isinstance(schema.get("items"), dict):
            self._add(schema["items"], f"{path}[]", found, depth)
        if isinstance(schema.get("additionalProperties"), dict):
            self._add(schema["additionalProperties"], f"{path}.*".lstrip("."), found, depth)

    def _add(
        self,
        schema: Mapping[str, Any],
        path: str,
        found: dict[str, Mapping[str, Any]],
        depth: int,
        required: bool = False,  # noqa: FBT001, FBT002 - the last of a private method
    ) -> None:
        merged = self._merged(schema)
        found[path] = {**_keywords(merged), **({"required": True} if required else {})}
        self._walk(merged, path, found, depth + 1)

    def _merged(self, schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        """A schema with what it refers to, and with its parts laid together."""
        if depth > _DEEPEST:
            raise UnreadableDocumentError("a schema is merged from itself.")
        own = self._resolve(schema)
        merged: dict[str, Any] = {}
        for part in chain.from_iterable(_maps(own.get(key)) for key in _COMBINED):
            if part.get("type") == "null":
                merged["nullable"] = True
            else:
                _lay_over(merged, self._merged(part, depth + 1))
        _lay_over(merged, own)
        return merged

    def _resolve(self, value: object) -> Mapping[str, Any]:
        """What a reference points to, at last; anything else as it is."""
        for _ in range(_DEEPEST):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return _mapping(value)
            value = self._pointed_to(value["$ref"])
        raise UnreadableDocumentError("a reference leads to itself.")

    def _pointed_to(self, reference: str) -> object:
        if not reference.startswith("#/"):
            raise UnreadableDocumentError(
                f"it refers to another file ({reference}): bundle it first."
            )
        found: object = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise UnreadableDocumentError(f"the reference {reference} leads nowhere.")
            found = found[name]
        return found


def _name_of(operation: Mapping[str, Any], call: str) -> str:
    return str(operation.get("operationId", call))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _schema_of(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a body or an answer, of whatever JSON media type."""
    for media, content in _mapping(holder.get("content")).items():
        if "json" in str(media):
            return _mapping(_mapping(content).get("schema"))
    return {}


def _examples(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for content in _mapping(answer.get("content")).values():
        media = _mapping(content)
        yield _mapping(media.get("example"))
        for example in _mapping(media.get("examples")).values():
            yield _mapping(_mapping(example).get("value"))


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if key == "properties":
            below[key] = {**_mapping(below.get(key)), **_mapping(value)}
        elif key == "required" and isinstance(value, list):
            before = below.get(key)
            below[key] = [*(before if isinstance(before, list) else ()), *value]
        elif key not in _COMBINED:
            below[key] = value


def _keywords(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that tell something; null is told one way, however the document says it."""
    found = {key: schema[key] for key in _KEYWORDS if key in schema}
    found |= {key: True for key in _FLAGS if schema.get(key)}
    if isinstance(kinds := found.get("type"), list):
        others = [kind for kind in kinds if kind != "null"]
        found["type"] = others[0] if len(others) == 1 else others
        if len(others) < len(kinds):
            found["nullable"] = True
    if isinstance(values := found.get("enum"), list) and None in values:
        found |= {"enum": [value for value in values if value is not None], "nullable": True}
    return found


def _kind(members: Members) -> str:
    """Which of Reply's three problems these members make, or any other document."""
    if "errors" in members:
        return "ValidationProblem"
    if "code" in members and "title" in members:
        return "BusinessProblem"
    return "Problem" if "title" in members and "detail" in members else "success"
