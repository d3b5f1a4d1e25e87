"""A record that only says again what the ledger has answered costs no call and leaves no row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from messages import Message, execution, record, update
from sqlalchemy import update as sql_update
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.tables import verdicts
from reply_tasks.sandbox import Endpoint, FaultKind

DAY: dict[str, Any] = {"retry_rejected_hours": 24}


def a_day_passes(stage: Stage) -> None:
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        before = datetime.now(UTC) - timedelta(hours=24, minutes=1)
        connection.execute(sql_update(verdicts).values(at=before))


def finished(stage: Stage) -> None:
    stage.sandbox.create_task(1)
    stage.sandbox.edit_task(1, status=TaskStatus.FINISHED)


@pytest.mark.parametrize("asking", [update(1), execution(1)], ids=["update", "execution"])
def test_what_was_refused_is_not_asked_again(stage: Stage, asking: Message) -> None:
    """Within the hours the verdict is repeated, counted, and costs neither a call nor a row."""
    finished(stage)
    stage.run(asking, **DAY)
    calls, rows = len(stage.sandbox.calls), len(stage.fates())
    for _ in range(3):
        assert stage.run(asking, **DAY).exit_code == 2
    assert (len(stage.sandbox.calls), len(stage.fates())) == (calls, rows)
    last = stage.runs()[-1]
    assert (last["rejected"], last["repeated"], last["api_calls"]) == (1, 1, 0)


def test_a_repeated_verdict_says_when_it_is_asked_again(stage: Stage) -> None:
    """The row, where it is kept, names Reply's answer and both times."""
    finished(stage)
    stage.run(update(1), **DAY)
    stage.run(update(1), keep_repeats=True, **DAY)
    assert [reason for _, _, reason in stage.fates()] == ["task_not_new"] * 2
    assert "asked again after" in stage.operations()[-1]["detail"]


def test_what_another_run_was_told_is_not_asked_either(stage: Stage) -> None:
    """Not even where nothing had been refused yet when this run began."""
    finished(stage)
    for task_id in (2, 3):
        stage.sandbox.create_task(task_id)

    def messages() -> Iterator[Message]:
        yield update(2)
        stage.sandbox.wait_for_calls(1)
        assert stage.script(update(1), **DAY).exit_code == 2
        yield update(3)
        yield update(1)

    ended = stage.run_while(messages(), **DAY)
    assert "1 rejected" in ended.log
    assert len(stage.sandbox.calls_of(Endpoint.UPDATE, 1)) == 1


def test_what_this_run_was_told_is_not_asked_either(stage: Stage) -> None:
    """The first refusal of a ledger counts for the records that the same run reads later."""
    finished(stage)

    def messages() -> Iterator[Message]:
        yield update(1)
        stage.sandbox.wait_for_calls(1)
        yield update(1)

    stage.run_while(messages(), **DAY)
    assert len(stage.sandbox.calls_of(Endpoint.UPDATE, 1)) == 1
    assert stage.runs()[-1]["repeated"] == 1


def test_time_makes_it_go(stage: Stage) -> None:
    """After the hours Reply is asked again."""
    finished(stage)
    stage.run(update(1), **DAY)
    a_day_passes(stage)
    stage.run(update(1), **DAY)
    assert len(stage.sandbox.calls) == 2


def test_another_text_makes_it_go(stage: Stage) -> None:
    """A record that says something else is asked about at once."""
    finished(stage)
    stage.run(update(1), **DAY)
    stage.run(update(1, contactId=7), **DAY)
    assert len(stage.sandbox.calls) == 2


def test_what_is_applied_to_the_task_makes_it_go(stage: Stage) -> None:
    """A rejected body may be right after another one has been applied."""
    finished(stage)
    stage.run(update(1), **DAY)
    stage.sandbox.edit_task(1, status=TaskStatus.NEW)
    stage.run(update(1, contactId=7), **DAY)
    stage.run(update(1), **DAY)
    assert [outcome for _, outcome, _ in stage.fates()] == ["rejected", "applied", "applied"]


def test_zero_hours_ask_every_run(stage: Stage) -> None:
    """Who wants the answer of now gets it."""
    finished(stage)
    for _ in range(2):
        stage.run(update(1), retry_rejected_hours=0)
    assert len(stage.sandbox.calls) == 2


def test_trouble_is_no_refusal(stage: Stage) -> None:
    """What Reply could not answer is asked again by the next run."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.SERVER_ERROR, times=1)
    assert stage.run(update(1), max_retries=0, **DAY).exit_code == 1
    stage.run(update(1), **DAY)
    assert stage.fates() == [(1, "applied", None)]


def test_an_invalid_record_again_leaves_no_row(stage: Stage) -> None:
    """It is counted; a changed one has a row of its own."""
    bad = record("task_updates", {"id": 1, "taskType": "call"})
    for _ in range(3):
        stage.run(bad)
    assert stage.fates() == [(1, "rejected", "invalid_record")]
    assert [(run["rejected"], run["repeated"]) for run in stage.runs()] == [(1, 0), (1, 1), (1, 1)]
    stage.run(record("task_updates", {"id": 1, "taskType": "sms"}))
    assert len(stage.fates()) == 2


def test_another_record_for_an_executed_task_is_told_once_that_it_is_too_late(
    stage: Stage,
) -> None:
    """The first time it has a row, then it only repeats."""
    stage.sandbox.create_task(1)
    stage.run(execution(1))
    for _ in range(3):
        stage.run(execution(1, externalId="other"))
    assert [reason for _, _, reason in stage.fates()] == [None, "already_executed"]
    assert stage.runs()[-1]["repeated"] == 1


def test_a_resync_that_changes_nothing_adds_one_row(stage: Stage) -> None:
    """That of its run, and nothing else."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    for _ in range(4):
        stage.run(update(1))
    assert (len(stage.operations()), len(stage.runs())) == (1, 5)
