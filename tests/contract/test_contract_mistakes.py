"""What looks like a mistake is an invalid record; a CRM's other columns are not."""

import json
from pathlib import Path
from typing import Any

import pytest
from invalid_records import UPDATE

from reply_tasks.contract import InvalidRecord, Operation, TaskRecord, UpdateMode, read_record

SAMPLES = Path(__file__).parents[1] / "recipes" / "samples"


def broken(raw: dict[str, Any], operation: Operation, **options: Any) -> list[tuple[str, str]]:
    """Pointer and rule of everything that is wrong."""
    record = read_record(raw, operation, **options).record
    violations = record.violations if isinstance(record, InvalidRecord) else ()
    return [(violation.pointer, violation.rule) for violation in violations]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("contnt", {"body": "Hi"}, "content"),
        ("contetn", "Hi", "content"),
        ("Content", {"body": "Hi"}, "content"),
        ("contents", {"body": "Hi"}, "content"),
        ("content_bdy", "Hi", "content.body"),
        ("contentBody", "Hi", "content.body"),
        ("content__sbject", "Hi", "content.subject"),
        ("emailAcountId", 7, "emailAccountId"),
        ("email_acount_ID", "7", "emailAccountId"),
        ("actAsUserld", 7, "actAsUserId"),
        ("act_as_usr_id", 7, "actAsUserId"),
        ("externalid", "00T-1", "externalId"),
        ("opertion", "update", "operation"),
    ],
)
def test_a_typing_error_in_an_execution_s_member_is_asked_about(
    name: str, value: object, meant: str
) -> None:
    """Dropped, it would send another text, from another mailbox, as another user."""
    record = read_record({"id": 42, name: value}, Operation.EXECUTE).record
    assert isinstance(record, InvalidRecord)
    (found,) = record.violations
    assert (found.pointer, found.rule) == (f"/{name}", "misspelt")
    assert found.message == f"{name} is not a member; did you mean {meant}?"


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("dueTto", "2026-09-02", "dueTo"),
        ("DueTo", "2026-09-02", "dueTo"),
        ("due_too", "2026-09-02", "dueTo"),
        ("contactld", 5, "contactId"),
        ("contact-id", 5, "contactId"),
        ("conactId", 5, "contactId"),
        ("linkdInTaskTyp", "connect", "linkedInTaskType"),
        ("templat", {"body": "Hi"}, "template"),
        ("templateSubject", "Hi", "template.subject"),
        ("task_typ", "call", "taskType"),
    ],
)
@pytest.mark.parametrize("mode", UpdateMode)
def test_a_typing_error_in_an_update_s_member_is_asked_about(
    name: str, value: object, meant: str, mode: UpdateMode
) -> None:
    """In replace mode the drop would empty a member, in merge mode keep the old one."""
    raw = {"id": 42} if mode is UpdateMode.MERGE else dict(UPDATE)
    raw.pop(meant, None)
    found = broken({**raw, name: value}, Operation.UPDATE, mode=mode)
    assert (f"/{name}", "misspelt") in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context", "renewal"),
        ("consent", "yes"),
        ("contact", "Ada"),
        ("comment", "call first"),
        ("content_id", 9),
        ("content_type", "text/html"),
        ("contract_id", 77),
        ("ContactId", "0035g00000ABCDEFGH"),
        ("contact_ids", [1, 2]),
        ("contact_id_2", 7),
        ("External_Id__c", "x-1"),
        ("Content__c", "x"),
        ("email_account", "ada@example.com"),
        ("emailAccounts", []),
        ("template_id", 4),
        ("templateId", 4),
        ("due_date", "2026-09-02"),
        ("due_at", "2026-09-02"),
        ("starts_at", "2026-09-01"),
        ("started_at", "2026-09-01"),
        ("start_date", "2026-09-01"),
        ("task_types", ["call"]),
        ("type", "call"),
        ("body", "Hi"),
        ("subject", "Hi"),
        ("user_id", 4),
        ("operations", "sales"),
        ("contnt", None),
    ],
)
def test_a_column_of_a_crm_is_harmless(name: str, value: object) -> None:
    """Names that CRMs use for something else are dropped, even one letter from a member of ours."""
    for raw, operation, mode in (
        ({"id": 42, name: value}, Operation.EXECUTE, UpdateMode.REPLACE),
        ({**UPDATE, name: value}, Operation.UPDATE, UpdateMode.REPLACE),
        ({"id": 42, name: value}, Operation.UPDATE, UpdateMode.MERGE),
    ):
        assert broken(raw, operation, mode=mode) == []


def test_no_column_of_the_recipes_crms_is_taken_for_an_error() -> None:
    """Whole rows of six sources, unmapped, beside a record that gives what it needs."""
    seen = set()
    for path in SAMPLES.glob("*/sample.singer"):
        for line in path.read_text().splitlines():
            message = json.loads(line)
            if message["type"] != "RECORD":
                continue
            seen.add(path.parent.name)
            columns = message["record"]
            columns = {**columns, **(columns.get("properties") or {})}
            for raw, operation in (({"id": 1}, Operation.EXECUTE), (UPDATE, Operation.UPDATE)):
                found = broken({**columns, **raw}, operation)
                assert [each for each in found if each[1] == "misspelt"] == [], path
    assert len(seen) >= 6


def test_a_member_that_is_there_is_not_asked_about_again() -> None:
    """Beside the member itself, a name like it is another column."""
    raw = {"id": 42, "content": {"body": "Hi"}, "contents": "a list", "content.text": "Hi"}
    assert isinstance(read_record(raw, Operation.EXECUTE).record, TaskRecord)


@pytest.mark.parametrize(
    "content",
    [
        {},
        "{}",
        {"subject": "Hi"},
        {"text": "Hi"},
        {"body": None, "text": "Hi"},
        {"body": None, "subject": "Hi"},
        {"body": ""},
        {"body": " \n\t\u00a0"},
        {"body": "\u200b"},
        {"body": "<p>&nbsp;</p><br>"},
        {"body": "<style>p { margin: 0 }</style><div></div>"},
    ],
    ids=repr,
)
def test_a_content_needs_a_body_that_is_not_blank(content: object) -> None:
    """A text that shows nothing is not sent, nor is the stored one in its place."""
    found = broken({"id": 42, "content": content}, Operation.EXECUTE)
    assert [pointer for pointer, _ in found] == ["/content/body"]


@pytest.mark.parametrize("body", ["<p>Hi</p>", "&amp;", "<img src='cid:1'>", "1 < 2", "<b>.</b>"])
def test_a_body_that_shows_something_is_sent(body: str) -> None:
    """Markup around a text, an image alone, a lone sign are no blank."""
    assert broken({"id": 42, "content": {"body": body}}, Operation.EXECUTE) == []


@pytest.mark.parametrize(
    "text",
    [
        "Hi {{FirstName}}",
        "{{#if a}}b{{/if}}",
        "{{{a}}}",
        "{{\nb}}",
        "Hi &#123;&#x7b;a}}",
        "&lbrace;&lcub;a}&rcub;",
    ],
)
def test_a_final_text_holds_no_placeholder(text: str) -> None:
    """Nobody fills it in any more, in the body or in the subject."""
    content = {"body": text, "subject": text}
    found = broken({"id": 42, "content": content}, Operation.EXECUTE)
    assert found == [("/content/body", "placeholder"), ("/content/subject", "placeholder")]
    allowed = {"allow_placeholders": True}
    assert broken({"id": 42, "content": content}, Operation.EXECUTE, **allowed) == []
    template = {"template": {"body": text}}
    assert broken({**UPDATE, **template}, Operation.UPDATE) == []


def test_a_placeholder_is_named() -> None:
    """The violation says which one, and what can be done."""
    raw = {"id": 42, "content": {"body": "Hi {{FirstName}}"}}
    record = read_record(raw, Operation.EXECUTE).record
    assert isinstance(record, InvalidRecord)
    assert "still holds '{{FirstName}}'" in record.violations[0].message
    assert "allow_placeholders" in record.violations[0].message


@pytest.mark.parametrize(
    ("date_format", "given", "read"),
    [
        ("%d.%m.%Y %H:%M", "01.09.2026 10:00", "2026-09-01T10:00:00Z"),
        ("%m/%d/%Y", "09/01/2026", "2026-09-01T00:00:00Z"),
        ("%d.%m.%Y", "2026-09-01", "2026-09-01T00:00:00Z"),
        ("epoch_seconds", 1788249600, "2026-09-01T08:00:00Z"),
        ("epoch_seconds", " 1788249600 ", "2026-09-01T08:00:00Z"),
        ("epoch_milliseconds", 1788249600250, "2026-09-01T08:00:00.250000Z"),
    ],
)
def test_a_date_format_is_tried_after_iso_8601(date_format: str, given: object, read: str) -> None:
    """What is ISO 8601 is read so; the rest by the format, in UTC."""
    raw = {**UPDATE, "startAt": given, "dueTo": "2030-01-01"}
    record = read_record(raw, Operation.UPDATE, date_format=date_format).record
    assert isinstance(record, TaskRecord), record
    assert record.body["startAt"] == read


@pytest.mark.parametrize("given", ["soon", True, float("nan"), "1e400", 10**30, "31.02.2026"])
@pytest.mark.parametrize("date_format", ["%d.%m.%Y", "epoch_seconds", "epoch_milliseconds"])
def test_a_date_that_can_not_be_read_is_a_rejection(given: object, date_format: str) -> None:
    """Whatever is there, reading returns."""
    raw = {**UPDATE, "dueTo": given}
    assert "/dueTo" in [each[0] for each in broken(raw, Operation.UPDATE, date_format=date_format)]
