"""A dry run plans a task's whole life as the run would live it, and tells what it costs."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from life_records import HEADS, NEW, creation, keyed, renewed
from messages import Message, execution, lines, record, update
from target_runs import Stage

from reply_tasks.cli import main
from reply_tasks.sandbox import Endpoint, FaultKind, When

MISSING: dict[str, Any] = {"create_missing": True}


def completion(task_id: int, **members: Any) -> Message:
    return record("task_completions", {"id": task_id, **members})


def assignment(task_id: int, user_id: int) -> Message:
    return record("task_assignments", {"id": task_id, "userId": user_id})


def deletion(task_id: int) -> Message:
    return record("task_deletions", {"id": task_id})


def planned(stage: Stage, *messages: Message, **settings: Any) -> list[dict[str, Any]]:
    """The objects of a plan; the last one sums them up."""
    ended = stage.plan(*HEADS, *messages, **settings)
    assert ended.exit_code in {0, 2}, ended.log
    return ended.states


@pytest.mark.parametrize(
    ("earlier", "messages", "settings"),
    [
        ([], [creation("a"), renewed("a", "B"), keyed("task_executions", "a"), creation("a")], {}),
        ([creation("a")], [creation("a"), creation("a", contactId=5), renewed("a", "B")], {}),
        ([], [renewed("a", "B"), renewed("a", "B"), keyed("task_completions", "a")], MISSING),
        ([], [renewed("a", "B"), keyed("task_deletions", "b"), creation("a")], {}),
        ([], [update(1, externalId="a"), keyed("task_executions", "a"), creation("a")], {}),
        ([update(1, externalId="a")], [update(2, externalId="a"), renewed("a", "B")], {}),
        ([], [completion(1), completion(1), execution(1), completion(1, callResolution=0)], {}),
        ([completion(1)], [completion(1), update(1), deletion(1), deletion(1)], {}),
        ([], [assignment(1, 2), assignment(1, 2), assignment(1, 1)], {}),
        ([], [creation(None), creation(None), creation(None, contactId=5)], {}),
        ([], [keyed("task_updates", "a", contactId=7)], {"update_mode": "merge", **MISSING}),
    ],
)
def test_each_record_is_foreseen_as_the_run_ends_it(
    stage: Stage, earlier: list[Message], messages: list[Message], settings: dict[str, Any]
) -> None:
    """What would be sent is called for, and what would not be has just the outcome foreseen."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    settings = {"keep_repeats": True, **settings}
    stage.run(*HEADS, *earlier, **settings)
    calls = len(stage.sandbox.calls)
    *foreseen, _ = planned(stage, *messages, **settings)
    assert len(stage.sandbox.calls) == calls
    done = len(stage.operations())
    for message in messages:
        stage.run(*HEADS, message, **settings)
    rows = stage.operations()[done:]
    for each, row in zip(foreseen, rows, strict=True):
        assert each["operation"] == row["operation"]
        if each["would"] in {"create", "send"}:
            assert (each["would"] == "create") == (row["operation"] == "create")
            assert row["api_calls"] > 0
        else:
            assert (each["would"], each["reason"]) == (row["outcome"], row["reason"])
            assert row["api_calls"] == 0


def test_what_waits_for_an_uncertain_creation_is_foreseen(stage: Stage) -> None:
    """Neither created anew nor taken for missing: the creation is settled first."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=When.BEFORE)
    stage.run(*HEADS, creation("a"), on_lost_answer="hold")
    told, again, _ = planned(stage, renewed("a", "B"), creation("a"), **MISSING)
    assert (told["would"], told["reason"]) == ("rejected", "not_linked")
    assert "`reply-tasks resolve` settles it" in told["detail"]
    assert again["would"] == "uncertain"


def test_a_line_says_what_would_be_done_in_whose_name(stage: Stage) -> None:
    """The key first, then the call; what has no id yet is not given one."""
    by_address = {**NEW, "contactId": None, "contactEmail": "ada@example.com"}
    ended = stage.run(
        *HEADS,
        creation("crm-1", **by_address),
        keyed("task_executions", "crm-1"),
        keyed("task_completions", "crm-1", callResolution="positive"),
        keyed("task_assignments", "crm-9", userId=2),
        deletion(4),
        dry_run=True,
    )
    lines = [line for line in ended.log.splitlines() if line.startswith("Dry run: ")][-6:]
    assert lines[0].startswith(
        "Dry run: crm-1: creation (task_creations) would create a task with POST /v3/tasks, "
        "looking up contactEmail: taskType 7,"
    )
    assert (
        "crm-1: execution (task_executions) would send POST /v3/tasks/{id}/execute (the id of "
        "the task that is created before it) to whom the ledger does not know" in lines[1]
    )
    assert "would be unchanged: A record that comes before it in this input does so." in lines[2]
    assert "crm-9: assignment (task_assignments) would be rejected, not_linked" in lines[3]
    assert (
        "deletion of task 4 (task_deletions) would read the task, and send DELETE /v3/tasks/4 if "
        "it is not gone already." in lines[4]
    )
    assert "1 would be created, 2 would be sent, 1 unchanged, 1 rejected" in lines[5]
    assert not any("-" in line.partition("task ")[2][:2] for line in lines)


def test_batches_and_look_ups_are_in_the_price(stage: Stage) -> None:
    """A hundred go in a call at best; an address is asked for once, and not if it is known."""
    many = [completion(n) for n in range(1, 251)]
    *records, summary = planned(stage, *many, *(assignment(n, n % 2 + 1) for n in (300, 301)))
    assert summary["calls"] == {"least": 5, "most": 252}
    assert {each["batched"] for each in records} == {True}
    *records, summary = planned(stage, completion(1, callResolution=0), completion(2))
    assert [each["batched"] for each in records] == [False, True]
    assert summary["calls"] == {"least": 2, "most": 2}
    *_, summary = planned(stage, deletion(1), deletion(2))
    assert summary["calls"] == {"least": 2, "most": 4}
    by_address = {**NEW, "contactId": None, "contactEmail": "ada@example.com"}
    new = [creation(n, **by_address) for n in range(3)]
    *records, summary = planned(stage, *new)
    assert summary["calls"] == {"least": 4, "most": 4}
    assert [each["calls"]["most"] for each in records] == [2, 1, 1]
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.run(*HEADS, creation("other", **by_address))
    *_, summary = planned(stage, *new)
    assert summary["calls"] == {"least": 3, "most": 3}


def test_a_trial_takes_an_external_id_to_be_linked() -> None:
    """No ledger is asked, so that nothing is known to be missing; a creation before it is."""
    given = lines(
        *HEADS,
        keyed("task_completions", "a"),
        creation("b"),
        keyed("task_completions", "b"),
        record("task_completions", {}),
    )
    done = CliRunner().invoke(main, ["try", "--json"], input=given)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["would"], each["assumes_link"], each["follows_creation"]) for each in told] == [
        ("send", True, False),
        ("create", False, False),
        ("send", False, True),
        ("rejected", False, False),
    ]
    assert {each["task_id"] for each in told} == {None}
