"""docs/guarantees.md says what the tests hold the target to."""

import re
from itertools import pairwise

import pytest
from fault_rows import FAULTS, GROUPS, ROWS
from guarantees_document import DOCUMENT, with_tables
from life_rows import LIFE_GROUPS, LIFE_HALF_ANSWERS, LIFE_ROWS

from reply_tasks.sandbox import When


def test_the_document_s_tables_are_the_tests_data() -> None:
    """What ``make docs`` would write is what is committed."""
    text = DOCUMENT.read_text()
    assert with_tables(text) == text


def test_every_test_that_the_document_names_is_there() -> None:
    """A promise whose test was renamed or lost is found."""
    text = DOCUMENT.read_text()
    root = DOCUMENT.parents[1]
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert len(files) >= 10
    assert [file for file in sorted(files) if not (root / file).is_file()] == []
    every = "".join(path.read_text() for path in (root / "tests").glob("*/test_*.py"))
    names = set(re.findall(r"`(test_\w+)`", text))
    assert [name for name in sorted(names) if f"def {name}(" not in every] == []


def test_writing_the_tables_needs_their_marked_lines() -> None:
    """A document that lost its marked lines is an error, not silently left as it is."""
    with pytest.raises(ValueError, match="no marked lines for faults"):
        with_tables("no marks here")


def test_the_matrix_is_whole() -> None:
    """Every operation, struck before and after its effect; executions on each of their calls."""
    assert len(FAULTS) == 5
    for group in GROUPS:
        rows = [row for row in ROWS if row.group == group]
        places = {row.place for row in rows}
        assert all(
            {row.when for row in rows if row.place == place} == set(When) for place in places
        )
    places = {row.place.split()[0] for row in ROWS if row.group == "execute, verify"}
    assert places == {"first", "second", "read-back,"}


def test_no_row_makes_completes_or_deletes_twice() -> None:
    """What can't be undone happens once at most, and something is looked at between two sends."""
    assert {row.group for row in LIFE_ROWS} == set(LIFE_GROUPS)
    for row in (*LIFE_ROWS, *LIFE_HALF_ANSWERS):
        if row.group != "assign":
            assert row.effects <= 1
            calls = row.calls.split()
            pairs = set(pairwise(calls))
            assert not pairs & {(call, call) for call in ("CREATE", "COMPLETE", "DELETE")}


def test_no_row_sends_an_execution_twice() -> None:
    """The table itself keeps the promise: at most one message, and a read between two sends."""
    for row in ROWS:
        if row.executes:
            assert row.effects <= 1
            assert "POST POST" not in row.calls
