"""An execution without a text of its own never sends what its update failed to change."""

from typing import Any

import pytest
from messages import execution, update
from target_runs import Stage

from reply_tasks.contract.enums import CreationSource, TaskStatus


@pytest.fixture
def mails(stage: Stage) -> Stage:
    """Tasks 1 to 4, New."""
    for task_id in range(1, 5):
        stage.sandbox.create_task(task_id)
    return stage


def sent(stage: Stage) -> list[int]:
    """The task of every email that went out."""
    return [each.task_id for each in stage.sandbox.outbox]


def mail(task_id: int, **members: Any) -> Any:
    """An update of an email task."""
    return update(task_id, **{"taskType": "manualEmail", **members})


def test_an_execution_after_a_rejected_update_is_rejected(mails: Stage) -> None:
    """Rejected by us or by Reply; one that brings its text, and other tasks, go through."""
    mails.sandbox.edit_task(2, creation_source=CreationSource.SEQUENCE, contact_id=77)
    ended = mails.script(
        mail(1, dueTo="soon"),
        execution(1),
        mail(2, contactId=78, taskType="call"),
        execution(2),
        mail(3, dueTo="soon"),
        execution(3, content={"body": "The new text"}),
        execution(4),
    )
    assert ended.exit_code == 0
    executions = {
        row["task_id"]: (row["outcome"], row["reason"])
        for row in mails.operations()
        if row["operation"] == "execute"
    }
    assert executions == {
        1: ("rejected", "update_rejected"),
        2: ("rejected", "update_rejected"),
        3: ("applied", None),
        4: ("applied", None),
    }
    assert sorted(sent(mails)) == [3, 4]


def test_the_mark_outlives_the_run_until_an_update_is_applied(mails: Stage) -> None:
    """A later run rejects as well; an applied update, read later, ends it."""
    mails.run(mail(1, dueTo="soon"))
    mails.run(execution(1))
    mails.run(execution(1, externalId="again"))
    assert sent(mails) == []
    mails.run(mail(1), execution(1))
    assert sent(mails) == [1]


@pytest.mark.parametrize("refused_by", ["us", "Reply"])
def test_the_same_again_leaves_no_row(mails: Stage, refused_by: str) -> None:
    """Update and execution that only repeat what came of them are counted, run after run."""
    mails.sandbox.edit_task(1, creation_source=CreationSource.SEQUENCE, contact_id=77)
    wrong: dict[str, Any] = {"dueTo": "soon"} if refused_by == "us" else {"contactId": 78}
    for _ in range(3):
        mails.run(mail(1, **wrong), execution(1), retry_rejected_hours=24)
    assert [(row["operation"], row["outcome"]) for row in mails.operations()] == [
        ("update", "rejected"),
        ("execute", "rejected"),
    ]
    assert [run["repeated"] for run in mails.runs()] == [0, 2, 2]
    assert sent(mails) == []


def test_an_update_that_is_there_already_ends_the_mark(mails: Stage) -> None:
    """A, then a broken B, then A again: Reply has what the last update wants."""
    mails.run(mail(1))
    mails.run(mail(1, dueTo="soon"), execution(1))
    assert sent(mails) == []
    mails.run(mail(1), execution(1))
    assert sent(mails) == [1]


def test_an_execution_that_came_first_is_not_concerned(mails: Stage) -> None:
    """What was read before the broken update is judged as if it had not come."""
    mails.run(execution(1), mail(1, dueTo="soon"))
    assert sent(mails) == [1]
    assert mails.sandbox.task(1).status is TaskStatus.FINISHED
