"""Executions that wait for a person: what is held, what is approved, what goes out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from messages import execution, state
from sqlalchemy import update as sql_update
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import Held, held_operations
from reply_tasks.ledger.holding import approve, decline
from reply_tasks.ledger.tables import operations
from reply_tasks.sandbox import Endpoint


def emails(stage: Stage, *task_ids: int) -> None:
    for task_id in task_ids:
        stage.sandbox.create_task(task_id, task_type=TaskType.MANUAL_EMAIL)


def mail(task_id: int, body: str = "Hi Ada.", **members: Any) -> Mapping[str, Any]:
    return execution(task_id, content={"subject": "S", "body": body}, **members)


def say_yes(stage: Stage, *task_ids: int) -> list[bool]:
    """A person approves what is held of these tasks, as it is shown to them."""
    return [_say(stage, held) for held in waiting(stage) if held.claim.entry.task_id in task_ids]


def _say(stage: Stage, held: Held) -> bool:
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        at = datetime.now(UTC)
        return approve(connection, held, record=held.claim.entry.record, by="ann", at=at)


def say_no(stage: Stage, task_id: int) -> bool:
    (held,) = [each for each in waiting(stage) if each.claim.entry.task_id == task_id]
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        return decline(connection, held, why="not today", by="bob", at=datetime.now(UTC))


def waiting(stage: Stage) -> list[Held]:
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.read() as connection:
        return held_operations(connection)


def sent(stage: Stage) -> list[tuple[int, str]]:
    return [(each.task_id, each.body) for each in stage.sandbox.outbox]


def test_one_input_may_ask_for_a_task_more_than_once(stage: Stage) -> None:
    """The same record repeats what waits, a later one replaces it, in one turn as well."""
    emails(stage, 1)
    ended = stage.run(
        mail(1), mail(1), mail(1, "Hi Bob."), mail(1, "Hi Bob."), executions_without_approval=0
    )
    assert ended.exit_code == 0
    assert stage.fates() == [(1, "superseded", None), (1, "held", None)]
    assert stage.fate()["record"]["content"]["body"] == "Hi Bob."
    assert [run["repeated"] for run in stage.runs()] == [2]


def test_without_approval_nothing_is_sent(stage: Stage) -> None:
    """At 0 each execution is held: its record is kept, its STATE leaves, no call is made."""
    emails(stage, 1)
    ended = stage.run(mail(1), state({"at": 1}), executions_without_approval=0)
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])
    assert stage.fates() == [(1, "held", None)]
    assert not stage.sandbox.calls
    assert stage.fate()["record"]["content"]["body"] == "Hi Ada."
    assert stage.runs()[-1]["held"] == 1


def test_the_first_so_many_go_and_the_rest_wait(stage: Stage) -> None:
    """The brake: of five executions, a run that may send two unasked sends two."""
    emails(stage, 1, 2, 3, 4, 5)
    stage.run(*map(mail, range(1, 6)), executions_without_approval=2)
    assert len(sent(stage)) == 2
    assert sorted(outcome for _, outcome, _ in stage.fates()) == ["applied"] * 2 + ["held"] * 3


def test_what_is_approved_is_sent_first_and_once(stage: Stage) -> None:
    """The next run sends what a person approved before it reads, and no run sends it again."""
    emails(stage, 1, 2)
    stage.run(mail(1), mail(2), executions_without_approval=0)
    assert say_yes(stage, 1) == [True]
    stage.run(executions_without_approval=0)
    assert sent(stage) == [(1, "Hi Ada.")]
    row = next(row for row in stage.operations() if row["task_id"] == 1)
    assert (row["outcome"], row["approved_by"], row["record"]) == ("applied", "ann", None)
    stage.run(mail(1), mail(2), executions_without_approval=0)
    stage.run(executions_without_approval=0)
    assert sent(stage) == [(1, "Hi Ada.")]
    assert stage.fates()[0] != (2, "applied", None)


def test_the_same_record_again_only_repeats_that_it_waits(stage: Stage) -> None:
    """It leaves no second row, is counted as held and repeated, and stays one message."""
    emails(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    stage.run(mail(1), executions_without_approval=0)
    stage.run(mail(1), executions_without_approval=0, keep_repeats=True)
    last = stage.runs()[-1]
    assert (last["held"], last["repeated"]) == (1, 1)
    assert len(waiting(stage)) == 1
    say_yes(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    assert len(sent(stage)) == 1


def test_a_later_record_replaces_what_waits_and_needs_a_yes_of_its_own(stage: Stage) -> None:
    """A yes to the first text lets no other text out."""
    emails(stage, 1)
    stage.run(mail(1, "first"), executions_without_approval=0)
    say_yes(stage, 1)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        connection.execute(sql_update(operations).values(approved_at=None, approved_by=None))
    stage.run(mail(1, "second"), executions_without_approval=0)
    assert [outcome for _, outcome, _ in stage.fates()] == ["superseded", "held"]
    stage.run(executions_without_approval=0)
    assert not sent(stage)
    say_yes(stage, 1)
    stage.run(executions_without_approval=0)
    assert sent(stage) == [(1, "second")]


def test_a_later_record_waits_too_however_many_may_go(stage: Stage) -> None:
    """Where a person is asked about a task, a run that may send more unasked still asks again."""
    emails(stage, 1)
    stage.run(mail(1, "first"), executions_without_approval=0)
    stage.run(mail(1, "second"), executions_without_approval=5)
    assert stage.fates() == [(1, "superseded", None), (1, "held", None)]
    assert not sent(stage)


def test_another_key_of_the_crm_is_another_record(stage: Stage) -> None:
    """It replaces what waits, and a person's no to one is no word on the other."""
    emails(stage, 1)
    stage.run(mail(1, externalId="a"), executions_without_approval=0)
    stage.run(mail(1, externalId="b"), executions_without_approval=0)
    assert stage.fates() == [(1, "superseded", None), (1, "held", None)]
    assert say_no(stage, 1)
    stage.run(mail(1, externalId="a"), mail(1, externalId="b"), executions_without_approval=0)
    assert [row["external_id"] for row in stage.operations()] == ["a", "b", "a"]
    assert stage.fates()[1:] == [(1, "rejected", "not_approved"), (1, "held", None)]


def test_what_is_approved_uses_up_nothing_of_the_number(stage: Stage) -> None:
    """A run that may send one unasked sends that one beside what a person approved."""
    emails(stage, 1, 2, 3)
    stage.run(mail(1), executions_without_approval=0)
    say_yes(stage, 1)
    stage.run(mail(2), mail(3), executions_without_approval=1)
    assert len(sent(stage)) == 2
    assert sent(stage)[0] == (1, "Hi Ada.")
    assert sorted(outcome for _, outcome, _ in stage.fates()) == ["applied", "applied", "held"]


def test_a_text_that_changed_after_the_yes_is_not_sent(stage: Stage) -> None:
    """An approval binds to the digest of exactly what was shown."""
    emails(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    say_yes(stage, 1)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        other = {"id": 1, "content": {"subject": "S", "body": "Another text"}}
        connection.execute(sql_update(operations).values(record=other))
    stage.run(executions_without_approval=0)
    assert not stage.sandbox.calls_of(Endpoint.EXECUTE)


def test_a_no_has_no_end(stage: Stage) -> None:
    """The same record repeats its rejection, also where nobody is asked; another one may go."""
    emails(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    assert say_no(stage, 1)
    stage.run(mail(1))
    stage.run(mail(1), executions_without_approval=0)
    assert stage.fates() == [(1, "rejected", "not_approved")]
    assert stage.runs()[-1]["rejected"] == 1
    assert not sent(stage)
    stage.run(mail(1, "better"))
    assert sent(stage) == [(1, "better")]


def test_what_nobody_approves_in_time_is_rejected(stage: Stage) -> None:
    """After hold_hours; what was approved in time is not."""
    emails(stage, 1, 2)
    stage.run(mail(1), mail(2), executions_without_approval=0)
    say_yes(stage, 2)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        before = datetime.now(UTC) - timedelta(hours=73)
        connection.execute(sql_update(operations).values(settled_at=before))
    stage.run(executions_without_approval=0)
    assert sorted(stage.fates()) == [(1, "rejected", "approval_expired"), (2, "applied", None)]


def test_a_task_closed_meanwhile_is_refused_as_usual(stage: Stage) -> None:
    """Reply says no to what a person approved: rejected, and never sent."""
    emails(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    say_yes(stage, 1)
    stage.sandbox.edit_task(1, status=TaskStatus.CANCELLED)
    stage.run(executions_without_approval=0)
    assert stage.fates() == [(1, "rejected", "task_not_new")]
    assert not sent(stage)


@pytest.mark.parametrize("again", [1, 2])
def test_without_the_setting_the_record_that_waits_still_waits(stage: Stage, again: int) -> None:
    """Turning approval off does not let out what was held for a person."""
    emails(stage, 1)
    stage.run(mail(1), executions_without_approval=0)
    for _ in range(again):
        stage.run(mail(1))
    assert stage.fates() == [(1, "held", None)]
    assert not sent(stage)


def test_without_the_setting_another_text_goes_out_in_place_of_what_waits(stage: Stage) -> None:
    """What it replaces is superseded: nobody can approve it any more."""
    emails(stage, 1)
    stage.run(mail(1, "first"), executions_without_approval=0)
    stage.run(mail(1, "second"))
    assert sent(stage) == [(1, "second")]
    assert stage.fates() == [(1, "superseded", None), (1, "applied", None)]
    assert not waiting(stage)
