"""Date-times: read in any ISO 8601 form, written in UTC with ``Z``.

A local time that a clock change repeats is its first occurrence, unless a Python datetime says
``fold=1``. One that a clock change skips is read with the offset from before the change, so it
lands as far after the gap as it was into it. Digits beyond microseconds are cut off.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

EPOCH_SECONDS = "epoch_seconds"
EPOCH_MILLISECONDS = "epoch_milliseconds"

_CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)

# A whole date, alone or before a time. What names no day (a year, a month, a week), a time alone,
# a duration and an epoch number don't have this shape.
_SHAPE = re.compile(
    r"\d{4}(?:-\d\d-\d\d|\d{4}|-?\d{3}|-?W\d\d-?\d)(?:[T ]\d\d[\d:.,+\-Z ]{0,40})?", re.ASCII
)
_OFFSET = re.compile(r"[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)\Z", re.ASCII)


class Dates(NamedTuple):
    """How the date-times of a record are read.

    Attributes:
        zone: Where one without an offset is meant.
        format: What is tried for one that is not ISO 8601: a format of ``strptime``,
            ``epoch_seconds`` or ``epoch_milliseconds``.
    """

    zone: tzinfo
    format: str | None = None


def read_with_format(value: object, dates: Dates) -> datetime | None:
    """The instant in UTC that ``value`` means in the format of ``dates``, or None."""
    try:
        if dates.format in {EPOCH_SECONDS, EPOCH_MILLISECONDS}:
            return _since_the_epoch(value, milliseconds=dates.format == EPOCH_MILLISECONDS)
        if isinstance(value, str) and dates.format is not None:
            text = value.strip()
            # strptime reads the name of a zone and forgets it; GMT and UTC are in no doubt.
            named = "%Z" in dates.format and text.endswith(("GMT", "UTC"))
            return _in_utc(datetime.strptime(text, dates.format), UTC if named else dates.zone)  # noqa: DTZ007 - its zone follows
    except (ValueError, OverflowError, OSError, ArithmeticError):
        return None
    return None


def _since_the_epoch(value: object, *, milliseconds: bool) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    number = Decimal(value.strip() if isinstance(value, str) else value)
    if not number.is_finite():
        return None
    microseconds = int(number * (1000 if milliseconds else 1_000_000))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def read_date_time(value: object, zone: tzinfo) -> datetime | None:
    """The instant in UTC that ``value`` means, or None when it can't be read as one.

    Args:
        value: ISO 8601 text, a date (its midnight) or a datetime.
        zone: Where a value without an offset is meant.
    """
    try:
        if isinstance(value, str):
            return _in_utc(_parse(value), zone)
        if isinstance(value, datetime):
            return _in_utc(value, zone)
        if isinstance(value, date):
            return _in_utc(datetime.combine(value, time()), zone)
    except (ValueError, OverflowError):
        return None
    return None


def write_date_time(moment: datetime) -> str:
    """``moment``, which is in UTC, as ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


def is_canonical_date_time(value: object) -> bool:
    """Whether ``value`` is a real date-time in canonical form, or no text at all.

    It is the format check of the validators, for whom what isn't text has no format.
    """
    return not isinstance(value, str) or canonical_instant(value) is not None


@lru_cache(maxsize=1024)
def canonical_instant(text: str) -> datetime | None:
    """The instant that a text in canonical form spells; None where it does not.

    Each date-time of a record is asked for three times: to be read, by the schema, by the rules.
    """
    if not _CANONICAL.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _in_utc(moment: datetime, zone: tzinfo) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _parse(text: str) -> datetime:
    if not _SHAPE.fullmatch(text):
        text = text.strip().upper()
        if not _SHAPE.fullmatch(text):
            raise ValueError(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _parse_rarer(text)


def _parse_rarer(text: str) -> datetime:
    # Only the forms that need it, e.g. ordinal dates, pay for the import's memory and time.
    import pendulum  # noqa: PLC0415

    moment = pendulum.parse(text, strict=True)
    if not isinstance(moment, pendulum.DateTime):
        raise ValueError(text)  # noqa: TRY004  # the text is at fault, not its type
    return moment if _OFFSET.search(text) else moment.naive()
