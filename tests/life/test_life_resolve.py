"""``reply-tasks resolve`` settles what is open of a task's whole life, by a look or by a word."""

import json
from typing import Any

import pytest
from life_records import HEADS, NEW, creation, keyed, made, renewed
from messages import Message, record
from resolving import LONG_AGO, resolve
from target_process import TargetProcess
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.task_keys import key_of_external_id
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.tables import task_links
from reply_tasks.sandbox import Endpoint, FaultKind, When

HOLD: dict[str, Any] = {"on_lost_answer": "hold"}


def in_doubt(stage: Stage, message: Message, endpoint: Endpoint, when: When, **more: Any) -> str:
    """An operation that a run settled as uncertain; its id."""
    reads = Endpoint.FILTER if endpoint is Endpoint.CREATE else Endpoint.GET
    stage.sandbox.fault(FaultKind.DROP, endpoint=endpoint, when=when)
    if when is When.AFTER:  # what it did is not seen at once
        nothing = {"status": 404, "code": "task.unknown", "detail": "No such task."}
        stage.sandbox.fault(FaultKind.NOT_FOUND, endpoint=reads, body=nothing, **more)
    ended = stage.run(*HEADS, message, **HOLD)
    row = stage.fate()
    assert row["outcome"] == "uncertain", (row, ended.log)
    operation_id: str = row["operation_id"]
    return operation_id


def links(stage: Stage) -> dict[str, int]:
    """The task of each external id."""
    engine = open_engine(stage.settings["ledger_url"])
    with engine.connect() as connection:
        rows = connection.execute(task_links.select()).all()
    engine.dispose()
    return {row.external_id: row.task_id for row in rows}


def test_an_uncertain_creation_is_found_by_what_it_is(stage: Stage) -> None:
    """Applied, with its task and its link; what follows in the next run goes to that task."""
    before = in_doubt(stage, creation("a"), Endpoint.CREATE, When.AFTER)
    assert stage.fate()["task_id"] is None
    stage.run(*HEADS, creation("a"), keep_repeats=True)  # never sent, so that it made nothing
    done = resolve(stage)
    assert done.exit_code == 0, done.output
    (task,) = made(stage.sandbox)
    row, repeat = stage.operations()
    assert (row["operation_id"], row["outcome"], row["task_id"]) == (before, "applied", task.id)
    assert (repeat["outcome"], repeat["claimed_at"]) == ("unchanged", None)
    assert f"a: creation of task {task.id}, uncertain -> applied. Looked for" in done.output
    assert links(stage) == {"a": task.id}
    stage.run(*HEADS, creation("a"), renewed("a", "B"))
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 1
    assert stage.sandbox.task(task.id).template.body == "B"
    assert resolve(stage).output.startswith("Nothing is open")


def test_a_creation_by_address_is_looked_for_by_the_id_that_was_found(stage: Stage) -> None:
    """The ledger keeps what the address stood for."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    new = creation("a", contactId=None, contactEmail="ada@example.com")
    in_doubt(stage, new, Endpoint.CREATE, When.AFTER)
    assert resolve(stage).exit_code == 0
    assert stage.fate()["outcome"] == "applied"
    assert stage.sandbox.calls_of(Endpoint.FILTER)[-1].body["contactId"] == 1001


def test_what_is_not_there_waits_for_a_word(stage: Stage) -> None:
    """Not sent: rejected, and the next run creates it, once."""
    before = in_doubt(stage, creation("a"), Endpoint.CREATE, When.BEFORE)
    looked = resolve(stage)
    assert looked.exit_code == 2
    assert "no such task is there" in looked.output
    assert f"--as sent --task ID {before[:12]}" in looked.output
    assert resolve(stage, "--as", "not-sent", before[:12]).exit_code == 0
    assert stage.fate()["reason"] == "execution_failed"
    stage.run(*HEADS, creation("a"), creation("a"))
    assert len(made(stage.sandbox)) == 1
    assert stage.fate()["outcome"] == "applied"


def test_after_a_word_a_late_creation_has_its_time(stage: Stage) -> None:
    """No state of a task refuses a second one: the next send waits for ``settle_seconds``."""
    before = in_doubt(stage, creation("a"), Endpoint.CREATE, When.BEFORE)
    resolve(stage, "--as", "not-sent", before)
    calls = len(stage.sandbox.calls_of(Endpoint.CREATE))
    planned = stage.plan(*HEADS, creation("a"), settle_seconds=3600).states
    assert planned[0]["would"] == "wait"
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == calls


def test_a_person_says_which_task_a_creation_made(stage: Stage) -> None:
    """It is linked; a task that is another's, or is not there, is refused, and so is no task."""
    stage.sandbox.create_task(7)
    stage.sandbox.create_task(8)
    stage.run(*HEADS, keyed("task_updates", "b", id=8, **NEW))
    before = in_doubt(stage, creation("a"), Endpoint.CREATE, When.BEFORE)
    for words, told in (
        (["--as", "sent", before], "say which one"),
        (["--as", "sent", "--task", "8", before], "another record's"),
        (["--as", "sent", "--task", "99", before], "Reply has no task 99"),
    ):
        refused = resolve(stage, *words)
        assert (refused.exit_code, told in refused.output) == (1, True), refused.output
    assert resolve(stage, "--as", "not-sent", "--task", "7", before).exit_code == 2
    assert stage.fate()["outcome"] == "uncertain"
    said = resolve(stage, "--as", "sent", "--task", "7", "--json", before)
    assert json.loads(said.stdout)[0] | {"detail": ""} == {
        "operation_id": before,
        "operation": "create",
        "task_id": 7,
        "external_id": "a",
        "was": "uncertain",
        "outcome": "applied",
        "reason": None,
        "detail": "",
    }
    assert links(stage) == {"a": 7, "b": 8}
    stage.run(*HEADS, creation("a"), keyed("task_executions", "a"))
    assert stage.sandbox.calls_of(Endpoint.CREATE)[1:] == []
    assert [call.task_id for call in stage.sandbox.calls_of(Endpoint.EXECUTE)] == [7]


def test_two_that_are_alike_are_no_bodys_guess(stage: Stage) -> None:
    """A task that either of two uncertain creations may have made stays for a person."""
    in_doubt(stage, creation("a"), Endpoint.CREATE, When.AFTER)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=When.BEFORE)
    stage.run(*HEADS, creation("b"), **HOLD)
    looked = resolve(stage)
    assert looked.exit_code == 2
    assert [row["outcome"] for row in stage.operations()] == ["uncertain", "uncertain"]


@pytest.mark.e2e
@pytest.mark.parametrize("settler", ["resolve", "run"])
def test_a_killed_creation_is_settled_by_what_comes_next(stage: Stage, settler: str) -> None:
    """SIGKILL when the task is made and nobody was told: it is found, and not made twice."""
    stage.sandbox.fault(FaultKind.STALL, endpoint=Endpoint.CREATE, when=When.AFTER)
    with TargetProcess(stage) as target:
        target.write(*HEADS, creation("a"))
        stage.sandbox.wait_for_calls(1, Endpoint.CREATE)  # and it is killed
    assert [row["task_id"] < 0 for row in stage.claims()] == [True]
    if settler == "resolve":
        done = resolve(stage)
        (task,) = made(stage.sandbox)
        assert f"a: creation of task {task.id}, claimed -> applied" in done.output
    stage.run(*HEADS, creation("a"), keyed("task_executions", "a"))
    (task,) = made(stage.sandbox)
    assert not stage.claims()
    assert [(row["operation"], row["outcome"], row["task_id"]) for row in stage.operations()] == [
        ("create", "applied", task.id),
        ("execute", "applied", task.id),
    ]
    assert links(stage) == {"a": task.id}


@pytest.mark.parametrize("word", ["sent", "not-sent"])
def test_a_word_on_what_a_dead_run_was_creating(stage: Stage, word: str) -> None:
    """The same as on an uncertain one: linked to the task that is named, or free to be created."""
    stage.sandbox.create_task(7)
    body = {"taskType": 7, **{name: NEW[name] for name in NEW if name != "taskType"}}
    left = stage.left_by_the_dead(key_of_external_id("a"), Operation.CREATE, body, "a")
    named = ["--task", "7"] if word == "sent" else []
    done = resolve(stage, "--as", word, *named, left)
    assert done.exit_code == 0, done.output
    assert links(stage) == ({"a": 7} if word == "sent" else {})
    stage.run(*HEADS, creation("a"))
    assert len(made(stage.sandbox)) == (0 if word == "sent" else 1)


@pytest.mark.parametrize("user_id", [1, 2])
def test_an_assignment_of_a_dead_run_is_seen_or_repeated(stage: Stage, user_id: int) -> None:
    """Applied where the task is assigned so; else the next run repeats it, which does no harm."""
    stage.sandbox.create_task(1)
    stage.left_by_the_dead(1, Operation.ASSIGN, {"userId": user_id})
    done = resolve(stage)
    told = "claimed -> applied" if user_id == 1 else "the next run of the target repeats"
    assert told in done.output
    stage.run(*HEADS)
    assert stage.sandbox.task(1).assigned_user_id == user_id
    assert [row["outcome"] for row in stage.operations()] == ["applied"]


@pytest.mark.parametrize(
    ("stream", "endpoint", "members", "fate"),
    [
        ("completions", Endpoint.COMPLETE, {}, ("uncertain", None)),
        ("completions", Endpoint.COMPLETE, {"finished_at": "now"}, ("applied", None)),
        ("completions", Endpoint.COMPLETE, {"finished_at": LONG_AGO}, ("rejected", "task_not_new")),
        ("deletions", Endpoint.DELETE, {}, ("uncertain", None)),
        ("deletions", Endpoint.DELETE, {"status": TaskStatus.CANCELLED}, ("applied", None)),
        ("deletions", Endpoint.DELETE, {"hidden": True}, ("applied", None)),
    ],
)
def test_what_the_task_says_decides(
    stage: Stage,
    stream: str,
    endpoint: Endpoint,
    members: dict[str, Any],
    fate: tuple[str, str | None],
) -> None:
    """Completions and deletions are read back; nothing is sent, and a memory of it stays."""
    stage.sandbox.create_task(1)
    before = in_doubt(stage, record(f"task_{stream}", {"id": 1}), endpoint, When.BEFORE)
    if "finished_at" in members:
        at = stage.fate()["settled_at"] if members["finished_at"] == "now" else LONG_AGO
        members = {"status": TaskStatus.FINISHED, "finished_at": at}
    stage.sandbox.edit_task(1, **members)
    sent = len(stage.sandbox.calls_of(endpoint))
    resolve(stage)
    row = stage.fate()
    assert (row["operation_id"], row["outcome"], row["reason"]) == (before, *fate)
    stage.run(*HEADS, record(f"task_{stream}", {"id": 1}))
    settled = fate[0] == "rejected"
    assert len(stage.sandbox.calls_of(endpoint)) == sent + settled


def test_what_waited_is_settled_with_what_it_waited_for(stage: Stage) -> None:
    """A completion after an uncertain execution, and another record of an uncertain creation."""
    stage.sandbox.create_task(1)
    in_doubt(stage, record("task_completions", {"id": 1}), Endpoint.COMPLETE, When.BEFORE)
    stage.run(*HEADS, record("task_completions", {"id": 1, "callResolution": 0}), **HOLD)
    first = in_doubt(stage, creation("a"), Endpoint.CREATE, When.BEFORE)
    stage.run(*HEADS, creation("a", contactId=5), **HOLD)
    waits = stage.fate()["operation_id"]
    refused = resolve(stage, "--as", "sent", "--task", "1", waits)
    assert "was never sent: it waits" in refused.output
    resolve(stage, "--as", "not-sent", first)
    rows = {row["operation_id"]: row for row in stage.operations()}
    assert (rows[waits]["outcome"], rows[waits]["task_id"]) == ("rejected", None)
    assert "did not happen" in rows[waits]["detail"]
    stage.sandbox.edit_task(1, status=TaskStatus.FINISHED, finished_at=rows[waits]["settled_at"])
    assert resolve(stage).exit_code == 0
    told = [(row["operation"], row["outcome"], row["reason"]) for row in stage.operations()]
    assert told[-2:] == [
        ("complete", "applied", None),
        ("complete", "rejected", "already_executed"),
    ]
