"""The tables of docs/scaling.md, against a day of calls that the quota grants on a fake clock."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from quota_world import START_MS, in_memory

from reply_tasks.quota.estimate import in_words, seconds_for
from reply_tasks.quota.windows import HOUR_MS, MINUTE_MS, windows
from target_reply_tasks.sending.pool import MOST_CONCURRENT
from target_reply_tasks.sending.threads import MOST_IN_FLIGHT

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[2] / "docs/scaling.md").read_text()
PER_MINUTE, PER_HOUR = 100, 3000
DAY_MS = 24 * HOUR_MS
Calls = list[tuple[int, int]]


def spend(users: int, calls: int) -> list[Calls]:
    """What each user's calls are granted, as (millisecond, how many), until all are or a day ends.

    One process for all, which asks at every instant that a grant's wait names.
    """
    granted: list[Calls] = [[] for _ in range(users)]
    with in_memory() as world:
        quota = world.quota(PER_MINUTE, PER_HOUR)
        left = dict.fromkeys(range(users), calls)
        due = dict.fromkeys(left, START_MS)
        while left and (now := min(due[user] for user in left)) < START_MS + DAY_MS:
            world.now_ms = now
            with world.write() as connection:
                for user in [each for each in left if due[each] == now]:
                    grant = quota.take(connection, str(user), left[user])
                    granted[user].append((now - START_MS, grant.granted))
                    left[user] -= grant.granted
                    due[user] = now + round(grant.wait * 1000)
                    if not left[user]:
                        del left[user]
    return granted


def fullest(calls: Calls, span_ms: int) -> int:
    """The most calls in any stretch of so long."""
    most = first = inside = 0
    for at, number in calls:
        inside += number
        while calls[first][0] <= at - span_ms:
            inside -= calls[first][1]
            first += 1
        most = max(most, inside)
    return most


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table below a line of headings, without its commas."""
    _, found, below = PAGE.partition(heading)
    assert found
    for line in below.splitlines()[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip().replace(",", "") for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("users", [1, 10, 100])
def test_a_day_of_calls_takes_what_the_table_says(users: int) -> None:
    """However many users act, each has the whole quota, all day, and never a call more."""
    most = {int(cells[0]): int(cells[1]) for cells in rows("| Acting users |")}
    day = spend(users, DAY_MS)
    assert sum(number for calls in day for _, number in calls) == most[users]
    for calls in day:
        assert fullest(calls, MINUTE_MS) == PER_MINUTE
        assert fullest(calls, HOUR_MS) == PER_HOUR


def test_each_rows_time_is_what_the_quota_takes() -> None:
    """So many calls are granted in the time that the table has, which is what a plan says too."""
    for calls, time, *_ in rows("| Calls a day of each user |"):
        for granted in spend(10, int(calls)):
            seconds = granted[-1][0] / 1000
            assert in_words(seconds) == time, calls
            assert seconds == pytest.approx(
                seconds_for(int(calls), windows(PER_MINUTE, PER_HOUR)), rel=0.01
            )


def test_one_worker_is_enough_for_answers_that_fast() -> None:
    """The seconds that an answer may take are those that the calls in flight allow."""
    for users, _, answers in rows("| Acting users |"):
        in_flight = min(MOST_CONCURRENT * int(users), MOST_IN_FLIGHT)
        most = in_flight / (int(users) * PER_HOUR / 3600)
        (said,) = re.findall(r"[\d.]+", answers)
        assert float(said) == pytest.approx(most, rel=0.1)
        assert float(said) <= most
