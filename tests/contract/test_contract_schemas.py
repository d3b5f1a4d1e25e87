"""The schema files: sound, self-explaining, and said in words that both validators understand."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reply_tasks.contract import (
    CreationSource,
    LinkedInTaskType,
    Operation,
    TaskStatus,
    TaskType,
    detail_schema,
    schema,
)
from reply_tasks.contract.members import body_members, record_members
from reply_tasks.contract.validate import Form, form_schema

NAMES = [
    "task_update",
    "task_execution",
    "task_creation",
    "task_completion",
    "task_assignment",
    "task_deletion",
    "task_detail",
]

#: Keywords that jsonschema and the screen implement alike, for what canonical records hold.
SHARED_KEYWORDS = {
    "$schema",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "items",
    "enum",
    "minimum",
    "maximum",
    "maxLength",
    "pattern",
    "format",
    "if",
    "then",
    "anyOf",
}


def subschemas(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield one
    for part in one.get("properties", {}).values():
        yield from subschemas(part)
    for keyword in ("items", "if", "then"):
        if keyword in one:
            yield from subschemas(one[keyword])
    for part in one.get("anyOf", ()):
        yield from subschemas(part)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_sound(name: str) -> None:
    """Each file is valid JSON Schema 2020-12 and names that dialect."""
    loaded = schema(name)
    assert loaded["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(loaded)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_uses_shared_keywords_only(name: str) -> None:
    """No keyword is used that one of the two validators reads differently."""
    for one in subschemas(schema(name)):
        assert set(one) <= SHARED_KEYWORDS
        assert "$" not in one.get("pattern", "")


@pytest.mark.parametrize("name", NAMES)
def test_every_member_is_described(name: str) -> None:
    """The descriptions are the documentation, so each member has one that ends like a sentence."""
    for one in subschemas(schema(name)):
        for member, described in one.get("properties", {}).items():
            if "type" in described and described["type"] != "null":
                assert described["description"].endswith("."), member


def test_a_loaded_schema_is_ones_own() -> None:
    """Changing a loaded schema changes nobody else's."""
    schema("task_update")["required"].clear()
    detail_schema()["properties"].clear()
    assert schema("task_update")["required"]
    assert detail_schema()["properties"]


def test_an_unknown_schema_is_an_error() -> None:
    """A wrong name is an error at once."""
    with pytest.raises(FileNotFoundError):
        schema("task_merge")


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (Operation.UPDATE, "task_update"),
        (Operation.EXECUTE, "task_execution"),
        (Operation.CREATE, "task_creation"),
        (Operation.COMPLETE, "task_completion"),
        (Operation.ASSIGN, "task_assignment"),
        (Operation.DELETE, "task_deletion"),
    ],
)
def test_the_member_table_and_the_schema_have_the_same_members(
    operation: Operation, name: str
) -> None:
    """What is read and what is judged are the same members; a new task must not bring an id."""
    properties = schema(name)["properties"]
    of_a_rule = {"id"} if operation is Operation.CREATE else set()
    assert {member.name for member in record_members(operation)} == set(properties) | of_a_rule
    for member in body_members(operation):
        parts = properties[member.name].get("properties", {})
        assert {part.name for part in member.parts} == set(parts)


def test_enums_and_schema_agree() -> None:
    """The schema's integers are the enums'."""
    properties = schema("task_update")["properties"]
    assert properties["taskType"]["enum"] == [member.value for member in TaskType]
    assert properties["linkedInTaskType"]["enum"] == [*LinkedInTaskType, None]
    non_linkedin = schema("task_update")["if"]["properties"]["taskType"]["enum"]
    assert {*non_linkedin, TaskType.LINKED_IN} == set(TaskType)
    for name, enum in {
        "taskType": TaskType,
        "status": TaskStatus,
        "linkedInTaskType": LinkedInTaskType,
        "creationSource": CreationSource,
    }.items():
        described = schema("task_detail")["properties"][name]["description"]
        assert all(f"{member.value} {member.wire_name}" in described for member in enum)


def test_the_merge_form_requires_only_a_key() -> None:
    """The merge form is the update's schema without what it requires beside the task's key."""
    required = [one["required"] for one in subschemas(form_schema(Form.MERGE)) if "required" in one]
    # the first is the LinkedIn condition
    assert required == [["taskType"], ["id"], ["externalId"]]
    assert form_schema(Form.UPDATE) == schema("task_update")


def test_the_rows_have_a_name_beside_each_enum() -> None:
    """The tap's columns are those of task_detail.json, each enum followed by its name."""
    names = list(detail_schema()["properties"])
    assert [
        name for name in names if not name.endswith("Name") or name.endswith("DisplayName")
    ] == [*schema("task_detail")["properties"]]
    for enum in ("taskType", "status", "linkedInTaskType", "creationSource"):
        assert names[names.index(enum) + 1] == f"{enum}Name"
