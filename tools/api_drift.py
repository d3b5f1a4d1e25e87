"""Prints what has changed in Reply's OpenAPI document since our facts were written.

python -m tools.api_drift FILE
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tools.api_facts import (
    AnswerFacts,
    DocumentFacts,
    Members,
    NeighbourFacts,
    OperationFacts,
    document_facts,
)
from tools.openapi import Document, UnreadableDocumentError
from tools.openapi_file import read_document

_TASKS = "/v3/tasks"
_NO_ANSWER = AnswerFacts({})
_EXAMPLE = """\b
Example:
  python -m tools.api_drift ~/Downloads/reply-openapi.yaml
\b
Exit codes:
  0  nothing that we rely on has changed
  1  something has: each line says what
  2  the file could not be read
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: ``what`` changed in ``part`` of the API, seen through one operation."""

    part: str
    what: str
    seen_in: str = ""


def changes(facts: DocumentFacts, document: Document) -> Iterator[Change]:
    """What the document says that the facts do not, and the other way round."""
    yield from _compared("server", facts.servers, document.servers, "document")
    yield from member_changes("security", facts.security, document.security)
    known = {operation.call: operation for operation in facts.operations.values()}
    for call, name in sorted(document.calls.items()):
        if call.partition(" ")[2].startswith(_TASKS) and call not in known:
            yield Change(name, f"is new: {call}")
    for call, operation in known.items():
        found = document.operations.get(call)
        if found is None:
            yield Change(operation.name, f"is gone: {call}")
        else:
            yield from _operation_changes(operation, found)
    for neighbour in facts.neighbours.values():
        yield from _neighbour_changes(neighbour, document.operations.get(neighbour.call))


def _operation_changes(known: OperationFacts, found: OperationFacts) -> Iterator[Change]:
    name = known.name
    if found.name != name:
        yield Change(name, f"is now called {found.name}")
    if found.scope != known.scope:
        yield Change(name, f"needs the scope {found.scope}, no longer {known.scope}")
    yield from member_changes(f"{name}, parameter", known.parameters, found.parameters)
    if (known.body is None) != (found.body is None):
        yield Change(name, "has a request body now" if known.body is None else "has no body now")
    yield from member_changes(known.body_name, known.body or {}, found.body or {}, name)
    for status in sorted({*known.answers, *found.answers}):
        if status not in known.answers:
            yield Change(f"{name}, {status}", "is a new answer")
        elif status not in found.answers:
            yield Change(f"{name}, {status}", "is no longer an answer")
        else:
            yield from _answer_changes(name, status, known.answers[status], found.answers[status])


def _answer_changes(
    name: str, status: str, known: AnswerFacts, found: AnswerFacts
) -> Iterator[Change]:
    part = f"{name}, {status}"
    yield from _compared("code", known.codes, found.codes, part)
    yield from _compared("sentence", known.sentences, found.sentences, part)
    yield from member_changes(f"{part}, header", known.headers, found.headers)
    if status.startswith("2"):
        for ours, members in known.schemas.items():
            yield from member_changes(ours, members, _all_members(found), name)
        if not known.schemas and _all_members(found):
            yield Change(part, "has a body now")
        return
    yield from _compared("kind of problem", known.schemas, found.schemas, part)
    for kind in known.schemas.keys() & found.schemas.keys():
        yield from member_changes(kind, known.schemas[kind], found.schemas[kind], part)


def _neighbour_changes(known: NeighbourFacts, found: OperationFacts | None) -> Iterator[Change]:
    """Only what we rely on: a neighbour may grow as it likes."""
    if found is None:
        yield Change(known.name, f"is gone: {known.call}")
        return
    if found.scope != known.scope:
        yield Change(known.name, f"needs the scope {found.scope}, no longer {known.scope}")
    lost = {
        "parameter": known.parameters - found.parameters.keys(),
        "member of the body": known.body - (found.body or {}).keys(),
        "member": known.members - _all_members(found.answers.get(known.status, _NO_ANSWER)).keys(),
    }
    for kind, names in lost.items():
        for name in sorted(names):
            yield Change(known.name, f"lost the {kind} {name}")
    for status, codes in known.codes.items():
        for code in sorted(codes - found.answers.get(status, _NO_ANSWER).codes):
            yield Change(f"{known.name}, {status}", f"lost the code {code}")


def _all_members(answer: AnswerFacts) -> Members:
    return {path: member for members in answer.schemas.values() for path, member in members.items()}


def _compared(kind: str, known: Iterable[str], found: Iterable[str], part: str) -> Iterator[Change]:
    before, now = set(known), set(found)
    for name in sorted(now - before):
        yield Change(part, f"has a new {kind}: {name}")
    for name in sorted(before - now):
        yield Change(part, f"lost the {kind}: {name}")


def member_changes(
    part: str, known: Members, found: Members, seen_in: str = ""
) -> Iterator[Change]:
    """What ``found`` says of the members of ``part`` that ``known`` does not."""
    for path in sorted({*known, *found}):
        if path not in known:
            kind = found[path].get("type", "no type")
            yield Change(f"{part} {path}", f"is new ({kind})", seen_in)
        elif path not in found:
            yield Change(f"{part} {path}", "is gone", seen_in)
        else:
            for what in _keyword_changes(known[path], found[path]):
                yield Change(f"{part} {path}", what, seen_in)


def _keyword_changes(known: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for keyword in sorted({*known, *found}):
        before, now = known.get(keyword), found.get(keyword)
        if before == now:
            continue
        if isinstance(before, list) and isinstance(now, list):
            gained = [str(value) for value in now if value not in before]
            lost = [str(value) for value in before if value not in now]
            if gained:
                yield f"{keyword} has also {', '.join(gained)}"
            if lost:
                yield f"{keyword} no longer has {', '.join(lost)}"
        elif keyword not in known:
            yield f"{keyword} is now {_shown(now)}"
        elif keyword not in found:
            yield f"{keyword} is no longer {_shown(before)}"
        else:
            yield f"{keyword} is {_shown(now)}, no longer {_shown(before)}"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def lines(found: Iterable[Change]) -> list[str]:
    """One line a change; what several operations show is one change."""
    seen: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in found:
        operations = seen[change.part, change.what]
        if change.seen_in and change.seen_in not in operations:
            operations.append(change.seen_in)
    return [
        f"{part} {what}" + (f"  [{', '.join(operations)}]" if operations else "")
        for (part, what), operations in seen.items()
    ]


@click.command(epilog=_EXAMPLE)
@click.argument("file", type=click.Path(path_type=Path))
def main(file: Path) -> None:
    """Compare Reply's OpenAPI document, a YAML or JSON FILE, with what this project relies on.

    It prints one line for each difference. Each is a question: does the contract, the client or the
    sandbox have to follow? Then write it into tools/api_facts/ and docs/api.md.
    """
    facts = document_facts()
    calls = [
        *(operation.call for operation in facts.operations.values()),
        *(neighbour.call for neighbour in facts.neighbours.values()),
    ]
    try:
        document = read_document(file, calls)
    except UnreadableDocumentError as error:
        click.echo(f"Error: {file} cannot be compared: {error}", err=True)
        raise SystemExit(2) from None
    found = lines(changes(facts, document))
    for line in found:
        click.echo(line)
    if found:
        click.echo(f"{len(found)} differences to the facts as of {facts.source['asOf']}.", err=True)
        raise SystemExit(1)
    click.echo(f"Nothing has changed: {len(calls)} operations as of {facts.source['asOf']}.")


if __name__ == "__main__":
    main()
