"""Waits grow, differ and end."""

from hypothesis import given
from hypothesis import strategies as st

from reply_tasks.api.backoff import Backoff


def test_waits_double_up_to_the_cap() -> None:
    """Half a second first, half a minute at last."""
    ceilings = [Backoff().delay(attempt, lambda: 1.0) for attempt in range(1, 10)]
    assert ceilings == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert Backoff().delay(1, lambda: 0.0) == 0.25


@given(attempt=st.integers(1, 10**9), chance=st.floats(0, 1))
def test_a_wait_is_bounded(attempt: int, chance: float) -> None:
    """However many attempts have failed, and whatever the dice say."""
    assert 0.25 <= Backoff().delay(attempt, lambda: chance) <= 30.0


def test_repeats_are_bounded_in_attempts() -> None:
    """`max_retries` attempts follow the first."""
    given_up = [Backoff().gives_up(attempt, 0.0, max_retries=2) for attempt in (1, 2, 3, 4)]
    assert given_up == [False, False, True, True]
    assert Backoff().gives_up(1, 0.0, max_retries=0)


def test_repeats_are_bounded_in_time() -> None:
    """Five minutes after the first attempt it is over."""
    assert not Backoff().gives_up(1, 299.9, max_retries=100)
    assert Backoff().gives_up(1, 300.0, max_retries=100)
