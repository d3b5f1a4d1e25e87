"""The sandbox against the facts: what it serves, what it takes, and every answer that it gives."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sandbox_trials import GOOD, TRIALS, paths_of, world

from reply_tasks.sandbox.endpoints import NEEDS
from reply_tasks.sandbox.limits import HOURLY, MINUTELY
from reply_tasks.sandbox.routes import resolve
from reply_tasks.sandbox.visit import LARGEST_PAGE, PAGE
from tools.api_facts import Members, differences, document_facts, said_facts

FACTS = document_facts()
SAID = said_facts()
LISTED = {line for each in differences() if each.part == "sandbox" for line in each.lines()}
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
        feature = NEEDS[endpoint].feature
        assert f"[{feature}]" in sentence or (feature, sentence) == ("ManageTask", _OUTSIDE)


#: The only example of a 403 that is no feature scope.
_OUTSIDE = "User 7 is not a member of the caller's team."


@pytest.mark.parametrize("name", SERVED)
def test_a_success_has_the_documented_status_and_members(
    answers: dict[str, list[requests.Response]], name: str
) -> None:
    """All of them, present even when null, of the documented type, and nothing else."""
    (success,) = (status for status in FACTS.operations[name].answers if status.startswith("2"))
    facts = FACTS.operations[name].answers[success].schemas
    answer = next(each for each in answers[name] if each.status_code < 300)
    assert str(answer.status_code) == success
    if not facts:
        assert answer.content == b""
        return
    ((schema, members),) = facts.items()
    found = dict(paths_of(answer.json()))
    if schema == "FailedItemsById":  # whose members have ids for names
        assert set(answer.json()) <= {str(each) for each in _mapping(GOOD[name][1])["ids"]}
        found = {re.sub(r"^\d+", "*", path): value for path, value in found.items()}
        errors = {each["error"] for each in answer.json().values()}
        assert errors == set(SAID["batchItemErrors"][name])
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


@pytest.mark.parametrize("name", [name for name in GOOD if name in FACTS.neighbours])
def test_a_neighbour_answers_what_is_relied_on(
    answers: dict[str, list[requests.Response]], name: str
) -> None:
    """Each of the members, and nothing more; each refusal with a code that is documented."""
    facts = FACTS.neighbours[name]
    call, body = GOOD[name]
    assert set(_mapping(body or {})) == facts.body
    assert set(re.findall(r"[?&](\w+)=", call)) == facts.parameters - {"id"}
    answer = next(each for each in answers[name] if each.status_code < 300)
    assert str(answer.status_code) == facts.status
    found = {path.removeprefix(".") for path, _ in paths_of(answer.json())}
    assert facts.members <= found
    assert found - facts.members <= {"items", "[]"}
    given: dict[str, set[str]] = {}
    for each in answers[name]:
        code = each.json().get("code", "") if each.status_code >= 400 else ""
        if code and not _is_general(code):
            given.setdefault(str(each.status_code), set()).add(code)
    never = {
        f"sandbox {name} is never refused with {code}"
        for status, codes in facts.codes.items()
        for code in codes - given.get(status, set())
    }
    assert never == {line for line in LISTED if f" {name} is never refused" in line}
    assert all(codes <= facts.codes[status] for status, codes in given.items())


def _is_general(code: str) -> bool:
    """Whether a code is of the key or the acting user, and of no domain."""
    return code in SAID["actingProblems"] or code == SAID["scopes"]["code"]


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
        ours = _is_general(code)
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


def _mapping(body: object) -> dict[str, Any]:
    assert isinstance(body, dict)
    return body


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
