"""What Reply tells us, a pause or what is left of its hour, holds for every process."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quota_world import START_MS, Context, in_memory

from reply_tasks.quota.quota import Grant, Quota, WaitReason
from reply_tasks.quota.windows import NEAR_THE_END, instant

HOUR_MS = 3_600_000


@pytest.fixture
def world() -> Iterator[Context]:
    with in_memory() as made:
        yield made


def test_a_pause_holds_for_every_process(world: Context) -> None:
    """After a 429 nobody gets a slot of that user before its Retry-After has passed."""
    first, second = world.quota(), world.quota()
    world.pause(first, 30, "1")
    assert world.take(second, 4, "1") == Grant(0, 30, WaitReason.PAUSED)
    assert world.left(second, "1")[0].left == 0
    assert world.left(second, "1")[0].frees_at == world.after(30)
    assert world.take(second, 4, "2").granted == 4
    world.pass_(29.999)
    assert world.take(first, 4, "1").granted == 0
    world.pass_(0.001)
    assert world.take(first, 4, "1").granted == 1
    world.accept(first, "1")
    assert world.take(second, 4, "1").granted == 4


def test_a_pause_is_never_shortened(world: Context) -> None:
    """Of two pauses the later end stands, in either order."""
    quota = world.quota()
    world.pause(quota, 60)
    world.pause(quota, 5)
    assert world.take(quota, 1).wait == 60
    world.pause(quota, 90)
    assert world.take(quota, 1).wait == 90


def test_a_pause_holds_without_limits(world: Context) -> None:
    """Without limits a 429 still pauses the process that met it."""
    quota = world.quota(None, None)
    world.pause(quota, 30)
    world.pause(quota, 10)
    assert world.take(quota, 5) == Grant(0, 30, WaitReason.PAUSED)
    assert world.take(quota, 5, "2").granted == 5
    (wait,) = world.acquire(quota)
    assert (wait.seconds, wait.why) == (30, WaitReason.PAUSED)
    assert world.take(quota, 5) == Grant(0, 1, WaitReason.PAUSED), "one call went ahead"
    world.accept(quota)
    assert world.take(quota, 5).granted == 5


def test_a_full_window_can_outlast_a_pause(world: Context) -> None:
    """The wait is for the last of what stands in the way."""
    quota = world.quota(2, None)
    world.take(quota, 2)
    world.pause(quota, 10)
    assert world.take(quota, 1) == Grant(0, 61.001, WaitReason.MINUTE)


def test_others_spending_lowers_what_is_granted(world: Context) -> None:
    """When Reply says that fewer remain than we think, no more than those are granted."""
    quota = world.quota(None, 100)
    world.take(quota, 10)
    world.correct(quota, 7, world.after(600))
    (hour,) = world.left(world.quota(None, 100))
    assert (hour.left, hour.frees_at) == (7, world.after(601))
    grant = world.take(quota, 20)
    assert grant == Grant(7, 601, WaitReason.HOUR)


def test_a_reset_lifts_the_ceiling_after_one_call(world: Context) -> None:
    """After the reset one call goes first; what its answer says, or time, lets the rest follow."""
    quota = world.quota(None, 100)
    world.correct(quota, 0, world.after(600))
    world.pass_(601)
    assert world.take(quota, 20) == Grant(1, 10, WaitReason.HOUR)
    assert world.take(quota, 20) == Grant(0, 10, WaitReason.HOUR)
    world.correct(quota, 99, world.after(3_600))
    assert world.take(quota, 200).granted == 99


def test_a_reset_whose_first_answer_is_lost_lifts_the_ceiling(world: Context) -> None:
    """When the one call after the reset brings no word, the rest follow soon all the same."""
    quota = world.quota(None, 100)
    world.correct(quota, 0, world.after(600))
    world.pass_(601)
    world.take(quota, 1)
    world.pass_(10)
    assert world.take(quota, 200).granted == 99


def test_reply_knowing_of_more_changes_nothing(world: Context) -> None:
    """When Reply's hour began anew, our own hour still counts."""
    quota = world.quota(None, 100)
    world.take(quota, 90)
    world.correct(quota, 100, world.after(3_600))
    assert world.take(quota, 100).granted == 10


def test_calls_in_flight_are_not_counted_twice(world: Context) -> None:
    """What Reply may not have counted yet is taken from what it says remains, until answered."""
    quota = world.quota(None, 100)
    reset = world.after(600)
    world.take(quota, 4)
    world.correct(quota, 10, reset, in_flight=3)
    assert world.left(quota)[0].left == 7
    world.correct(quota, 8, reset, in_flight=1)
    assert world.left(quota)[0].left == 7
    world.correct(quota, 9, reset, in_flight=0)
    assert world.left(quota)[0].left == 8, "the answer with 9 was older than the one with 8"


def test_words_do_not_add_up(world: Context) -> None:
    """Saying the same thing a hundred times is saying it once."""
    quota = world.quota(None, 100)
    for _ in range(100):
        world.correct(quota, 40, world.after(600))
    assert world.take(quota, 100).granted == 40


def test_a_word_about_an_hour_that_is_over_changes_nothing(world: Context) -> None:
    """An answer that was overtaken by the next hour's is not believed."""
    quota = world.quota(None, 100)
    world.correct(quota, 90, world.after(3_600))
    world.correct(quota, 0, world.after(-1))
    assert world.take(quota, 100).granted == 90


def test_clocks_that_differ_cost_an_hour_at_most(world: Context) -> None:
    """A reset in the far future, or in the past while nothing remains, is bounded."""
    quota = world.quota(None, 100)
    world.correct(quota, 0, world.after(400 * 86_400), user="1")
    assert world.take(quota, 1, "1").wait == 3_601
    world.correct(quota, 0, world.after(-400), user="2")
    assert world.take(quota, 1, "2").wait == 1


def test_a_word_is_for_the_hour_only(world: Context) -> None:
    """Without an hourly limit Reply's hourly count is none of our business."""
    quota = world.quota(50, None)
    world.correct(quota, 0, world.after(600))
    assert world.take(quota, 60).granted == 50


def test_far_from_the_end_a_word_that_changes_nothing_is_not_written(world: Context) -> None:
    """The answers of a quiet hour cost a look, no write."""
    quota = world.quota(None, 3_000)
    reset = world.after(600)
    world.correct(quota, 2_000, reset, in_flight=4)

    def changes() -> int:
        with world.engine.connect() as connection:
            count: int = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
            return count

    before = changes()
    world.correct(quota, 2_000, reset, in_flight=0)
    world.correct(quota, 1_998, reset, in_flight=0)
    assert changes() == before
    world.correct(quota, NEAR_THE_END, reset, in_flight=4)
    world.correct(quota, NEAR_THE_END, reset, in_flight=0)
    assert world.left(quota)[0].left == NEAR_THE_END


class FixedHour:
    """A server whose hour starts anew at a fixed time, with other programs' calls in it."""

    def __init__(self, limit: int, used: int, reset_ms: int) -> None:
        self.limit = limit
        self.used = used
        self.reset_ms = reset_ms

    def call(self, now_ms: int) -> tuple[int, datetime]:
        """Count a call; what its answer says is left, and until when."""
        while now_ms >= self.reset_ms:
            self.used = 0
            self.reset_ms += HOUR_MS
        self.used += 1
        assert self.used <= self.limit, "a 429"
        return self.limit - self.used, instant(self.reset_ms)


@settings(deadline=None, max_examples=50)
@given(data=st.data(), limit=st.integers(2, 30), lanes=st.integers(1, 5))
def test_what_others_left_is_used_to_the_last_call_without_a_429(
    data: st.DataObject, limit: int, lanes: int
) -> None:
    """Answers arrive in any order; once one is known, no call is too many and none left over."""
    with in_memory() as world:
        quota = world.quota(None, limit)
        used = data.draw(st.integers(0, limit - 1), label="others")
        server = FixedHour(limit, used, START_MS + HOUR_MS // 2)
        world.correct(quota, *_first(world, quota, server))
        slots = 0
        answers: list[tuple[int, datetime]] = []
        for _ in range(data.draw(st.integers(5, 60), label="steps")):
            step = data.draw(st.sampled_from(["take", "send", "answer", "wait"]))
            if step == "take" and slots + len(answers) < lanes:
                slots += world.take(quota, lanes - slots - len(answers)).granted
            elif step == "send" and slots:
                slots -= 1
                answers.append(server.call(world.now_ms))
            elif step == "answer" and answers:
                _answer(world, quota, answers, slots, data.draw(st.integers(0, len(answers) - 1)))
            elif step == "wait":
                world.pass_(data.draw(st.integers(0, 20)))
        while slots or answers or (slots := world.take(quota, lanes).granted):
            answers += [server.call(world.now_ms) for _ in range(slots)]
            slots = 0
            while answers:
                _answer(world, quota, answers, 0, len(answers) - 1)
        assert server.used == limit, "a call was left over"


def _first(world: Context, quota: Quota, server: FixedHour) -> tuple[int, datetime]:
    assert world.take(quota, 1).granted == 1
    return server.call(world.now_ms)


def _answer(
    world: Context, quota: Quota, answers: list[tuple[int, datetime]], slots: int, which: int
) -> None:
    remaining, reset = answers.pop(which)
    world.correct(quota, remaining, reset, in_flight=slots + len(answers))


def test_a_sliding_server_is_followed_at_its_own_pace(world: Context) -> None:
    """Where Reply's hour slides, others' calls free slots one by one; each is used when free."""
    limit = 20
    others = [START_MS - HOUR_MS + 60_000 * number for number in range(limit)]
    quota = world.quota(None, limit)
    served: list[int] = []
    for _ in range(15):
        world.acquire(quota)
        served.append(world.now_ms)
        counted = sorted(at for at in others + served if at + HOUR_MS > world.now_ms)
        assert len(counted) <= limit, "a 429"
        world.correct(quota, limit - len(counted), instant(counted[0] + HOUR_MS))
    assert served[-1] - served[0] == 14 * 60_000 + 1_000
