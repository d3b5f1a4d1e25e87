"""A Reply that refuses every call costs few calls, and ends the run with its records unsettled."""

from pathlib import Path

import pytest
from messages import execution
from pacing_world import TOO_MANY, paced, updates

from reply_tasks.quota import refusals
from reply_tasks.sandbox import FaultKind


@pytest.mark.e2e
def test_refused_for_ever_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes ever longer pauses, then stops with exit code 1; no record is settled, none lost."""
    monkeypatch.setattr(refusals, "GIVE_UP_MS", 2_500)
    with paced(tmp_path, tasks=30) as stage:
        stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, times=None)
        ended = stage.run(*updates(1, 29), execution(30), concurrency=4)
        assert ended.exit_code == 1
        assert "Reply refused every call for 0 minutes (429)" in ended.log
        assert stage.statuses() == {TOO_MANY}
        assert len(stage.sandbox.calls) <= 4 + 3
        assert stage.operations() == []
        assert stage.claims() == [], "what was refused was not sent, so no claim is left"
        stage.sandbox.faults.clear()
        assert stage.run(*updates(1, 29), execution(30)).exit_code == 0
        assert len(stage.sandbox.outbox) == 1
        assert {fate[1] for fate in stage.fates()} == {"applied"}


@pytest.mark.e2e
def test_a_refused_user_keeps_no_other_waiting(tmp_path: Path) -> None:
    """Records that were refused give their places back: others go on in the meantime."""
    with paced(tmp_path, tasks=40, users=2) as stage:
        for task_id in range(1, 5):
            stage.sandbox.fault(FaultKind.TOO_MANY_REQUESTS, task_id=task_id, retry_after=2)
        ended = stage.run(
            *updates(1, 20, actAsUserId=1), *updates(21, 40, actAsUserId=2), concurrency=4
        )
        assert ended.exit_code == 0
        assert {fate[1] for fate in stage.fates()} == {"applied"}
        first = min(call.at for call in stage.sandbox.calls if call.status == TOO_MANY)
        of_others = [call.at for call in stage.sandbox.calls if call.user_id == 2]
        again = [
            call.at for call in stage.sandbox.calls if call.user_id == 1 and call.at > first + 1.5
        ]
        assert max(of_others) < min(again)
