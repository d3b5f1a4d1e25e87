"""The log tells of the first rejections, and where the others are."""

import re

from messages import execution, update
from target_runs import Ended, Stage

from reply_tasks.contract.enums import TaskStatus


def told(ended: Ended) -> list[str]:
    return [line for line in ended.log.splitlines() if line.startswith("Rejected:")]


def test_the_first_ten_are_told_then_how_many_more(stage: Stage) -> None:
    """Each with key, pointer and reason, and nothing that the record says; then the command."""
    bad = [update(each, dueTo="SECRET", externalId=f"crm-{each}") for each in range(1, 12)]
    ended = stage.run(*bad, update(99))
    assert ended.exit_code == 2
    lines = told(ended)
    assert len(lines) == 10
    assert lines[0] == (
        "Rejected: crm-1: update of task 1: invalid_record at /dueTo (format: string)."
    )
    assert "SECRET" not in ended.log
    *_, more, last = ended.log.rstrip().splitlines()
    assert more.startswith("2 more records were rejected; `reply-tasks rejected --run last` shows")
    assert "12 records read: 12 rejected" in last


def test_what_reply_refused_and_what_repeats_is_told(stage: Stage) -> None:
    """Reply's status, whatever the key holds; a repeat says so, and the last line counts it."""
    stage.sandbox.create_task(1)
    stage.sandbox.edit_task(1, status=TaskStatus.FINISHED)
    messages = [update(1, externalId="a\x1b[2J\nRejected: b"), execution(1), update("x")]
    first = stage.run(*messages, retry_rejected_hours=24)
    assert sorted(told(first)) == [
        r"Rejected: a\x1b[2J\nRejected: b: update of task 1: task_not_new (HTTP 400).",
        "Rejected: execution of task 1: update_rejected.",
        "Rejected: update without a task: invalid_record at /id (type: string).",
    ]
    again = stage.run(*messages, retry_rejected_hours=24)
    assert len([line for line in told(again) if line.endswith(", as before.")]) >= 2
    *_, where, last = again.log.rstrip().splitlines()
    assert re.search(r"[23] only repeat earlier ones: `reply-tasks rejected`\.$", where)
    assert re.search(r", [23] of them repeated; 0 calls made\.$", last)


def test_a_run_without_rejections_says_nothing_of_them(stage: Stage) -> None:
    """No line about nothing."""
    stage.sandbox.create_task(1)
    assert "reject" not in stage.run(update(1)).log
