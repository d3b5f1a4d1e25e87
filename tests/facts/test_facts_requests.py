"""The bodies that the sandbox takes, against the facts: member by member."""

import copy
from typing import Any

import pytest
from sandbox_trials import GOOD, world

from tools.api_facts import differences, document_facts, said_facts

FACTS = document_facts()
SAID = said_facts()
LISTED = {line for each in differences() if each.part == "sandbox" for line in each.lines()}
BODIES = {
    name: operation for name, operation in FACTS.operations.items() if operation.body is not None
}


@pytest.mark.parametrize("name", [name for name in GOOD if name in BODIES])
def test_a_request_is_taken_as_documented(name: str) -> None:
    """What is required is missed, what may be null may, and each type and enum is checked."""
    call, body = GOOD[name]
    facts = BODIES[name].body
    assert facts is not None
    by_prose = {
        text.partition(" ")[0] for text in SAID["requiredByProse"].get(BODIES[name].body_name, ())
    }
    found = set()
    for path, member in facts.items():
        if path.endswith("[]"):
            assert _refuses(call, _with(body, path.removesuffix("[]"), [{}])), path
            continue
        for bound, bad in (("minItems", -1), ("maxItems", 1)):
            if bound in member:
                most = [*range(1, member[bound] + 1)]
                assert not _refuses(call, _with(body, path, most)), path
                assert _refuses(call, _with(body, path, [*range(1, member[bound] + 1 + bad)])), path
        if _refuses(call, _without(body, path)):
            assert path in by_prose or member.get("required"), path
            if not member.get("required"):
                found.add(f"sandbox {BODIES[name].body_name} {path} is required")
        else:
            assert not member.get("required"), path
        if path not in by_prose:
            refused = _refuses(call, _with(body, path, None))
            # A text that is null counts as one that is not there: the document says neither.
            assert refused == (not member.get("nullable")) or path == "content.body", path
        wrong: object = {"string": 1, "boolean": "true"}.get(member["type"], "text")
        assert _refuses(call, _with(body, path, wrong)), path
        for value in member.get("enum", ()):
            action = {"linkedInTaskType": value, "taskType": "linkedIn"}
            given = action if path == "linkedInTaskType" else {path: value}
            whole = {**_mapping(body), **given}
            whole |= {} if path != "taskType" else {"linkedInTaskType": None}
            assert not _refuses(call, whole), (path, value)
        if "enum" in member:
            assert _refuses(call, _with(body, path, "fax")), path
    assert found == {line for line in LISTED if BODIES[name].body_name in line}


def _mapping(body: object) -> dict[str, Any]:
    assert isinstance(body, dict)
    return body


def _with(body: object, path: str, value: object) -> object:
    changed = copy.deepcopy(body)
    *outer, last = path.split(".")
    holder: Any = changed
    for step in outer:
        holder = holder[step]
    holder[last] = value
    return changed


def _without(body: object, path: str) -> object:
    changed: Any = copy.deepcopy(body)
    *outer, last = path.split(".")
    holder = changed
    for step in outer:
        holder = holder[step]
    del holder[last]
    return changed


def _refuses(call: str, body: object) -> bool:
    """Whether a body is a validation problem; any other answer took it."""
    with world() as fresh:
        answer = fresh.ask(call, body)
    return answer.status_code == 400 and "errors" in answer.json()
