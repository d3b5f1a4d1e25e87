"""What is old leaves the ledger; what the promises rest on stays, whatever its age."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from messages import BODY, Message, execution, record, update
from sqlalchemy import update as sql_update
from target_runs import Stage, stage

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Ledger, pruning
from reply_tasks.ledger.pruning import rows_missed
from reply_tasks.ledger.tables import operations, prunings, runs

__all__ = ["stage"]

LONG_AGO = datetime.now(UTC) - timedelta(days=730)


def years_pass(stage: Stage) -> None:
    """Everything in the ledger is two years old now."""
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        connection.execute(sql_update(operations).values(settled_at=LONG_AGO))
        connection.execute(
            sql_update(runs).where(runs.c.ended_at.is_not(None)).values(ended_at=LONG_AGO)
        )


def prune(stage: Stage, *options: str) -> str:
    result = CliRunner().invoke(
        main, ["prune", "--ledger-url", stage.settings["ledger_url"], *options]
    )
    assert result.exit_code == 0, result.output
    return result.output


def corrected(task_id: int, body: str) -> Message:
    return update(task_id, template={"body": body})


def history(stage: Stage) -> None:
    """Three updates and an execution of one task, a refusal, and what waits for a person."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    for body in "ABC":
        stage.run(corrected(1, body))
    stage.run(execution(1))
    stage.sandbox.edit_task(2, status=TaskStatus.FINISHED)
    stage.run(update(2))
    stage.run(execution(3), executions_without_approval=0)


@pytest.mark.parametrize("stretch", [1, pruning.STRETCH])
def test_what_is_old_and_stands_for_nothing_goes(
    stretch: int, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Superseded versions, refusals and old runs go; the executing and the held operation stay.

    However few numbers are looked through at once.
    """
    monkeypatch.setattr(pruning, "STRETCH", stretch)
    history(stage)
    years_pass(stage)
    assert "4 operations and 6 runs" in prune(stage, "--older-than", "90d", "--dry-run")
    assert len(stage.operations()) == 6
    assert "4 operations and 6 runs" in prune(stage, "--older-than", "90d")
    left = [(row["task_id"], row["outcome"]) for row in stage.operations()]
    assert sorted(left) == [(1, "applied"), (3, "held")]
    assert not stage.runs()


def test_what_is_younger_stays(stage: Stage) -> None:
    """Nothing of the last ninety days is touched."""
    history(stage)
    assert "0 operations and 0 runs" in prune(stage, "--older-than", "90d")
    assert len(stage.operations()) == 6


def test_an_execution_from_before_the_prune_is_not_sent_twice(stage: Stage) -> None:
    """The ledger forgets rows, never that a message went out."""
    history(stage)
    sent = len(stage.sandbox.outbox)
    years_pass(stage)
    prune(stage, "--older-than", "90d")
    stage.run(execution(1), execution(1, externalId="other"))
    assert len(stage.sandbox.outbox) == sent


def test_an_update_from_before_the_prune_is_still_unchanged(stage: Stage) -> None:
    """The last applied body is known without its history."""
    stage.sandbox.create_task(1)
    for body in "AB":
        stage.run(corrected(1, body))
    years_pass(stage)
    prune(stage, "--older-than", "90d")
    calls = len(stage.sandbox.calls)
    stage.run(corrected(1, "B"))
    assert len(stage.sandbox.calls) == calls
    stage.run(corrected(1, "A"))
    assert len(stage.sandbox.calls) == calls + 1


def test_a_no_outlives_the_prune(stage: Stage) -> None:
    """What a person declined stays declined."""
    from reply_tasks.ledger.held import held_operations  # noqa: PLC0415
    from reply_tasks.ledger.holding import decline  # noqa: PLC0415

    stage.sandbox.create_task(1)
    stage.run(execution(1), executions_without_approval=0)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        (held,) = held_operations(connection)
        decline(connection, held, why="", by="ann", at=datetime.now(UTC))
    years_pass(stage)
    prune(stage, "--older-than", "90d")
    stage.run(execution(1))
    assert not stage.sandbox.outbox


def test_texts_only_keeps_the_rows(stage: Stage) -> None:
    """Names and letters go, the account of what happened stays; what waits keeps its text."""
    history(stage)
    years_pass(stage)
    assert "emptied" in prune(stage, "--texts-only", "--before", "2100-01-01")
    rows = {row["task_id"]: row for row in stage.operations()}
    assert len(stage.operations()) == 6
    assert rows[3]["record"] is not None
    assert all(
        row["record"] is row["task_detail"] is row["problem"] is None
        for row in stage.operations()
        if row["outcome"] != "held"
    )


def test_a_run_prunes_by_itself_once_a_day(stage: Stage) -> None:
    """``retention_days`` does at the end of a run what the command does."""
    history(stage)
    years_pass(stage)
    ended = stage.run(corrected(2, "x"), retention_days=90)
    assert "Pruned 4 operations" in ended.log
    assert "Pruned" not in stage.run(corrected(2, "x"), retention_days=90).log


def test_the_next_day_a_run_prunes_again(stage: Stage) -> None:
    """Once a day is no once for all."""
    history(stage)
    years_pass(stage)
    stage.run(retention_days=90)
    years_pass(stage)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        connection.execute(sql_update(prunings).values(pruned_at=LONG_AGO))
    stage.run(corrected(2, "x"), corrected(2, "y"))
    years_pass(stage)
    assert "Pruned" in stage.run(retention_days=90).log


def test_how_many_rows_a_tap_can_have_missed_is_known(stage: Stage) -> None:
    """Those that were pruned behind its bookmark; none where it had read them all."""
    history(stage)
    years_pass(stage)
    prune(stage, "--older-than", "90d")
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.read() as connection:
        assert rows_missed(connection, after=0) == 4
        assert rows_missed(connection, after=100) == 0


@pytest.mark.parametrize("options", [(), ("--older-than", "90d", "--before", "2026-01-01")])
def test_one_limit_is_needed(options: tuple[str, ...]) -> None:
    """Neither nothing nor two things are pruned by mistake."""
    result = CliRunner().invoke(main, ["prune", *options])
    assert result.exit_code == 2
    assert "Give either --older-than or --before" in result.output


def test_the_file_shrinks(stage: Stage, tmp_path: Path) -> None:
    """What SQLite no longer needs is given back to the disk."""
    del tmp_path
    bulk: dict[str, Any] = {**BODY, "template": {"body": "x"}}
    bad = [record("task_updates", {"id": 1, **bulk, "startAt": f"{n} " * 400}) for n in range(600)]
    stage.run(*bad)
    years_pass(stage)
    path = Path(str(stage.settings["ledger_url"]).removeprefix("sqlite:///"))
    before = path.stat().st_size
    prune(stage, "--older-than", "90d")
    assert path.stat().st_size < before / 2
