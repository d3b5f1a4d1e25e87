"""What is left of the quota can be read for people: of each user, how much and when it is back."""

from collections.abc import Iterator, Mapping

import pytest
from quota_world import KEY, Context, in_memory

from reply_tasks.quota.left import left_of_all
from reply_tasks.quota.quota import WindowLeft, digest


@pytest.fixture
def world() -> Iterator[Context]:
    with in_memory() as made:
        yield made


SEVEN, EIGHT = digest(KEY, "7"), digest(KEY, "8")


def _left(
    world: Context, per_minute: int | None, per_hour: int | None
) -> Mapping[str, tuple[WindowLeft, ...]]:
    with world.engine.connect() as connection:
        return left_of_all(connection, per_minute=per_minute, per_hour=per_hour, now=world.now)


def test_each_user_that_spent_calls_has_a_line(world: Context) -> None:
    """Users of the last hour have one; whose calls are older has all of it left."""
    quota = world.quota(10, 50)
    world.take(quota, 1, "gone")
    world.pass_(3_700)
    world.take(quota, 3, "7")
    world.take(quota, 10, "8")
    left = _left(world, 10, 50)
    assert set(left) == {SEVEN, EIGHT}
    assert [window.left for window in left[SEVEN]] == [7, 47]
    assert [window.left for window in left[EIGHT]] == [0, 40]
    assert left[EIGHT][0].frees_at == world.after(61.001)


def test_a_pause_and_a_word_of_replys_are_told(world: Context) -> None:
    """Nothing is left during a pause; what others spent is not left either."""
    quota = world.quota(10, 50)
    world.pause(quota, 90, "7")
    world.take(quota, 1, "8")
    world.correct(quota, 0, world.after(600), user="8")
    left = _left(world, 10, 50)
    assert [(window.left, window.frees_at) for window in left[SEVEN]] == [(0, world.after(90))] * 2
    assert (left[EIGHT][1].left, left[EIGHT][1].frees_at) == (0, world.after(601))


def test_without_limits_there_is_nothing_to_tell(world: Context) -> None:
    """A null limit has no line of its own."""
    world.take(world.quota(10, 50), 3, "7")
    assert _left(world, None, None) == {}


def test_a_lowered_limit_says_when_a_call_may_really_go(world: Context) -> None:
    """With more calls in the window than the limit now allows, several must leave it first."""
    quota = world.quota(10, None)
    for _ in range(3):
        world.take(quota, 1, "7")
        world.pass_(5)
    assert _left(world, 1, None)[SEVEN][0].frees_at == world.after(61.001 - 5)
