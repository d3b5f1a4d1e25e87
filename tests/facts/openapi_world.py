"""Writes OpenAPI documents that say what our facts say, in the styles that such documents have."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from tools.api_facts import AnswerFacts, DocumentFacts, Members, NeighbourFacts, OperationFacts

_STEP = re.compile(r"\[\]|[^.\[\]]+")


class Null(Enum):
    """How a document says that a member may be null."""

    KEYWORD = auto()
    TYPE = auto()
    ANY_OF = auto()


@dataclass(slots=True)
class Style:
    """How a document is written."""

    null: Null = Null.KEYWORD
    #: Whether a schema is named under ``components`` and referred to.
    by_reference: bool = False
    #: What servers have before the path of an operation.
    base: str = ""
    components: dict[str, Any] = field(default_factory=dict)

    def named(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema, or a reference to it."""
        if not self.by_reference:
            return schema
        self.components.setdefault(name, schema)
        return {"$ref": f"#/components/schemas/{name.replace('/', '~1')}"}

    def null_or(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema that also takes null."""
        if self.null is Null.TYPE and "allOf" not in schema and "properties" not in schema:
            values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
            return {**schema, **values, "type": [schema["type"], "null"]}
        if self.null is Null.ANY_OF:
            return {"anyOf": [schema, {"type": "null"}]}
        if "properties" in schema:
            return {"nullable": True, "allOf": [schema], "description": "May be null."}
        return {**schema, "nullable": True}


def openapi_of(facts: DocumentFacts, style: Style | None = None) -> dict[str, Any]:
    """A whole document that says exactly what the facts say."""
    style = style or Style()
    paths: dict[str, Any] = {"/v3/sequences": {"get": {"operationId": "ListSequences"}}}
    for operation in facts.operations.values():
        _place(paths, operation.call, _operation(operation, style), style)
    for neighbour in facts.neighbours.values():
        _place(paths, neighbour.call, _neighbour(neighbour, style), style)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Reply API", "version": "3.0.0"},
        "servers": [{"url": f"{url}{style.base}"} for url in facts.servers],
        "paths": paths,
        "components": {"securitySchemes": dict(facts.security), "schemas": style.components},
    }


def _place(paths: dict[str, Any], call: str, operation: dict[str, Any], style: Style) -> None:
    method, _, path = call.partition(" ")
    paths.setdefault(path.removeprefix(style.base), {})[method.lower()] = operation


def _operation(facts: OperationFacts, style: Style) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": facts.name,
        "x-required-scope": facts.scope,
        "parameters": [
            {
                "name": name,
                "in": parameter["in"],
                "required": parameter.get("required", False),
                "schema": {k: v for k, v in parameter.items() if k not in {"in", "required"}},
            }
            for name, parameter in facts.parameters.items()
        ],
        "responses": {status: _answer(answer, style) for status, answer in facts.answers.items()},
    }
    if facts.body is not None:
        schema = style.named(facts.body_name, schema_of(facts.body, style))
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _neighbour(facts: NeighbourFacts, style: Style) -> dict[str, Any]:
    members: dict[str, Mapping[str, Any]] = {name: {"type": "string"} for name in facts.members}
    answers = {facts.status: AnswerFacts({"success": members | {"somethingElse": {}}})}
    answers |= {
        status: AnswerFacts({"Problem": {"title": {}, "detail": {}}}, codes)
        for status, codes in facts.codes.items()
    }
    parameters: Members = {name: {"in": "query", "type": "string"} for name in facts.parameters}
    body: Members | None = {name: {"type": "string"} for name in facts.body} or None
    whole = OperationFacts(facts.name, facts.call, facts.scope, parameters, body, "", answers)
    return _operation(whole, Style(style.null))


def _answer(facts: AnswerFacts, style: Style) -> dict[str, Any]:
    schemas = [
        style.named(name, schema_of(members, style)) for name, members in facts.schemas.items()
    ]
    answer: dict[str, Any] = {
        "description": "An answer.",
        "headers": {name: {"schema": dict(schema)} for name, schema in facts.headers.items()},
    }
    sentences = sorted(facts.sentences) or [""]
    examples = {
        f"{code} {sentence}": {"value": {"code": code, "detail": sentence}}
        for code in facts.codes
        for sentence in sentences
    }
    schema = {} if not schemas else schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    answer["content"] = {"application/problem+json": {"schema": schema, "examples": examples}}
    return answer


def schema_of(members: Members, style: Style) -> dict[str, Any]:
    """The schema that has these members."""
    return _object(members, "", style)


def _object(members: Members, path: str, style: Style) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    required = []
    for child, member in _children(members, path).items():
        name = _STEP.findall(child)[-1]
        own = {k: v for k, v in member.items() if k not in {"required", "nullable"}}
        part = {**own, **_object(members, child, style)}
        part = style.null_or(part) if member.get("nullable") else part
        if name == "[]":
            schema |= {"type": "array", "items": part}
        elif name == "*":
            schema |= {"type": "object", "additionalProperties": part}
        else:
            schema.setdefault("properties", {})[name] = part
        required += [name] if member.get("required") else []
    if "properties" in schema:
        schema["type"] = "object"
    if required:
        schema["required"] = required
    return schema


def _children(members: Members, path: str) -> dict[str, Mapping[str, Any]]:
    """The members right under a path; a list or an object that the facts only imply, too."""
    found: dict[str, Mapping[str, Any]] = {}
    steps = _STEP.findall(path)
    for each, member in members.items():
        parts = _STEP.findall(each)
        if parts[: len(steps)] == steps and len(parts) > len(steps):
            child = _joined(parts[: len(steps) + 1])
            if child == each or child not in found:
                found[child] = member if child == each else {}
    return found


def _joined(steps: list[str]) -> str:
    path = ""
    for step in steps:
        path += step if step == "[]" or not path else f".{step}"
    return path
