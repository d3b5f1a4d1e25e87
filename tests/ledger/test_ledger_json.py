"""The JSON of the ledger's columns: the quick way in is believed where it reads as it should."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import Entry
from reply_tasks.ledger.json_text import dump_json, stable_json
from reply_tasks.ledger.verdicts import verdict_key

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals(allow_nan=True)
    | st.text(st.characters(codec=None), max_size=8)
    | st.dates()
    | st.datetimes()
    | st.sampled_from([2**64, -(2**63) - 1, Decimal("1E+9999"), Outcome.APPLIED, object])
    | st.just(4999).map(lambda digits: 10**digits)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values)
@settings(max_examples=150, deadline=None)
def test_it_says_what_the_standard_library_would(value: Any) -> None:
    """Whatever it is given, in ASCII, and never more or less than the slower way."""
    text = dump_json(value)
    assert text.isascii()
    assert json.loads(text) == json.loads(stable_json(value))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": [1, None, "x", True, 1.5]}, {"a": [1, None, "x", True, 1.5]}),
        ({"a": float("nan")}, {"a": "NaN"}),
        ([float("inf")], ["Infinity"]),
        ({"at": datetime(2026, 9, 1, tzinfo=UTC)}, {"at": "2026-09-01T00:00:00+00:00"}),
        ([date(2026, 9, 1), Decimal("1.5"), "é\0"], ["2026-09-01", 1.5, "é\0"]),
    ],
)
def test_what_json_can_not_say_is_text(value: Any, read: Any) -> None:
    """A number that is none, above all: null would say that there was nothing."""
    assert json.loads(dump_json(value)) == read


def test_its_depth_has_a_bound() -> None:
    """What is written from a shallow stack must be readable from a deep one."""
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    assert dump_json(deep).count("[") < 100


def test_a_hash_is_that_of_the_same_text_for_ever() -> None:
    """Verdicts of years ago are known by the hash of this."""
    assert stable_json({"b": "é", "a": [1, None]}) == '{"b": "\\u00e9", "a": [1, null]}'


def test_an_unreadable_record_has_the_same_key_for_ever() -> None:
    """Ledgers know refusals by it: with another one each would be told as a new one, once."""
    raw = {"task": "x", "n": [1, None]}
    entry = Entry("id", "tasks", None, None, None, None, None, raw, datetime.now(UTC))
    said = 'tasks\0{"task": "x", "n": [1, null]}'
    assert verdict_key(entry, mode="replace") == sha256(said.encode()).hexdigest()
