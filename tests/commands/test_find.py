"""``reply-tasks find`` shows what was asked of a task, and whether the customer got the mail."""

import json
from typing import Any

import pytest
from console_script import run_command
from messages import execution, update
from target_runs import Stage

from reply_tasks.sandbox import Endpoint, FaultKind
from reply_tasks.sandbox.contacts import contact_of

ALICE = contact_of(1001)


def found(stage: Stage, key: str) -> dict[str, Any]:
    """The answer for a script."""
    answer: dict[str, Any] = json.loads(run_command(stage, "find", key, "--json").stdout)
    return answer


def test_yes_with_everything_that_happened(stage: Stage) -> None:
    """Whoever knows an address sees the answer first, then records, calls and the text sent."""
    stage.sandbox.create_task(41, contact_id=ALICE.id)
    text = {"subject": "The offer", "body": "Hi Ada,\nhere it is."}
    stage.run(execution(41, content=text, externalId="crm-7"))
    done = run_command(stage, "find", ALICE.email)
    assert done.returncode == 0
    assert done.stdout.startswith("Did this customer get it? YES.")
    assert max(map(len, done.stdout.splitlines())) <= 80
    for expected in (
        f"Task 41, external id crm-7, contact {ALICE.id}, {ALICE.email}",
        "stream task_executions, external id crm-7",
        "execute: 200",
        f"sent to {ALICE.email}:",
        "    The offer\n    Hi Ada,\n    here it is.",
    ):
        assert expected in "\n".join(map(str.rstrip, done.stdout.splitlines()))
    answer = found(stage, "crm-7")
    (task,) = answer["tasks"]
    (row,) = task["operations"]
    assert (answer["answer"], answer["decided_by"]) == ("yes", row["operation_id"])
    assert row["message"] == text
    assert row["attempts"][0]["status"] == 200
    assert row["task_detail"]["id"] == 41


@pytest.mark.e2e
def test_no_unknown_and_nothing(stage: Stage) -> None:
    """Rejected is no, a lost answer is unknown, and a key that nobody knows is exit code 1."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=1)
    stage.run(execution(1), execution(2), on_lost_answer="hold")
    assert found(stage, "1")["answer"] == "unknown"
    assert found(stage, "2")["answer"] == "no"
    done = run_command(stage, "find", "nobody@example.com", "--json")
    assert (done.returncode, json.loads(done.stdout)["answer"]) == (1, "unknown")


@pytest.mark.e2e
def test_held_until_a_person_says_yes(stage: Stage) -> None:
    """What waits for approval is neither yes nor no, and its text is there to be read."""
    stage.sandbox.create_task(1)
    stage.run(execution(1, content={"body": "Hello"}), executions_without_approval=0)
    answer = found(stage, "1")
    assert (answer["answer"], answer["tasks"][0]["operations"][0]["outcome"]) == ("held", "held")
    written = run_command(stage, "find", "1").stdout
    assert "text, which was not sent:" in written
    assert "    Hello" in written
    status = json.loads(run_command(stage, "status", "--json").stdout)
    assert (status["held"]["count"], status["last_ended"]["held"]) == (1, 1)


@pytest.mark.e2e
def test_values_from_outside_do_not_act_on_the_terminal(stage: Stage) -> None:
    """Escapes, carriage returns and bidi marks in ids and texts are shown, not obeyed."""
    stage.sandbox.create_task(1)
    stage.run(
        update(1, template={"body": ""}, externalId="a\x1b[2Jb\r\u202e"),
        execution(2, content={"body": "\x1b]0;owned\x07", "subject": "x\ry"}),
    )
    for key in ("1", "2"):
        written = run_command(stage, "find", key).stdout
        assert not set("\x1b\r\x07\u202e") & set(written)
    assert r"a\x1b[2Jb\r\u202e" in run_command(stage, "find", "1").stdout
