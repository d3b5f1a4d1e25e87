"""The sandbox against the facts: what it serves, what it takes, and every answer that it gives."""

import copy
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sandbox_trials import GOOD, TRIALS, paths_of, world

from reply_tasks.sandbox.endpoints import LARGEST_PAGE, NEEDS, PAGE
from reply_tasks.sandbox.limits import HOURLY, MINUTELY
from reply_tasks.sandbox.routes import resolve
from tools.api_facts import Members, differences, document_facts, said_facts

FACTS = document_facts()
SAID = said_facts()
LISTED = {line for each in differences() if each.part == "sandbox" for line in each.lines()}
BODIES = {
    name: operation for name, operation in FACTS.operations.items() if operation.body is not None
}
SERVED = [name for name in GOOD if name in FACTS.operations]
_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


@pytest.fixture(scope="module")
def answers() -> dict[str, list[requests.Response]]:
    """Every answer of every trial, by operation."""
    found = defaultdict(list)
    for operation, trial in TRIALS:
        with world() as fresh:
            found[operation].append(trial(fresh))
    return found


def test_what_is_not_served_is_listed() -> None:
    """Every other documented operation has a route."""
    documented = {each.name: each.call for each in FACTS.operations.values()}
    documented |= {each.name: each.call for each in FACTS.neighbours.values()}
    unserved = set()
    for name, call in documented.items():
        method, _, path = call.partition(" ")
        if resolve(method, path.replace("{id}", "1")).endpoint is None:
            unserved.add(f"sandbox {name} is not served")
    assert unserved == {line for line in LISTED if line.endswith("is not served")}
    assert {f"sandbox {name} is not served" for name in documented if name not in GOOD} == unserved


@pytest.mark.parametrize("name", GOOD)
def test_an_operation_needs_its_documented_scope(name: str) -> None:
    """And the feature scope that the document's example of a 403 names."""
    method, path = GOOD[name][0].partition("?")[0].split(" ")
    endpoint = resolve(method, path).endpoint
    assert endpoint is not None
    scope = FACTS.operations[name].scope if name in SERVED else FACTS.neighbours[name].scope
    assert (NEEDS[endpoint].scope or "none") == scope
    if name in SERVED:
        (sentence,) = FACTS.operations[name].answers["403"].sentences
        assert f"[{NEEDS[endpoint].feature}]" in sentence


@pytest.mark.parametrize("name", SERVED)
def test_a_success_has_the_documented_status_and_members(
    answers: dict[str, list[requests.Response]], name: str
) -> None:
    """All of them, present even when null, of the documented type, and nothing else."""
    facts = FACTS.operations[name].answers["200"].schemas
    (members,) = facts.values()
    answer = next(each for each in answers[name] if each.status_code < 300)
    assert answer.status_code == 200
    found = dict(paths_of(answer.json()))
    assert list(_misfits(found, members)) == []
    unseen = {path for path in members if path not in found}
    assert all(path.endswith("[]") or _is_in_null(path, found) for path in unseen)


def _is_in_null(path: str, found: dict[str, object]) -> bool:
    """Whether a part of the path is null, so that the rest cannot be seen."""
    return any(value is None and path.startswith(f"{outer}.") for outer, value in found.items())


def _misfits(found: dict[str, object], members: Members) -> Iterator[str]:
    for path, value in found.items():
        facts = members.get(path)
        if facts is None:
            yield f"{path} is not documented"
        elif value is None and not facts.get("nullable"):
            yield f"{path} is null"
        elif value is not None and type(value) is not _TYPES[facts["type"]]:
            yield f"{path} is no {facts['type']}"
        elif value is not None and value not in facts.get("enum", [value]):
            yield f"{path} is {value}"


def test_every_documented_refusal_is_given_and_no_other(
    answers: dict[str, list[requests.Response]],
) -> None:
    """By operation and status: the kind of problem, the codes, and the documented sentences."""
    found: set[str] = set()
    for name in SERVED:
        for status, facts in FACTS.operations[name].answers.items():
            given = [each for each in answers[name] if str(each.status_code) == status]
            assert given, f"{name} never answers {status}"
            if status.startswith("2"):
                continue
            kinds = {_kind(each) for each in given}
            codes = {each.json().get("code") for each in given} - {None}
            assert kinds >= set(facts.schemas), (name, status)
            assert codes >= facts.codes, (name, status)
            assert _sentences(given) >= facts.sentences - _GENERAL, (name, status)
            found |= set(_more(name, status, kinds - set(facts.schemas), codes - facts.codes))
        documented = set(FACTS.operations[name].answers)
        assert {str(each.status_code) for each in answers[name]} == documented
    for each in answers["Whoami"]:
        if each.status_code in {401, 403}:
            found |= set(_more("Whoami", str(each.status_code), set(), _codes(each)))
    assert found == {line for line in LISTED if "may " in line}


#: Sentences that say nothing of the case; the sandbox says what it is.
_GENERAL = {"Request could not be processed."}


def _codes(answer: requests.Response) -> set[Any]:
    return {answer.json().get("code")} - {None}


def _more(name: str, status: str, kinds: set[str], codes: set[Any]) -> Iterator[str]:
    for kind in kinds:
        if (status, kind) == ("401", "BusinessProblem"):
            continue  # the acting user's, which its code tells
        yield f"sandbox {name} {status} may be a {kind}"
    for code in codes:
        if code in SAID["actingProblems"]:
            assert SAID["actingProblems"][code] == int(status)
            yield f"sandbox {status} may have the code of an acting user"
        else:
            yield f"sandbox {status} may have the code {code}"


def _kind(answer: requests.Response) -> str:
    document = answer.json()
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    if "errors" in document:
        return "ValidationProblem"
    return "BusinessProblem" if "code" in document else "Problem"


def _sentences(answers: list[requests.Response]) -> set[str]:
    """The sentences given, with the document's own task and user."""
    said = [each.json()["detail"] for each in answers]
    said = [re.sub(r"with ID \d+", "with ID 42", each) for each in said]
    return {re.sub(r"userId \d+", "userId 123", each) for each in said}


def test_a_problem_has_the_documented_members(
    answers: dict[str, list[requests.Response]],
) -> None:
    """The right types, a code of the documented form; what is more is listed."""
    found: set[str] = set()
    refusals = [each for group in answers.values() for each in group if each.status_code >= 400]
    for answer in refusals:
        kind = _kind(answer)
        members = FACTS.schemas[kind]
        code = answer.json().get("code", "")
        ours = code in SAID["actingProblems"] or code == SAID["scopes"]["code"]
        if kind == "BusinessProblem" and not ours:
            assert re.search(members["code"]["pattern"], code)
        more = [each for each in _misfits(dict(paths_of(answer.json())), members) if not ours]
        found |= {f"sandbox {kind} has {each.split(' ')[0]}" for each in more}
        pointers = {each["pointer"] for each in answer.json().get("errors", ())}
        if pointers & {"/id", "/top"}:
            found.add(f"sandbox {kind} has /id and /top as pointers")
        if answer.status_code == 401:
            found.add("sandbox 401 has a body")
    assert found == {line for line in LISTED if " has " in line}


@pytest.mark.parametrize("name", [name for name in SERVED if name in BODIES])
def test_a_request_is_taken_as_documented(name: str) -> None:
    """What is required is missed, what may be null may, and each type and enum is checked."""
    call, body = GOOD[name]
    facts = BODIES[name].body
    assert facts is not None
    found = set()
    for path, member in facts.items():
        if path.endswith("[]"):
            continue
        if _refuses(call, _without(body, path)):
            assert path == "template.body" or member.get("required"), path
            if not member.get("required"):
                found.add(f"sandbox {BODIES[name].body_name} {path} is required")
        else:
            assert not member.get("required"), path
        if path != "template.body":
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


def test_what_is_said_in_words_is_kept_too() -> None:
    """Pages, limits, templates of sentences, the wire's own bodies and headers."""
    page = SAID["page"]["top"]
    assert (page["default"], page["maximum"]) == (PAGE, LARGEST_PAGE)
    assert (SAID["limits"]["perMinute"], SAID["limits"]["perHour"]) == (MINUTELY, HOURLY)
    with world() as fresh:
        assert fresh.ask("GET /v3/whoami", key="nobody").json() == SAID["wire"]["unauthorized"]
        answer = fresh.ask("GET /v3/tasks?top=x")
        assert answer.json() == SAID["wire"]["invalidPage"]
        assert [name for name in answer.headers if name.startswith("x-rate")] == SAID["wire"][
            "rateHeaders"
        ]
        assert answer.headers["x-rate-limit-limit"] == SAID["wire"]["rateLimitLabel"]
        fraction = answer.headers["x-rate-limit-reset"].rpartition(".")[2]
        assert len(fraction.removesuffix("Z")) == SAID["wire"]["rateResetFractionDigits"]
        told = fresh.ask("POST /v3/tasks/4/execute", {}).json()["errors"]
        assert told == [{name: SAID["notExecutable"][name] for name in ("pointer", "detail")}]
        for call, status in (("GET /v3/nothing", 404), ("PATCH /v3/tasks/1", 405)):
            answer = fresh.ask(call)
            assert (answer.status_code, _kind(answer)) == (status, "Problem")
            assert status in SAID["bareProblems"]["statuses"]
