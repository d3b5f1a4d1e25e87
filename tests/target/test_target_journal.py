"""A turn that was not committed is taken back: what it has changed in the mapping is as before."""

from hypothesis import given
from hypothesis import strategies as st

from target_reply_tasks.engine.journal import Journal

KEYS = st.integers(0, 5)
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.integers()), max_size=12)


def contents(journal: Journal[int, int]) -> dict[int, int]:
    """All that is there."""
    return {key: journal[key] for key in range(6) if key in journal}


def change(journal: Journal[int, int], changes: list[tuple[int, int | None]]) -> None:
    """Make some changes, one after the other."""
    for key, value in changes:
        journal.put(key, value)


@given(CHANGES, CHANGES, CHANGES)
def test_what_a_turn_has_changed_is_put_back(
    earlier: list[tuple[int, int | None]],
    turn: list[tuple[int, int | None]],
    again: list[tuple[int, int | None]],
) -> None:
    """As often as the turn is tried, however often a key was changed in it."""
    journal = Journal[int, int]()
    change(journal, earlier)
    before = contents(journal)
    for tried in (turn, again):
        put_back = journal.remember()
        change(journal, tried)
        put_back()
        assert contents(journal) == before


@given(CHANGES, CHANGES)
def test_what_was_committed_stays(
    committed: list[tuple[int, int | None]], turn: list[tuple[int, int | None]]
) -> None:
    """A later turn's undoing reaches back to its own beginning, and no further."""
    journal = Journal[int, int]()
    journal.remember()
    change(journal, committed)
    expected = {key: value for key, value in dict(committed).items() if value is not None}
    put_back = journal.remember()
    assert contents(journal) == expected
    change(journal, turn)
    put_back()
    assert contents(journal) == expected
