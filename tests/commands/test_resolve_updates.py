"""An update that a dead run left is settled by what the task is now."""

from typing import Any

import pytest
from messages import merge, update
from resolving import WHOLE, resolve
from target_runs import Stage

from reply_tasks.contract import Operation


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(WHOLE, "applied"), ({**WHOLE, "contactId": 7}, None), ({"contactId": 1001}, "applied")],
    ids=["as_it_is", "otherwise", "merged"],
)
def test_an_update_of_the_dead_is_settled_where_it_is_in_effect(
    stage: Stage, body: dict[str, Any], outcome: str | None
) -> None:
    """Else its claim is left to the next run, which repeats it."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    stage.left_by_the_dead(1, Operation.UPDATE, body)
    result = resolve(stage)
    assert result.exit_code == 0
    if outcome is not None:
        assert stage.fates()[1:] == [(1, outcome, None)]
        assert stage.fate()["task_detail"]["contactId"] == 1001
        return
    assert "the next run of the target repeats the update" in result.output
    assert len(stage.claims()) == 1
    stage.run()
    assert stage.fates()[1:] == [(1, "applied", None)]
    assert stage.sandbox.task(1).contact_id == 7


def test_a_resolved_update_is_the_last_body_applied(stage: Stage) -> None:
    """The same record is unchanged afterwards, in either mode."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    stage.left_by_the_dead(1, Operation.UPDATE, WHOLE)
    resolve(stage)
    calls = len(stage.sandbox.calls)
    stage.run(update(1))
    stage.run(merge(1, contactId=1001), update_mode="merge")
    assert len(stage.sandbox.calls) == calls
