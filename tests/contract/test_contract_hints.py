"""A refused value says how it could be read, or what was probably meant, and no person's words."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import simpleeval  # type: ignore[import-untyped] # it has no stubs

from reply_tasks.contract import InvalidRecord, Operation, TaskRecord, read_record

UPDATE: dict[str, Any] = {
    "id": 42,
    "taskType": "call",
    "startAt": "2015-01-02",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Hi"},
}
BERLIN = ZoneInfo("Europe/Berlin")


def refusal(**changes: Any) -> str:
    """The one message of an update that is refused."""
    record = read_record({**UPDATE, **changes}, Operation.UPDATE).record
    assert isinstance(record, InvalidRecord)
    (violation,) = record.violations
    return violation.message


def due(value: object, date_format: str | None = None, zone: tzinfo = BERLIN) -> Any:
    """What a due date is read as."""
    read = read_record(
        {**UPDATE, "dueTo": value}, Operation.UPDATE, date_format=date_format, zone=zone
    )
    assert isinstance(read.record, TaskRecord), read
    return read.record.body["dueTo"]


@pytest.mark.parametrize(
    ("value", "hinted", "meant"),
    [
        ("01.03.2027 09:00", "%d.%m.%Y %H:%M", "2027-03-01T08:00:00Z"),
        ("1.3.2027", "%d.%m.%Y", "2027-02-28T23:00:00Z"),
        ("31/03/2027", "%d/%m/%Y", "2027-03-30T22:00:00Z"),
        ("03/31/2027 9:30 PM", "%m/%d/%Y %I:%M %p", "2027-03-31T19:30:00Z"),
        ("Mon, 01 Mar 2027 09:00:00 -0500", "%a, %d %b %Y %H:%M:%S %z", "2027-03-01T14:00:00Z"),
        ("Mon, 01 Mar 2027 09:00:00 GMT", "%a, %d %b %Y %H:%M:%S %Z", "2027-03-01T09:00:00Z"),
        ("1803891600", "epoch_seconds", "2027-03-01T09:00:00Z"),
        (1803891600.0, "epoch_seconds", "2027-03-01T09:00:00Z"),
        (1803891600000, "epoch_milliseconds", "2027-03-01T09:00:00Z"),
    ],
)
def test_a_refused_date_says_what_reads_it(value: object, hinted: str, meant: str) -> None:
    """The setting that is named reads the value; so does the stream map, in the SDK's language."""
    message = refusal(dueTo=value)
    assert f"date_format to {hinted}" in message or f"date_format to {hinted!r}" in message
    assert due(value, hinted) == meant
    (expression,) = re.findall(r"map it: (.*)\.$", message)
    assert "timezone" in message or "%z" in hinted.lower()
    mapped = simpleeval.EvalWithCompoundTypes(
        names={"COLUMN": value},
        functions={
            **simpleeval.DEFAULT_FUNCTIONS,
            "datetime": simpleeval.ModuleWrapper(__import__("datetime")),
        },
    ).eval(expression)
    assert due(mapped, zone=UTC if hinted.endswith("%Z") else BERLIN) == meant


def test_a_date_that_could_be_either_names_both() -> None:
    """Nobody but the reader knows whether the day or the month is first."""
    message = refusal(dueTo="03/04/2027")
    assert "'%d/%m/%Y' or, month first, '%m/%d/%Y'" in message


def test_a_date_of_no_known_form_names_the_settings() -> None:
    """Where nothing can be guessed, the settings are named all the same."""
    message = refusal(dueTo="next week")
    assert "date_format" in message
    assert "timezone" in message
    assert "strptime(COLUMN, FORMAT)" in message


@pytest.mark.parametrize(
    ("written", "meant"),
    [("email", "manualEmail"), ("manual_mail", "manualEmail"), ("metting", "meeting")],
)
def test_a_wrong_enum_says_which_is_nearest(written: str, meant: str) -> None:
    """A name that is close, or another word for it, is asked about; it is never taken."""
    assert refusal(taskType=written).endswith(f"Did you mean {meant}?")


def test_a_far_off_enum_suggests_nothing() -> None:
    """A guess that is none would mislead."""
    assert "Did you mean" not in refusal(taskType="zzz")


@pytest.mark.parametrize("changes", [{"dueTo": None}, {"dueTo": ""}, {"id": " "}, {"id": None}])
def test_what_is_empty_is_required(changes: dict[str, Any]) -> None:
    """A null or an empty cell where a value must be is told as a missing one."""
    assert " is required" in refusal(**changes)


def test_an_id_of_text_with_zeros_after_the_point_is_read() -> None:
    """A sheet writes 90 as 90.0."""
    assert isinstance(read_record({**UPDATE, "id": "90.0"}, Operation.UPDATE).record, TaskRecord)
    assert "must be an integer; it is '90.5'" in refusal(id="90.5")
    assert "must be an integer" in refusal(id="90.")


@pytest.mark.parametrize(
    "changes",
    [{"template": {"body": 491701234567}}, {"externalId": 491701234567.5}, {"template": "Ada"}],
)
def test_what_a_person_may_be_in_is_not_quoted(changes: dict[str, Any]) -> None:
    """A text, or the source's own key, is told by its type alone."""
    message = refusal(**changes)
    assert "Ada" not in message
    assert "4917" not in message
    assert "a value of type" in message


def test_moments_are_as_the_clock_says() -> None:
    """The numbers above are the moment that they stand for."""
    assert datetime.fromtimestamp(1803891600, UTC).isoformat() == "2027-03-01T09:00:00+00:00"
