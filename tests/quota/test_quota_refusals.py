"""429s are bounded: whatever Reply says, refused calls are few, and there is an end to them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quota_world import Context, in_memory

from reply_tasks.quota.quota import Quota, WaitReason
from reply_tasks.quota.refusals import FORGET_MS, GIVE_UP_MS, LONGEST_PAUSE_MS, PROBE_MS


@pytest.fixture
def world() -> Iterator[Context]:
    with in_memory() as made:
        yield made


def _refused_for_ever(
    world: Context, quota: Quota, asked: Iterator[float]
) -> tuple[int, list[float], str]:
    """Calls made, pauses kept and the last line, where Reply refuses every call."""
    calls = 0
    pauses: list[float] = []
    while True:
        grant = world.take(quota, 4)
        for _ in range(grant.granted):
            calls += 1
            pause = world.pause(quota, next(asked))
        if not grant.granted:
            world.pass_(grant.wait)
            continue
        line = pause.give_up(42)
        if line is not None:
            return calls, pauses, line
        pauses.append(pause.seconds)
        world.pass_(pause.seconds)


@pytest.mark.parametrize("limits", [(100, 3000), (None, None)])
@pytest.mark.parametrize("asked", [0.0, -5.0, 0.001])
def test_a_retry_after_of_nothing_makes_pauses_that_grow(
    world: Context, limits: tuple[int | None, int | None], asked: float
) -> None:
    """0, a past date or next to nothing: a second at least, then twice as long up to a minute."""
    calls, pauses, line = _refused_for_ever(world, world.quota(*limits), iter([asked] * 99))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert calls == 4 + 10, "four were in flight at first, then one after each pause"
    assert line.startswith("Reply refused every call of user 42 for 5 minutes (429)")


@pytest.mark.e2e
@settings(deadline=None, max_examples=60)
@given(
    asked=st.lists(
        st.sampled_from([-1e9, 0.0, 1.0, 59.9, 3600.0, 1e9]) | st.floats(-10, 10_000),
        min_size=60,
        max_size=60,
    )
)
def test_refused_for_ever_ends(asked: list[float]) -> None:
    """Whatever the pauses asked for, calls are few, each pause is kept, and it ends."""
    with in_memory() as world:
        began = world.now
        calls, pauses, _ = _refused_for_ever(world, world.quota(), iter(asked))
        assert calls <= 4 + 11
        assert all(1 <= pause <= LONGEST_PAUSE_MS / 1000 for pause in pauses)
        most_ms = 2 * LONGEST_PAUSE_MS + GIVE_UP_MS + 60_000
        assert world.now - began <= timedelta(milliseconds=most_ms)


def test_an_hours_pause_is_no_reason_to_give_up(world: Context) -> None:
    """A pause that Reply asks for is kept, however long; only what is refused after it counts."""
    quota = world.quota()
    world.take(quota, 1)
    assert world.pause(quota, 3600).give_up(None) is None
    world.pass_(3600)
    assert world.take(quota, 5).granted == 1
    assert world.pause(quota, 60).give_up(None) is None
    world.pass_(60)
    assert world.take(quota, 5).granted == 1
    world.accept(quota)
    assert world.take(quota, 5).granted == 5


def test_an_accepted_call_ends_the_series(world: Context) -> None:
    """After it pauses begin small again, and everything may go."""
    quota = world.quota()
    for _ in range(4):
        world.take(quota, 1)
        world.pass_(world.pause(quota, 0).seconds)
    assert world.take(quota, 9).granted == 1
    world.accept(quota)
    assert world.take(quota, 9).granted == 9
    assert world.pause(quota, 0).seconds == 1


def test_an_answer_to_a_call_that_left_before_ends_no_pause(world: Context) -> None:
    """A pause stands although a call that was in flight when it began is answered well."""
    quota = world.quota()
    world.pause(quota, 30)
    world.accept(quota)
    assert world.take(quota, 1).why is WaitReason.PAUSED


def test_one_call_goes_ahead_for_all_processes(world: Context) -> None:
    """After a pause a single call asks, whichever process makes it; the others look each second."""
    first, second = world.quota(), world.quota()
    world.pause(first, 30)
    world.pass_(30)
    assert world.take(first, 4).granted == 1
    assert first.probes(None)
    assert not second.probes(None)
    grant = world.take(second, 4)
    assert (grant.granted, grant.wait, grant.why) == (0, 1, WaitReason.PAUSED)
    world.accept(first)
    assert world.take(second, 4).granted == 4


def test_a_call_ahead_that_is_never_answered_is_followed_by_another(world: Context) -> None:
    """Its process may have died: after a while the next one asks."""
    quota = world.quota()
    world.pause(quota, 30)
    world.pass_(30)
    assert world.take(quota, 4).granted == 1
    world.pass_(PROBE_MS / 1000)
    assert world.take(world.quota(), 4).granted == 1


def test_a_caller_that_goes_on_was_accepted(world: Context) -> None:
    """One call after another: that the next slot is asked for says that the last was answered."""
    for limits in ((100, 3000), (None, None)):
        quota = world.quota(*limits)
        world.pause(quota, 30)
        (wait,) = world.acquire(quota)
        assert (wait.seconds, wait.why) == (30, WaitReason.PAUSED)
        assert world.acquire(quota) == []
        assert world.take(quota, 5).granted == 5


def test_an_old_series_is_forgotten(world: Context) -> None:
    """A run of tomorrow does not give up at once over what was refused today."""
    quota = world.quota()
    world.pause(quota, 0)
    world.pass_(1 + FORGET_MS / 1000 + 0.001)
    assert world.take(quota, 5).granted == 5
    pause = world.pause(quota, 0)
    assert (pause.seconds, pause.give_up(None)) == (1, None)


def test_a_pause_survives_no_clock_that_is_put_back(world: Context) -> None:
    """A pause that was written under a clock that was ahead lasts an hour at most."""
    quota = world.quota()
    world.pass_(5 * 86_400)
    world.pause(quota, 60)
    world.pass_(-5 * 86_400)
    assert world.take(quota, 1).wait == LONGEST_PAUSE_MS / 1000
    world.pass_(LONGEST_PAUSE_MS / 1000)
    assert world.take(quota, 1).granted == 1
