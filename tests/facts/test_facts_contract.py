"""The contract against the facts of Reply's API, member by member."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from reply_tasks.contract.enums import (
    EXECUTABLE,
    CreationSource,
    LinkedInTaskType,
    ReplyEnum,
    TaskStatus,
    TaskType,
)
from reply_tasks.contract.rules import EARLIEST_START
from reply_tasks.contract.schemas import schema
from tools.api_drift import member_changes
from tools.api_facts import Members, differences, document_facts, said_facts
from tools.openapi import extract

FACTS = document_facts()
ENUMS: dict[str, type[ReplyEnum]] = {
    "taskType": TaskType,
    "taskStatus": TaskStatus,
    "linkedInTaskType": LinkedInTaskType,
    "creationSource": CreationSource,
}
#: The contract's schemas, and what they are derived from.
SCHEMAS = {
    "task_update": "TaskUpdateRequest",
    "task_execution": "TaskExecuteRequest",
    "task_creation": "TaskCreateRequest",
    "task_completion": "TaskCompleteRequest",
    "task_assignment": "TaskAssignRequest",
    "task_detail": "Task",
}
_BY_MEMBER = {"taskType": TaskType, "linkedInTaskType": LinkedInTaskType}


def members_of(name: str) -> Members:
    """The members of one of our schemas, read as a document's are; enums by their names."""
    body = {"content": {"application/json": {"schema": schema(name)}}}
    document = {"openapi": "3.1.0", "paths": {"/ours": {"post": {"requestBody": body}}}}
    members = extract(document, ["POST /ours"]).operations["POST /ours"].body
    assert members is not None
    return {path: _named(path, member) for path, member in members.items()}


def _named(path: str, member: Mapping[str, Any]) -> Mapping[str, Any]:
    enum = _BY_MEMBER.get(path)
    if "enum" not in member or enum is None:
        return member
    return {**member, "enum": [enum(number).wire_name for number in member["enum"]]}


def _plainly(line: str) -> str:
    """A line as the list of differences writes it."""
    line = line.replace("(['string', 'integer'])", "(string or integer)")
    return re.sub(r"enum is no longer \[.*\]", "enum is no longer bounded", line)


@pytest.mark.parametrize("ours", SCHEMAS)
def test_a_schema_is_the_documents_save_for_listed_differences(ours: str) -> None:
    """Types, formats, required, null, enums and bounds; each difference has its reason."""
    found = {
        _plainly(f"{change.part} {change.what}")
        for change in member_changes(ours, FACTS.schemas[SCHEMAS[ours]], members_of(ours))
    }
    listed = {line for each in differences() if each.part == ours for line in each.lines()}
    assert found == listed


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_has_the_documents_names_and_the_older_integers(name: str) -> None:
    """Neither more nor less, in both generations."""
    enum = ENUMS[name]
    assert {member.wire_name for member in enum} == set(FACTS.enums[name])
    assert {member.wire_name: int(member) for member in enum} == said_facts()["olderIntegers"][name]


def test_what_is_said_in_words_only_is_kept_too() -> None:
    """The earliest start, and the types that can be executed."""
    said = said_facts()
    assert f"{EARLIEST_START:%Y-%m-%dT%H:%M:%SZ}" == said["earliestStart"]["instant"]
    assert {task_type.wire_name for task_type in EXECUTABLE} == set(said["executable"]["taskTypes"])


def test_each_difference_has_one_reason_and_each_fact_its_basis() -> None:
    """No difference is listed twice, and nothing in ``said.json`` is without its source."""
    lines = [line for each in differences() for line in each.lines()]
    assert len(lines) == len(set(lines))
    assert all(each.why.endswith(".") for each in differences())
    assert all("basis" in fact for name, fact in said_facts().items() if name != "source")


def test_the_facts_say_where_and_when_they_are_from() -> None:
    """Whoever doubts one knows what to look at."""
    for source in (FACTS.source, said_facts()["source"]):
        assert "Reply's OpenAPI document" in source["what"]
        assert re.fullmatch(r"20\d\d-\d\d", source["asOf"])
