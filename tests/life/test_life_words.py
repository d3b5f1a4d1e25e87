"""What a person sees of a task's whole life: the same words in each command and on each page."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner, Result
from console_world import serving, words, words_of
from life_records import HEADS, NEW, creation, keyed, made, renewed
from messages import Message, record, update
from target_runs import Stage

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskType
from reply_tasks.sandbox import Endpoint, FaultKind, When


def command(stage: Stage, *given: str) -> Result:
    """A command on the stage's ledger."""
    where = ["--ledger-url", stage.settings["ledger_url"]]
    return CliRunner().invoke(main, [given[0], *where, *given[1:]])


def found(stage: Stage, key: str) -> list[dict[str, Any]]:
    """The tasks that ``find`` tells of, as a script sees them."""
    tasks: list[dict[str, Any]] = json.loads(command(stage, "find", key, "--json").stdout)["tasks"]
    return tasks


def whole_life(stage: Stage) -> int:
    """Unknown at first, then created, assigned and completed, by the CRM's key alone."""
    stage.run(*HEADS, keyed("task_assignments", "crm-1", userId=2))
    stage.run(
        *HEADS,
        creation("crm-1"),
        keyed("task_assignments", "crm-1", userId=2),
        keyed("task_completions", "crm-1"),
    )
    (task,) = made(stage.sandbox)
    return task.id


def test_find_follows_the_link_from_either_key(stage: Stage) -> None:
    """A task's id finds what came by the external id alone, and what each has done."""
    task_id = whole_life(stage)
    for key in ("crm-1", str(task_id)):
        (task,) = found(stage, key)
        assert task["task_id"] == task_id
        assert [link["external_id"] for link in task["links"]] == ["crm-1"]
        assert [(row["outcome"], row["reason"], row["effect"]) for row in task["operations"]] == [
            ("rejected", "not_linked", None),
            ("applied", None, f"created as task {task_id}"),
            ("applied", None, "assigned to user 2"),
            ("applied", None, "completed"),
        ]
    text = command(stage, "find", "crm-1").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert f"Task {task_id}, external id crm-1" in text
    assert "it was completed, which sends nothing" in " ".join(text.split())


def test_find_shows_what_has_no_task_yet_and_what_was_only_linked(stage: Stage) -> None:
    """An uncertain creation has no task; an imported link leads to one without a record."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=When.BEFORE)
    stage.run(*HEADS, creation("crm-1"), on_lost_answer="hold")
    (task,) = found(stage, "crm-1")
    assert (task["task_id"], task["operations"][0]["outcome"]) == (None, "uncertain")
    assert "Records without a task" in command(stage, "find", "crm-1").stdout
    (stage.folder / "links.csv").write_text("external_id,task_id\ncrm-2,7\n")
    command(stage, "link", "--from", str(stage.folder / "links.csv"))
    (task,) = found(stage, "crm-2")
    assert (task["task_id"], task["operations"]) == (7, [])


def test_what_is_rejected_says_what_helps_and_can_be_replayed(stage: Stage) -> None:
    """A hint a reason, in 80 columns; Singer messages of the new streams go through again."""
    stage.sandbox.create_task(7)
    nobody = {**NEW, "contactId": None, "contactEmail": "nobody@example.com"}
    stage.run(
        *HEADS,
        keyed("task_completions", "crm-7"),
        creation("crm-8", **nobody),
        record("task_assignments", {"id": 7, "assignedUserEmail": "nobody@example.com"}),
        record("task_executions", {"id": 7, "emailAccount": "nobody@example.com"}),
    )
    table = command(stage, "rejected").stdout
    assert max(map(len, table.splitlines())) <= 80
    told = " ".join(table.split())
    for reason, hint in (
        ("not_linked", "`reply-tasks link`"),
        ("contact_not_found", "Add the contact in Reply"),
        ("user_not_found", "Correct assignedUserEmail"),
        ("mailbox_not_found", "Connect the mailbox"),
    ):
        assert f"{reason}: {hint}" in told or hint in told.partition(f"{reason}: ")[2], told
    stage.sandbox.create_contact(1001, email="nobody@example.com")
    stage.run(update(7, externalId="crm-7"))
    replay = command(stage, "rejected", "--format", "singer").stdout
    stage.run(replay, retry_rejected_hours=0)
    ended = {row["operation"]: row["outcome"] for row in stage.operations()}
    assert (ended["create"], ended["complete"]) == ("applied", "applied")
    left = command(stage, "rejected", "--format", "jsonl").stdout.splitlines()
    assert {json.loads(line)["operation"] for line in left} == {"assign", "execute"}


def test_a_creation_without_a_key_that_went_through_is_rejected_no_more(stage: Stage) -> None:
    """It is known by what it asks for."""
    said = {"status": 404, "code": "contact.notFound", "detail": "There is no such contact."}
    stage.sandbox.fault(FaultKind.NOT_FOUND, endpoint=Endpoint.CREATE, body=said)
    stage.run(*HEADS, creation(None), creation(None, contactId=5))
    assert len(command(stage, "rejected", "--format", "jsonl").stdout.splitlines()) == 1
    stage.run(*HEADS, creation(None), creation(None, contactId=5))
    assert command(stage, "rejected").stdout == "No record is rejected.\n"


def test_an_update_that_creates_answers_its_own_rejection(stage: Stage) -> None:
    """Not linked in one run, created in the next: it is rejected no more."""
    stage.run(*HEADS, renewed("crm-1", "B"))
    assert "not_linked" in command(stage, "rejected").stdout
    stage.run(*HEADS, renewed("crm-1", "B"), create_missing=True)
    assert command(stage, "rejected").stdout == "No record is rejected.\n"
    assert json.loads(command(stage, "status", "--json").stdout)["rejected"] == {}


def test_an_execution_by_the_crms_key_alone_is_held_and_approved(stage: Stage) -> None:
    """A person sees the task that it means, and what is approved goes to that task."""
    stage.sandbox.create_task(7, task_type=TaskType.MANUAL_EMAIL)
    by_key = keyed("task_executions", "crm-7", content={"subject": "S", "body": "B"})
    brake = {"executions_without_approval": 0}
    stage.run(*HEADS, update(7, externalId="crm-7", taskType=7), by_key, **brake)
    (held,) = json.loads(command(stage, "held", "--json").stdout)
    assert (held["task_id"], held["external_id"], held["contact_id"]) == (7, "crm-7", 1001)
    assert command(stage, "approve", held["operation_id"], "--by", "ann").exit_code == 0
    stage.run(*HEADS, by_key, **brake)
    assert [call.task_id for call in stage.sandbox.calls_of(Endpoint.EXECUTE)] == [7]
    assert stage.fate()["outcome"] == "applied"


def doubtful(stage: Stage, message: Message, endpoint: Endpoint) -> str:
    stage.sandbox.fault(FaultKind.DROP, endpoint=endpoint, when=When.BEFORE)
    stage.run(*HEADS, message, on_lost_answer="hold")
    operation_id: str = stage.fate()["operation_id"]
    return operation_id


@pytest.mark.e2e
def test_the_pages_say_what_was_done_and_take_a_word_on_it(stage: Stage) -> None:
    """Created, completed: by their own words; a creation that was made needs its task's number."""
    task_id = whole_life(stage)
    stage.sandbox.create_task(7)
    made_it = doubtful(stage, creation("crm-2"), Endpoint.CREATE)
    doubtful(stage, record("task_completions", {"id": 7}), Endpoint.COMPLETE)
    looked = ("looked", "yes")
    with serving(stage) as visitor:
        visitor.open()
        life = words(visitor.get(f"/find?key={task_id}"))
        assert f"created as task {task_id}" in life
        assert "assigned to user 2" in life
        assert "not linked" in life
        page = visitor.get("/uncertain")
        said = words(page)
        assert "It was created" in said
        assert "It was not completed" in said
        assert len(re.findall('name="task"', page.text)) == 1
        form = [("id", made_it), ("word", "sent"), looked]
        assert "say which one" in words(visitor.post("/uncertain", *form))
        for wrong in ("x", "9" * 30, "0"):
            assert "no task's number" in words(visitor.post("/uncertain", *form, ("task", wrong)))
        answer = words(visitor.post("/uncertain", *form, ("task", "7")))
        assert "crm-2: creation of task 7 is settled: applied." in answer
        assert "says which task is meant" in words(visitor.get("/rejected?reason=ambiguous"))
    report = stage.folder / "report.html"
    assert command(stage, "report", "--since", "1d", "--output", str(report)).exit_code == 0
    said = words_of(report.read_text())
    assert "Applied: 2 creations , 1 completion , 1 assignment" in said
    assert "completion ? uncertain" in said
