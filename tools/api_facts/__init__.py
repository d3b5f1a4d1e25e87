"""The facts about Reply's API that this project relies on, in a form of its own.

``document.json`` holds what Reply's OpenAPI document says in keywords: operations, members and
statuses. ``said.json`` holds what is said elsewhere, each with its basis: in the document's prose,
on Reply's documentation pages, or by others who saw it on the wire. ``differences.json`` lists
where this project says something else, and why.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

#: The keywords of one member, by the member's path, e.g. ``template.body`` or ``items[].id``.
Members = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What an operation answers with one status.

    Attributes:
        schemas: The documents that it may hold: by name in facts, ``success`` or the kind of
            problem in a document that was read.
        codes: The problem codes that its examples show.
        sentences: The ``detail`` of the examples with a code.
        headers: By name, with the keywords of their schemas.
    """

    schemas: Mapping[str, Members]
    codes: frozenset[str] = frozenset()
    sentences: frozenset[str] = frozenset()
    headers: Members = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """One operation.

    Attributes:
        name: Its ``operationId``.
        call: Method and path, e.g. ``PUT /v3/tasks/{id}``.
        scope: The scope that a key needs.
        parameters: By name, with ``in`` and the keywords of the schema.
        body: The members of the request body; None where there is none.
        body_name: Our name for them.
        answers: By status.
    """

    name: str
    call: str
    scope: str | None
    parameters: Members
    body: Members | None
    body_name: str
    answers: Mapping[str, AnswerFacts]


@dataclass(frozen=True, slots=True)
class NeighbourFacts:
    """An operation beside those of tasks, of which we rely on a part only."""

    name: str
    call: str
    scope: str
    parameters: frozenset[str]
    body: frozenset[str]
    status: str
    members: frozenset[str]
    codes: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What we rely on of the whole document."""

    source: Mapping[str, str]
    servers: tuple[str, ...]
    security: Members
    enums: Mapping[str, tuple[str, ...]]
    schemas: Mapping[str, Members]
    operations: Mapping[str, OperationFacts]
    neighbours: Mapping[str, NeighbourFacts]


@cache
def document_facts() -> DocumentFacts:
    """The facts of ``document.json``, with every name in them resolved."""
    facts = _load("document.json")
    schemas = {
        name: {path: _with_enum(member, facts["enums"]) for path, member in members.items()}
        for name, members in facts["schemas"].items()
    }
    return DocumentFacts(
        source=facts["source"],
        servers=tuple(facts["servers"]),
        security=facts["security"],
        enums={name: tuple(values) for name, values in facts["enums"].items()},
        schemas=schemas,
        operations={
            name: _operation(name, operation, schemas, facts["everyOperationAnswers"])
            for name, operation in facts["operations"].items()
        },
        neighbours={
            name: _neighbour(name, operation) for name, operation in facts["neighbours"].items()
        },
    )


@cache
def said_facts() -> Mapping[str, Any]:
    """The facts of ``said.json`` by topic; each topic has a ``basis``."""
    facts: Mapping[str, Any] = _load("said.json")
    return facts


@dataclass(frozen=True, slots=True)
class Difference:
    """A deliberate one.

    Attributes:
        part: The schema of the contract, or ``client`` or ``sandbox``.
        members: What differs: members of the schema, operations, or answers.
        changes: How each of them does.
        why: The reason.
    """

    part: str
    members: tuple[str, ...]
    changes: tuple[str, ...]
    why: str

    def lines(self) -> Iterator[str]:
        """One for each member and change, as a comparison prints them."""
        for member in self.members:
            for change in self.changes:
                yield f"{self.part} {member} {change}"


@cache
def differences() -> tuple[Difference, ...]:
    """Where contract, client and sandbox differ from the facts on purpose."""
    return tuple(
        Difference(each["part"], tuple(each["members"]), tuple(each["changes"]), each["why"])
        for each in _load("differences.json")
    )


def _load(name: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads((files(__name__) / name).read_text(encoding="utf-8"))


def _with_enum(member: Mapping[str, Any], enums: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**member, "enum": enums[member["enum"]]} if "enum" in member else member


def _operation(
    name: str,
    facts: Mapping[str, Any],
    schemas: Mapping[str, Members],
    everywhere: Mapping[str, Any],
) -> OperationFacts:
    body = facts["body"]
    return OperationFacts(
        name=name,
        call=facts["call"],
        scope=facts["scope"],
        parameters=facts["parameters"],
        body=None if body is None else schemas[body],
        body_name=body or "",
        answers={
            status: AnswerFacts(
                schemas={name: schemas[name] for name in answer["schemas"]},
                codes=frozenset(answer.get("codes", ())),
                sentences=frozenset(answer.get("sentences", ())),
                headers=answer.get("headers", {}),
            )
            for status, answer in {**facts["answers"], **everywhere}.items()
        },
    )


def _neighbour(name: str, facts: Mapping[str, Any]) -> NeighbourFacts:
    return NeighbourFacts(
        name=name,
        call=facts["call"],
        scope=facts["scope"],
        parameters=frozenset(facts["parameters"]),
        body=frozenset(facts.get("body", ())),
        status=facts["status"],
        members=frozenset(facts["members"]),
        codes={status: frozenset(codes) for status, codes in facts["codes"].items()},
    )
