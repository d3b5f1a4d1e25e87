"""Names: the enums' spellings, and the nearest known member of an unknown one."""

import pytest

from reply_tasks.contract import (
    CreationSource,
    LinkedInTaskType,
    Operation,
    ReplyEnum,
    TaskStatus,
    TaskType,
    nearest_member,
)

ENUMS = [TaskType, TaskStatus, LinkedInTaskType, CreationSource]


@pytest.mark.parametrize("member", [member for enum in ENUMS for member in enum], ids=repr)
def test_an_enum_reads_what_it_writes(member: ReplyEnum) -> None:
    """Both wire forms of each member, and its name in any case, are read as that member."""
    spellings = [member.value, str(member.value), member.wire_name, member.name]
    for spelling in [*spellings, member.wire_name.upper(), f" {member.name.lower()} "]:
        assert type(member).parse(spelling) is member


def test_wire_names_are_those_of_the_api() -> None:
    """The camelCase names are the documented ones."""
    assert [member.wire_name for member in TaskType] == [
        "toDo",
        "call",
        "meeting",
        "linkedIn",
        "manualEmail",
        "sms",
        "whatsApp",
    ]


@pytest.mark.parametrize(
    "value",
    [1, -1, 10**400, "1", "9" * 5000, "\u0667", "fax", "", " ", True, 7.0, None, [], {}],
    ids=ascii,
)
def test_an_enum_reads_nothing_else(value: object) -> None:
    """What spells no member is None, never an error."""
    assert TaskType.parse(value) is None


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DUE_TO", "dueTo"),
        ("dueTO", "dueTo"),
        ("due_too", "dueTo"),
        ("StartsAt", "startAt"),
        ("contact", "contactId"),
        ("ID", "id"),
        ("template__bodyy", "template.body"),
        ("template.Body", "template.body"),
        ("linkedin_type", "linkedInTaskType"),
        ("emailAcountId", "emailAccountId"),
        ("body", "template.body"),
        ("weather", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_the_nearest_member_is_a_close_one(name: str, nearest: str | None) -> None:
    """A typo is told its member; what is far from all has none."""
    assert nearest_member(name) == nearest


def test_the_nearest_member_is_one_of_the_operation() -> None:
    """For an execution, body is content.body."""
    assert nearest_member("Body", Operation.EXECUTE) == "content.body"
    assert nearest_member("contact", Operation.EXECUTE) in {None, "content"}
