"""Messages that look like a mistake: through the console script, none of them is sent."""

from typing import Any

from messages import execution, merge
from target_runs import Stage

MISTAKES: dict[int, dict[str, Any]] = {
    1: {"content": {"body": "Hi {{FirstName}}"}},
    2: {"contnt": {"body": "Hi"}},
    3: {"content": {"body": " \n"}},
    4: {"content": {"subject": "Hi"}},
    5: {"emailAcountId": 7},
}


def test_what_looks_like_a_mistake_is_not_sent(stage: Stage) -> None:
    """Each is an invalid record with pointer and reason; a CRM's own columns stop nothing."""
    for task_id in range(1, 9):
        stage.sandbox.create_task(task_id)
    ended = stage.script(
        *(execution(task_id, **members) for task_id, members in MISTAKES.items()),
        merge(6, dueTto="2027-03-06"),
        execution(7, context="renewal", consent="yes", External_Id__c="x"),
        update_mode="merge",
    )
    assert ended.exit_code == 0
    fates = dict.fromkeys((*MISTAKES, 6), ("rejected", "invalid_record"))
    assert {task: (outcome, why) for task, outcome, why in stage.fates()} == {
        **fates,
        7: ("applied", None),
    }
    pointers = {
        row["task_id"]: row["problem"]["errors"][0]["pointer"]
        for row in stage.operations()
        if row["problem"]
    }
    assert pointers == {
        1: "/content/body",
        2: "/contnt",
        3: "/content/body",
        4: "/content/body",
        5: "/emailAcountId",
        6: "/dueTto",
    }
    assert [sent.task_id for sent in stage.sandbox.outbox] == [7]


def test_placeholders_go_out_when_they_are_allowed(stage: Stage) -> None:
    """``allow_placeholders`` sends the text as it stands."""
    stage.sandbox.create_task(1)
    ended = stage.run(execution(1, content={"body": "{{a}}"}), allow_placeholders=True)
    assert ended.exit_code == 0
    assert [sent.body for sent in stage.sandbox.outbox] == ["{{a}}"]
