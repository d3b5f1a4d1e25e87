"""What the headers of an answer say: when to come back, and what is left."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reply_tasks.api.answers import (
    LONGEST_RETRY_AFTER,
    RateHeaders,
    read_answer,
    read_rate,
    read_retry_after,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0),
        (" 1 ", 1.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999999999", LONGEST_RETRY_AFTER),
        ("9" * 300, LONGEST_RETRY_AFTER),
        ("Tue, 01 Sep 2026 21:00:30 GMT", 30.0),
        ("Tue, 01 Sep 2026 20:00:00 GMT", 0.0),
        ("Tue, 01 Sep 2099 20:00:00 GMT", LONGEST_RETRY_AFTER),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("Tue, 99 Sep 2026 99:00:30 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Seconds or a date, measured by the server's own clock, and at most an hour."""
    assert read_retry_after(text, "Tue, 01 Sep 2026 21:00:00 GMT") == seconds


def test_retry_after_without_the_servers_clock() -> None:
    """Then by ours."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds = read_retry_after(soon)
    assert seconds is not None
    assert 90 < seconds <= 100


def test_rate_headers_as_seen_on_the_wire() -> None:
    """A window label, a count, and an instant with seven digits of fraction."""
    headers = {
        "x-rate-limit-limit": "1h",
        "x-rate-limit-remaining": "2999",
        "x-rate-limit-reset": "2026-09-01T22:00:00.1234567Z",
    }
    reset = datetime(2026, 9, 1, 22, 0, 0, 123456, tzinfo=UTC)
    assert read_rate(headers) == RateHeaders("1h", 2999, reset)
    assert read_answer(401, headers, b"").rate == RateHeaders("1h", 2999, reset)


@pytest.mark.parametrize(
    ("headers", "rate"),
    [
        ({}, None),
        ({"x-rate-limit-remaining": "many"}, RateHeaders(None, None, None)),
        ({"x-rate-limit-remaining": " 0 "}, RateHeaders(None, 0, None)),
        ({"x-rate-limit-reset": "later"}, RateHeaders(None, None, None)),
        ({"x-rate-limit-reset": "0001-01-01T00:00:00+14:00"}, RateHeaders(None, None, None)),
        (
            {"x-rate-limit-reset": "2026-09-01T22:00:00"},
            RateHeaders(None, None, datetime(2026, 9, 1, 22, tzinfo=UTC)),
        ),
    ],
)
def test_other_rate_headers(headers: dict[str, str], rate: RateHeaders | None) -> None:
    """What cannot be read is None, each for itself."""
    assert read_rate(headers) == rate
