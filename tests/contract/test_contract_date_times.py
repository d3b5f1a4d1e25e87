"""A date-time is one instant, whatever form and zone it came in."""

import subprocess
import sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from reply_tasks.contract.date_times import is_canonical_date_time, read_date_time, write_date_time

BERLIN = ZoneInfo("Europe/Berlin")


def written(value: object, zone: ZoneInfo | None = None) -> str | None:
    moment = read_date_time(value, zone or UTC)
    return None if moment is None else write_date_time(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-09-01T22:00:00Z", "2026-09-01T22:00:00Z"),
        ("2026-09-01t22:00:00z", "2026-09-01T22:00:00Z"),
        ("2026-09-01 22:00", "2026-09-01T22:00:00Z"),
        ("2026-09-01T22", "2026-09-01T22:00:00Z"),
        (" 2026-09-01T22:00:00Z\n", "2026-09-01T22:00:00Z"),
        ("2026-09-01", "2026-09-01T00:00:00Z"),
        ("20260901", "2026-09-01T00:00:00Z"),
        ("20260901T220000Z", "2026-09-01T22:00:00Z"),
        ("2026-W36-2T22:00:00Z", "2026-09-01T22:00:00Z"),
        ("2026-244", "2026-09-01T00:00:00Z"),
        ("2026-244T22:00:00+02:00", "2026-09-01T20:00:00Z"),
        ("2026-09-08T12:24:35.84+00:00", "2026-09-08T12:24:35.840000Z"),
        ("2026-09-01T22:00:00.0000000Z", "2026-09-01T22:00:00Z"),
        ("2026-09-01T22:00:00.1234567Z", "2026-09-01T22:00:00.123456Z"),
        ("2026-09-01T22:00:00,5-0330", "2026-09-02T01:30:00.500000Z"),
        ("2026-09-01 22:00:00+00", "2026-09-01T22:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_iso_8601_is_read(text: str, expected: str) -> None:
    """Every ISO 8601 form of a day or an instant is read, and written in one form."""
    assert written(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "12:00",
        "T12:00:00Z",
        "P1D",
        "2026-09-01/P1D",
        "2026-09-01T10:00/2026-09-02T10:00",
        "2026",
        "2026-09",
        "2026-W36",
        "1756760400",
        "2026-9-1",
        "09/01/2026",
        "2026-02-30",
        "2026-367",
        "2026-09-01x10:00",
        "2026-09-01T25:00:00Z",
        "2026-09-01T10:00:60Z",
        "2026-09-01T10:00:00 Europe/Berlin",
        "2026-09-01T10:00-25:00",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-10:00",
        "\uff12\uff10\uff12\uff16-09-01",
        "2026-09-01T" + "1" * 100_000,
        1756760400,
        True,
        None,
        b"2026-09-01",
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_no_instant_is_not_guessed(value: object) -> None:
    """Durations, times alone, months, epochs and impossible dates are not read."""
    assert read_date_time(value, UTC) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-09-01 10:00", "2026-09-01T08:00:00Z"),
        ("2026-09-01", "2026-08-31T22:00:00Z"),
        ("2026-244T10:00", "2026-09-01T08:00:00Z"),
        (date(2026, 1, 1), "2025-12-31T23:00:00Z"),
        (datetime(2026, 9, 1, 10), "2026-09-01T08:00:00Z"),  # noqa: DTZ001  # naive on purpose
        ("2026-09-01T10:00:00Z", "2026-09-01T10:00:00Z"),
        (datetime(2026, 9, 1, 10, tzinfo=UTC), "2026-09-01T10:00:00Z"),
    ],
)
def test_without_an_offset_the_zone_decides(value: object, expected: str) -> None:
    """A value without an offset is meant in the zone; one with an offset is not."""
    assert written(value, BERLIN) == expected


def test_a_repeated_local_time_is_its_first_occurrence() -> None:
    """When clocks go back, the earlier instant is meant, unless a datetime says fold=1."""
    repeated = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001  # naive on purpose
    assert written("2026-10-25T02:30:00", BERLIN) == "2026-10-25T00:30:00Z"
    assert written(repeated, BERLIN) == "2026-10-25T00:30:00Z"
    assert written(repeated.replace(fold=1), BERLIN) == "2026-10-25T01:30:00Z"


def test_a_skipped_local_time_lands_after_the_gap() -> None:
    """When clocks go forward, half past two of two to three is half past three."""
    assert written("2026-03-29T02:30:00", BERLIN) == "2026-03-29T01:30:00Z"
    assert written("2026-03-29T03:30:00", BERLIN) == "2026-03-29T01:30:00Z"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-09-01T22:00:00Z", True),
        ("2026-09-01T22:00:00.5Z", True),
        ("2026-09-01T22:00:00.1234567Z", False),
        ("2026-09-01T22:00:00+00:00", False),
        ("2026-09-01 22:00:00Z", False),
        ("2026-09-01T22:00:00Z\n", False),
        ("2026-02-30T22:00:00Z", False),
        ("2026-09-01T22:00:00", False),
    ],
)
def test_canonical_is_one_form(text: str, canonical: bool) -> None:  # noqa: FBT001
    """The validators' format accepts the canonical form of real instants only."""
    assert is_canonical_date_time(text) is canonical


def test_the_contract_costs_no_pendulum() -> None:
    """Only rare forms load pendulum: importing the contract and reading a record does not."""
    program = (
        "import sys; from reply_tasks.contract import Operation, read_record;"
        "read_record({'id': 1, 'taskType': 'sms', 'startAt': '2026-09-01T22:00:00.0000000Z',"
        " 'dueTo': '2026-09-02', 'template__body': 'Hi'}, Operation.UPDATE);"
        "sys.exit('pendulum' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
