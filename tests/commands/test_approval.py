"""``held``, ``approve`` and ``decline``: a person sees each text, and what is approved is sent."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from messages import execution
from target_runs import Stage

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskType
from reply_tasks.sandbox import Endpoint, Template


def command(stage: Stage, *arguments: str) -> Result:
    settings = ("ledger_url", "api_url", "api_key")
    given = {f"REPLY_TASKS_{name.upper()}": str(stage.settings[name]) for name in settings}
    return CliRunner().invoke(main, [*arguments], env=given)


def holding(stage: Stage, *task_ids: int, text: bool = True) -> None:
    """Executions of these tasks that wait for a person."""
    for task_id in task_ids:
        template = Template(f"Template {task_id}", "Hello")
        stage.sandbox.create_task(task_id, task_type=TaskType.MANUAL_EMAIL, template=template)
    content: dict[str, Any] = {"content": {"subject": "S", "body": "Hi Ada."}} if text else {}
    stage.run(*(execution(each, **content) for each in task_ids), executions_without_approval=0)


def ids(stage: Stage) -> list[str]:
    return [each["operation_id"] for each in json.loads(command(stage, "held", "--json").output)]


def sent(stage: Stage) -> list[tuple[int, str]]:
    stage.run(executions_without_approval=0)
    return sorted((each.task_id, each.body) for each in stage.sandbox.outbox)


def test_approve_two_of_three_and_decline_one(stage: Stage) -> None:
    """The next run sends the two, as they were shown; the third is never sent."""
    holding(stage, 1, 2, 3)
    first, second, third = ids(stage)
    assert command(stage, "approve", first[:12], second[:12], "--by", "ann").exit_code == 0
    assert command(stage, "decline", third, "--why", "not today").exit_code == 0
    assert sent(stage) == [(1, "Hi Ada."), (2, "Hi Ada.")]
    stage.run(execution(3, content={"subject": "S", "body": "Hi Ada."}))
    assert len(stage.sandbox.outbox) == 2
    assert {row["approved_by"] for row in stage.operations()} >= {"ann"}


def test_held_shows_who_would_get_what(stage: Stage) -> None:
    """Id, task, text and age, in a table that has no escape codes in a pipe."""
    holding(stage, 1)
    output = command(stage, "held").output
    assert ids(stage)[0][:12] in output
    assert "Hi Ada." in output
    assert "\x1b" not in output


def test_what_nobody_has_seen_can_not_be_approved(stage: Stage) -> None:
    """Without a text of its own, an execution needs a preview first."""
    holding(stage, 1, text=False)
    refused = command(stage, "approve", ids(stage)[0])
    assert refused.exit_code == 1
    assert "held --preview" in refused.output
    assert sent(stage) == []


def test_the_previewed_text_is_what_is_sent(stage: Stage) -> None:
    """A template that changes after the preview changes nothing."""
    holding(stage, 1, text=False)
    assert "Template 1" in command(stage, "held", "--preview").output
    assert len(stage.sandbox.calls_of(Endpoint.GET)) == 1
    assert command(stage, "approve", "--all", "--yes").exit_code == 0
    stage.sandbox.edit_task(1, template=Template("Another text", "Hello"))
    assert sent(stage) == [(1, "Template 1")]


def test_a_preview_reads_what_brings_no_text_and_nothing_else(stage: Stage) -> None:
    """One call for each such task: what brings its own text costs none."""
    holding(stage, 1)
    holding(stage, 2, text=False)
    assert command(stage, "held", "--preview").exit_code == 0
    assert [call.task_id for call in stage.sandbox.calls_of(Endpoint.GET)] == [2]


def test_a_run_is_approved_whole(stage: Stage) -> None:
    """``--run last`` takes what the last run read in, and asks unless told not to."""
    holding(stage, 1, 2)
    assert command(stage, "approve", "--run", "last").exit_code == 2
    assert sent(stage) == []
    run_id = stage.runs()[0]["run_id"]
    assert command(stage, "approve", "--run", run_id[:12], "--yes").exit_code == 0
    assert len(sent(stage)) == 2


@pytest.mark.parametrize("arguments", [["approve"], ["approve", "--all", "--run", "x"]])
def test_approve_asks_what_is_meant(stage: Stage, arguments: list[str]) -> None:
    """Neither nothing nor two things are approved by mistake."""
    holding(stage, 1)
    assert command(stage, *arguments).exit_code == 2


def test_an_id_that_names_nothing_is_told(stage: Stage) -> None:
    """Nothing is approved when one of the ids is wrong."""
    holding(stage, 1)
    (first,) = ids(stage)
    for wrong in ("ffffffff", first[:3]):
        answer = command(stage, "approve", first, wrong)
        assert answer.exit_code == 1
        assert "that waits" in answer.output
    assert sent(stage) == []


def test_nothing_waits_is_said(stage: Stage) -> None:
    """An empty list is no silence."""
    stage.run()
    assert "Nothing waits" in command(stage, "held").output


def test_a_run_s_messages_are_those_that_it_read_in(stage: Stage) -> None:
    """``--run`` approves nothing that another run has left waiting."""
    holding(stage, 1)
    holding(stage, 2)
    assert command(stage, "approve", "--run", "last", "--yes").exit_code == 0
    assert sent(stage) == [(2, "Hi Ada.")]


def test_who_said_no_and_why_is_kept(stage: Stage) -> None:
    """In the ledger, for whoever asks afterwards; a second no is told that it comes too late."""
    holding(stage, 1)
    (first,) = ids(stage)
    assert command(stage, "decline", first, "--why", "a typing error", "--by", "bob").exit_code == 0
    assert stage.fate()["detail"] == "Declined by bob: a typing error"
    assert stage.fate()["approved_by"] == "bob"
    late = command(stage, "decline", first, "--why", "again")
    assert (late.exit_code, "names nothing that waits" in late.output) == (1, True)


def test_held_says_all_of_a_message_to_a_script(stage: Stage) -> None:
    """Id, task, key, contact, address, text, digest, and who read it in."""
    holding(stage, 1)
    (told,) = json.loads(command(stage, "held", "--json").output)
    assert {"contact_id", "address", "external_id", "mistakes", "held_at"} <= told.keys()
    assert (told["task_id"], told["subject"], told["body"]) == (1, "S", "Hi Ada.")
    assert told["run_id"] == stage.runs()[0]["run_id"]
    assert len(told["digest"]) == 64


def test_what_looks_like_a_mistake_is_said_beside_the_text(stage: Stage) -> None:
    """A placeholder that nobody filled in stands out before anybody approves it."""
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    text = {"subject": "S", "body": "Hi {{FirstName}}."}
    stage.run(execution(1, content=text), executions_without_approval=0, allow_placeholders=True)
    assert "still holds" in command(stage, "held").output
    assert json.loads(command(stage, "held", "--json").output)[0]["mistakes"]
