"""Both windows are filled, and never overfilled."""

import threading
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quota_world import START_MS, Context, in_memory
from sqlalchemy import event

from reply_tasks.quota.quota import Grant, WaitReason
from reply_tasks.quota.windows import SLACK_MS, Ceiling, windows

SPANS = {WaitReason.MINUTE: 60_000, WaitReason.HOUR: 3_600_000}


@pytest.fixture
def world() -> Iterator[Context]:
    with in_memory() as made:
        yield made


def _limits(per_minute: int | None, per_hour: int | None) -> list[tuple[int, int]]:
    both = ((SPANS[WaitReason.MINUTE], per_minute), (SPANS[WaitReason.HOUR], per_hour))
    return [(span, limit) for span, limit in both if limit is not None]


limit_or_null = st.none() | st.integers(1, 12)
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 999, 1_000, 7_000, 59_000, 60_000, 61_000, 61_001, 3_601_001])
        | st.integers(0, 4_000_000),
        st.sampled_from([None, "7", "8"]),
        st.integers(1, 15),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=30)
@given(per_minute=limit_or_null, per_hour=limit_or_null, steps=steps)
def test_every_grant_is_the_largest_that_no_window_forbids(
    per_minute: int | None, per_hour: int | None, steps: list[tuple[int, str | None, int]]
) -> None:
    """Whatever the pattern of calls, a grant is exactly what a plain count of the log allows."""
    limits = _limits(per_minute, per_hour)
    log: dict[str | None, list[int]] = defaultdict(list)

    def room(user: str | None, now_ms: int, at_most: int) -> int:
        used = [
            (sum(at >= now_ms - span - SLACK_MS for at in log[user]), limit)
            for span, limit in limits
        ]
        return min([at_most, *(limit - count for count, limit in used)])

    with in_memory() as world:
        processes = [world.quota(per_minute, per_hour) for _ in range(2)]
        for number, (passed, user, at_most) in enumerate(steps):
            world.now_ms += passed
            grant = world.take(processes[number % 2], at_most, user)
            assert grant.granted == room(user, world.now_ms, at_most)
            log[user] += [world.now_ms] * grant.granted
            assert (grant.granted == at_most) == (grant.why is None) == (grant.wait == 0)
            if grant.why is not None:
                free_ms = world.now_ms + round(grant.wait * 1000)
                assert room(user, free_ms, 1) == 1
                assert room(user, free_ms - 1, 1) == 0


@settings(deadline=None, max_examples=30)
@given(
    per_minute=st.integers(1, 6),
    per_hour=st.integers(1, 20),
    jitter=st.lists(st.integers(0, 1_000), min_size=60, max_size=60),
    lanes=st.integers(1, 8),
    latency_ms=st.sampled_from([0, 50, 600, 3_000]),
)
def test_no_window_of_replys_ever_sees_more_than_the_limit(
    per_minute: int, per_hour: int, jitter: list[int], lanes: int, latency_ms: int
) -> None:
    """However calls are delayed on their way, within the allowance, Reply sends no 429."""
    arrivals: list[int] = []
    with in_memory() as world:
        quota = world.quota(per_minute, per_hour)
        while len(arrivals) < len(jitter):
            grant = world.take(quota, min(lanes, len(jitter) - len(arrivals)))
            for _ in range(grant.granted):
                arrivals.append(world.now_ms + jitter[len(arrivals)])
            world.pass_(max(grant.wait, latency_ms / 1000))
    arrivals.sort()
    for span, limit in _limits(per_minute, per_hour):
        for earlier, later in zip(arrivals, arrivals[limit:], strict=False):
            assert later - earlier >= span


@settings(deadline=None, max_examples=20)
@given(
    per_minute=limit_or_null,
    per_hour=limit_or_null,
    calls=st.integers(1, 60),
    lanes=st.integers(1, 8),
)
def test_the_whole_quota_is_used(
    per_minute: int | None, per_hour: int | None, calls: int, lanes: int
) -> None:
    """N calls take exactly the time that the limits make them take: no slot is lost."""
    ideal: list[int] = []
    for number in range(calls):
        earliest = ideal[-1] if ideal else START_MS
        for span, limit in _limits(per_minute, per_hour):
            if number >= limit:
                earliest = max(earliest, ideal[number - limit] + span + SLACK_MS + 1)
        ideal.append(earliest)
    with in_memory() as world:
        quota = world.quota(per_minute, per_hour)
        made: list[int] = []
        while len(made) < calls:
            grant = world.take(quota, min(lanes, calls - len(made)))
            made += [world.now_ms] * grant.granted
            world.pass_(grant.wait)
    assert made == ideal


def test_a_large_log_stays_small(world: Context) -> None:
    """What no window counts any more is deleted, for users that never come back too."""
    quota = world.quota(1000, 3000)
    world.take(quota, 5, "gone")
    for _ in range(300):
        world.take(quota, 1)
        world.pass_(60)
    with world.engine.connect() as connection:
        rows: list[int] = sorted(
            connection.exec_driver_sql("SELECT count(*) FROM quota_calls GROUP BY digest").scalars()
        )
    assert rows[0] == 1
    assert rows[1] <= 63


def test_the_total_survives_a_long_silence(world: Context) -> None:
    """A word of Reply's holds although every call that it was counted from has been deleted."""
    quota = world.quota(10, 10)
    world.take(quota, 4)
    world.pass_(3_590)
    world.correct(quota, 2, world.after(3_000))
    world.pass_(100)
    assert world.take(quota, 10).granted == 2


def test_nothing_is_asked_for_and_nothing_is_given(world: Context) -> None:
    """A request for no slots takes none and waits for nothing."""
    assert world.take(world.quota(1, 1), 0) == Grant(0)


def test_null_limits_cost_nothing(world: Context) -> None:
    """Without limits everything is granted, and the database is left alone."""
    statements: list[str] = []
    quota = world.quota(None, None)
    with world.write() as connection:
        event.listen(
            world.engine, "before_cursor_execute", lambda *call: statements.append(call[2])
        )
        assert quota.take(connection, None, 1_000_000) == Grant(1_000_000)
        assert quota.left(connection, None) == ()
        quota.correct(connection, None, remaining=0, reset=world.after(60), in_flight=0)
    assert world.acquire(quota) == []
    assert statements == []


@pytest.mark.parametrize(("limits", "granted"), [((3, None), 3), ((None, 5), 5), ((6, 4), 4)])
def test_one_window_alone(
    world: Context, limits: tuple[int | None, int | None], granted: int
) -> None:
    """A limit of null takes its window away, and an hour may be smaller than a minute."""
    assert world.take(world.quota(*limits), 50).granted == granted


@pytest.mark.parametrize("limits", [(0, 10), (10, 0), (-1, None)])
def test_a_limit_below_one_is_refused(limits: tuple[int, int | None]) -> None:
    """A quota that would never let a call go is a mistake that the message names."""
    with pytest.raises(ValueError, match=r"requests_per_(minute|hour)"):
        windows(*limits)


def test_users_have_a_quota_each(world: Context) -> None:
    """One user's calls take nothing from another's."""
    quota = world.quota(3, 10)
    assert world.take(quota, 5, "1").granted == 3
    assert world.take(quota, 5, "2").granted == 3
    assert world.take(quota, 5, None).granted == 3


def test_a_clock_that_was_ahead_costs_one_window(world: Context) -> None:
    """When the clock is put back by days, nobody waits for days."""
    quota = world.quota(3, 100)
    world.pass_(5 * 86_400)
    world.take(quota, 3)
    world.pass_(-5 * 86_400)
    grant = world.take(quota, 1)
    assert grant == Grant(0, 61.001, WaitReason.MINUTE)
    world.pass_(61.001)
    assert world.take(quota, 1).granted == 1


def test_what_is_left_can_be_read(world: Context) -> None:
    """Each window says what is left of it, and when it frees."""
    quota = world.quota(10, 50)
    assert [(w.name, w.limit, w.left, w.frees_at) for w in world.left(quota)] == [
        (WaitReason.MINUTE, 10, 10, None),
        (WaitReason.HOUR, 50, 50, None),
    ]
    world.take(quota, 3)
    began = world.now
    world.pass_(20)
    world.take(quota, 4)
    minute, hour = world.left(quota)
    assert (minute.left, hour.left) == (3, 43)
    assert minute.frees_at is not None
    assert hour.frees_at is not None
    assert (minute.frees_at - began).total_seconds() == 61.001
    assert (hour.frees_at - began).total_seconds() == 3601.001


def test_acquiring_waits_and_says_so_once(world: Context) -> None:
    """A wait is told of when it begins, however often it is looked at."""
    quota = world.quota(1, 2)
    assert world.acquire(quota) == []
    (minute,) = world.acquire(quota)
    assert (minute.seconds, minute.why) == (61.001, WaitReason.MINUTE)
    (hour,) = world.acquire(quota)
    assert (hour.seconds, hour.why) == (3540.0, WaitReason.HOUR)
    assert max(world.naps) <= 15
    assert sum(world.naps) == pytest.approx(61.001 + 3540.0)


def test_acquiring_says_so_again_when_the_wait_grows(world: Context) -> None:
    """A pause that begins during a wait is told of."""
    quota = world.quota(1, None)
    world.take(quota, 1)
    slept = world.sleep

    def pausing(stop: threading.Event, seconds: float) -> bool:
        if not world.naps:
            world.pause(quota, 300)
        return slept(stop, seconds)

    quota._sleep = pausing
    assert [wait.why for wait in world.acquire(quota)] == [WaitReason.MINUTE, WaitReason.PAUSED]


def test_acquiring_ends_when_told_to_stop(world: Context) -> None:
    """A stop ends the wait at once, and takes no slot."""
    quota = world.quota(1, None)
    stop = threading.Event()

    def stopping(_: threading.Event, seconds: float) -> bool:
        world.pass_(seconds)
        stop.set()
        return True

    world.take(quota, 1)
    quota._sleep = stopping
    assert not quota.acquire(None, stop=stop, on_wait=lambda _: None)
    world.pass_(100)
    assert not quota.acquire(None, stop=stop, on_wait=lambda _: None)
    assert world.left(quota)[0].left == 1


def test_a_real_stop_interrupts_a_real_wait(world: Context) -> None:
    """By default the wait is the event's own, so that a signal ends it at once."""
    quota = world.quota(1, None)
    quota._sleep = threading.Event.wait
    world.take(quota, 1)
    stop = threading.Event()
    assert not quota.acquire(None, stop=stop, on_wait=lambda _: stop.set())


def test_a_ceiling_is_a_value() -> None:
    """Two equal words of Reply's are one."""
    said = Ceiling.said(5, START_MS + 60_000, in_flight=9, total=10, now_ms=START_MS)
    assert said == Ceiling(5, START_MS + 60_000, base=15, in_flight=5, until_ms=START_MS + 61_000)
