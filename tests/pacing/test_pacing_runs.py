"""Runs spend the whole quota and not one call more, whoever else spends it."""

import re
from functools import partial
from pathlib import Path

import pytest
from pacing_world import OK, TOO_MANY, after_the_first_refusal, paced, updates, waits

from target_reply_tasks.engine.progress import Progress


def test_a_second_run_knows_what_the_first_one_spent(tmp_path: Path) -> None:
    """A run that starts at once waits until the first one's calls have left the minute."""
    with paced(tmp_path, tasks=20, per_minute=10) as stage:
        assert waits(stage.run(*updates(1, 10))) == []
        stage.let_pass(58)
        second = stage.run(*updates(11, 20))
        assert second.exit_code == 0
        assert stage.statuses() == {OK}
        arrivals = stage.arrivals()
        assert arrivals[10] - arrivals[0] >= 60.0


@pytest.mark.e2e
def test_each_wait_is_told_once(tmp_path: Path) -> None:
    """A wait is one line, with how long and why, and the run's row knows it."""
    with paced(tmp_path, tasks=20, per_minute=10) as stage:
        stage.run(*updates(1, 10))
        stage.let_pass(56)
        (line,) = waits(stage.run(*updates(11, 20)))
        assert re.fullmatch(
            r"Waiting [2-5] s, until [\d:]{8} UTC: the quota of this minute is spent\.", line
        )
        (_, second) = stage.runs()
        assert second["quota_wait_seconds"] >= 1.5


def test_a_long_run_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says what is settled of what was read, calls, quota, what it takes, and until when."""
    monkeypatch.setattr("target_reply_tasks.engine.engine.Progress", partial(Progress, every=0.6))
    with paced(tmp_path, tasks=15, per_minute=10) as stage:
        stage.run(*updates(1, 10))
        stage.let_pass(58)
        ended = stage.run(*updates(1, 15))
        progress = [line for line in ended.log.splitlines() if "Progress" in line]
        assert len(progress) >= 2
        told = (
            r"Progress: 10 of 15 records read are settled, 0 calls made; "
            r"quota used: 10 of 10 this minute(, \d+ of \d+ this hour)?; "
            r"the 5 in hand take less than a minute\. "
            r"Waiting until [\d:]{8} UTC: the quota of this minute is spent\."
        )
        assert re.fullmatch(told, progress[0])


@pytest.mark.parametrize(
    "latency",
    [0.0, pytest.param(0.05, marks=pytest.mark.e2e), pytest.param(0.3, marks=pytest.mark.e2e)],
)
def test_another_program_that_spends_the_minute_fails_no_record(
    tmp_path: Path, latency: float
) -> None:
    """A 429 makes all lanes wait as long as it says: only what was in flight still arrives."""
    with paced(tmp_path, tasks=120, latency=latency) as stage:
        stage.sandbox.spend(90, seconds_ago=57)
        with stage.standing_until_refused():
            ended = stage.run(*updates(1, 60))
        assert ended.exit_code == 0
        assert {fate[1] for fate in stage.fates()} == {"applied"}
        later = after_the_first_refusal(stage.sandbox.calls)
        assert len([seconds for seconds in later if seconds < 2.5]) < 32, "they were in flight"
        refused = [call for call in stage.sandbox.calls if call.status == TOO_MANY]
        assert len(refused) <= 32
        assert any("Reply asked for a pause (429)" in line for line in waits(ended))


@pytest.mark.e2e
def test_after_a_pause_one_call_asks_first(tmp_path: Path) -> None:
    """Where the other program goes on spending, the end of a pause costs one refusal at most."""
    with paced(tmp_path, tasks=40) as stage:
        stage.sandbox.spend(100, seconds_ago=58)
        spend_again = partial(stage.sandbox.spend, 100, seconds_ago=54)
        with stage.standing_until_refused(then=spend_again):
            assert stage.run(*updates(1, 40)).exit_code == 0
        refused = [call.at for call in stage.sandbox.calls if call.status == TOO_MANY]
        # None where a call that was in the air when the pause began told of the longer one.
        assert len([at for at in refused if at > min(refused) + 1.5]) <= 1


@pytest.mark.e2e
def test_what_reply_says_is_left_is_kept_to(tmp_path: Path) -> None:
    """Another program has used up the hour but for some calls: no 429 shows it, the headers do."""
    with paced(tmp_path, tasks=60, per_minute=None) as stage:
        stage.sandbox.spend(2970, seconds_ago=3596)
        ended = stage.run(*updates(1, 60))
        assert ended.exit_code == 0
        assert stage.statuses() == {OK}
        assert any("the quota of this hour is spent" in line for line in waits(ended))


def test_users_spend_their_quotas_side_by_side(tmp_path: Path) -> None:
    """Five users' tasks move at five times the pace of one: nobody waits for another's quota."""
    with paced(tmp_path, tasks=50, per_minute=10, users=5) as stage:
        records = [
            record
            for user in range(1, 6)
            for record in updates(user * 10 - 9, user * 10, actAsUserId=user)
        ]
        ended = stage.run(*records)
        assert ended.exit_code == 0
        assert waits(ended) == []
        assert stage.statuses() == {OK}
        assert {call.user_id for call in stage.sandbox.calls} == {1, 2, 3, 4, 5}


def test_one_users_spent_quota_holds_up_no_other(tmp_path: Path) -> None:
    """While one user waits, the records of the others go out."""
    with paced(tmp_path, tasks=40, per_minute=10, users=2) as stage:
        stage.run(*updates(1, 10, actAsUserId=1))
        stage.let_pass(58)
        ended = stage.run(*updates(11, 20, actAsUserId=1), *updates(21, 30, actAsUserId=2))
        assert ended.exit_code == 0
        later = [call for call in stage.sandbox.calls if (call.task_id or 0) > 10]
        assert [call.user_id for call in sorted(later, key=lambda call: call.at)] == (
            [2] * 10 + [1] * 10
        )
        (line,) = waits(ended)
        assert "for user 1" in line
