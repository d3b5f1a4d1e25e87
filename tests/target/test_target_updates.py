"""Updates in replace mode: what is sent, what is spared, and in which order."""

from collections.abc import Iterator

from messages import Message, execution, state, update
from target_runs import Stage

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox import Endpoint, FaultKind

#: Long enough for a run to read all of a short input while a call is under way.
A_WHILE = 0.3


def _bodies(stage: Stage, task_id: int = 1) -> list[str]:
    """The template bodies that were put, in order."""
    return [body["template"]["body"] for body in stage.bodies(task_id=task_id)]


def _text(body: str) -> dict[str, str]:
    return {"body": body}


def test_an_update_is_one_call(stage: Stage) -> None:
    """Replacing needs no read."""
    stage.sandbox.create_task(1)
    stage.run(update(1))
    assert [call.endpoint for call in stage.sandbox.calls] == [Endpoint.UPDATE]


def test_the_same_input_twice_makes_no_call(stage: Stage) -> None:
    """Updates and executions of a second run are all known."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    messages = [update(1), update(2), execution(3), state({"at": 3})]
    stage.run(*messages)
    calls = len(stage.sandbox.calls)
    ended = stage.run(*messages)
    assert len(stage.sandbox.calls) == calls
    assert ended.states == [{"at": 3}]
    assert len(stage.fates()) == 3
    last = stage.runs()[-1]
    assert (last["unchanged"], last["repeated"]) == (3, 3)
    assert "0 calls made" in ended.last_line


def test_without_skip_unchanged_every_update_is_sent(stage: Stage) -> None:
    """A team that also edits in Reply can have its records applied again."""
    stage.sandbox.create_task(1)
    for _ in range(2):
        stage.run(update(1), skip_unchanged=False)
    assert len(stage.sandbox.calls) == 2
    assert stage.fates() == [(1, "applied", None)] * 2


def test_unchanged_compares_with_the_last_body_only(stage: Stage) -> None:
    """A, then B, then A, one a run: three calls, and the task ends at A."""
    stage.sandbox.create_task(1)
    for body in ("A", "B", "A"):
        stage.run(update(1, template=_text(body)))
    assert _bodies(stage) == ["A", "B", "A"]
    assert stage.sandbox.task(1).template.body == "A"


def test_a_b_a_in_one_run_ends_at_a(stage: Stage) -> None:
    """Whatever is superseded on the way, the last record counts."""
    stage.sandbox.create_task(1)
    stage.run(*(update(1, template=_text(body)) for body in ("A", "B", "A")))
    assert stage.sandbox.task(1).template.body == "A"
    assert [outcome for _, outcome, _ in stage.fates()].count("applied") >= 1


def test_b_a_after_a_needs_no_call(stage: Stage) -> None:
    """B is superseded by an A that is already there."""
    for task_id in (1, 9):
        stage.sandbox.create_task(task_id)
    stage.run(update(1, template=_text("A")))
    stage.sandbox.fault(FaultKind.LATENCY, task_id=9, seconds=A_WHILE)
    stage.run(
        update(9),
        update(1, template=_text("B")),
        update(1, template=_text("A")),
        concurrency=1,
        keep_repeats=True,
    )
    assert _bodies(stage) == ["A"]
    assert sorted(outcome for task, outcome, _ in stage.fates()[1:] if task == 1) == [
        "superseded",
        "unchanged",
    ]


def test_an_update_that_was_not_sent_is_superseded_by_a_later_one(stage: Stage) -> None:
    """Only the last body goes out; the others name the operation that replaced them."""
    for task_id in (1, 9):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault(FaultKind.LATENCY, task_id=9, seconds=A_WHILE)
    stage.run(
        update(9), *(update(1, template=_text(body)) for body in ("A", "B", "C")), concurrency=1
    )
    assert _bodies(stage) == ["C"]
    mine = [row for row in stage.operations() if row["task_id"] == 1]
    assert [row["outcome"] for row in mine] == ["superseded", "superseded", "applied"]
    assert mine[1]["operation_id"] in mine[0]["detail"]
    assert mine[2]["operation_id"] in mine[1]["detail"]


def test_an_update_under_way_is_never_superseded(stage: Stage) -> None:
    """What has been sent is settled by its answer; the later one follows it."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.LATENCY, task_id=1, seconds=A_WHILE)

    def messages() -> Iterator[Message]:
        yield update(1, template=_text("A"))
        stage.sandbox.wait_for_calls(1)
        yield update(1, template=_text("B"))

    stage.run_while(messages())
    assert _bodies(stage) == ["A", "B"]
    assert stage.fates() == [(1, "applied", None)] * 2


def test_no_update_is_superseded_across_an_execution(stage: Stage) -> None:
    """The email must go out with what the update before it said."""
    for task_id in (1, 9):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault(FaultKind.LATENCY, task_id=9, seconds=A_WHILE)
    stage.run(
        update(9),
        update(1, taskType="manualEmail", template={"body": "A", "subject": "S"}),
        execution(1),
        update(1, template=_text("B")),
        concurrency=1,
    )
    assert [sent.body for sent in stage.sandbox.outbox] == ["A"]
    mine = [(outcome, reason) for task, outcome, reason in stage.fates() if task == 1]
    assert mine == [("applied", None), ("applied", None), ("rejected", "task_not_new")]


def test_records_of_one_task_keep_their_order_across_streams(stage: Stage) -> None:
    """Update, execute, execute again, update: in that order, at any concurrency."""
    for task_id in range(1, 9):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault(FaultKind.LATENCY, endpoint=Endpoint.UPDATE, times=None, seconds=0.02)
    messages = [
        message
        for task_id in range(1, 9)
        for message in (
            update(task_id, taskType=7, template={"body": f"for {task_id}", "subject": "S"}),
            execution(task_id, externalId="first"),
            execution(task_id, externalId="second"),
        )
    ]
    stage.run(*messages, concurrency=8)
    assert sorted(sent.body for sent in stage.sandbox.outbox) == [f"for {n}" for n in range(1, 9)]
    for task_id in range(1, 9):
        mine = [(outcome, reason) for task, outcome, reason in stage.fates() if task == task_id]
        assert mine == [("applied", None), ("applied", None), ("rejected", "already_executed")]


def test_a_rejected_update_does_not_count_as_the_last_body(stage: Stage) -> None:
    """Once the task can be edited again, the same record is sent again."""
    stage.sandbox.create_task(1, status=TaskStatus.FINISHED)
    stage.run(update(1))
    stage.sandbox.edit_task(1, status=TaskStatus.NEW)
    stage.run(update(1))
    assert stage.fates() == [(1, "rejected", "task_not_new"), (1, "applied", None)]


def test_two_spellings_of_one_body_are_the_same_body(stage: Stage) -> None:
    """What is unchanged is decided on the canonical form."""
    stage.sandbox.create_task(1)
    stage.run(update(1, startAt="2027-03-01T10:00:00+01:00", taskType="2"))
    again = update("1", startAt="2027-03-01T09:00:00.000Z", taskType="CALL", contactId="1001")
    stage.run(again, keep_repeats=True)
    assert stage.fates() == [(1, "applied", None), (1, "unchanged", None)]


def test_an_update_is_repeated_until_reply_confirms_it(stage: Stage) -> None:
    """A full replacement does no harm twice, so trouble on the wire is no outcome."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.UNAVAILABLE)
    stage.sandbox.fault(FaultKind.GARBAGE, nth=2)
    assert stage.run(update(1)).exit_code == 0
    row = stage.fate()
    assert (row["outcome"], row["api_calls"]) == ("applied", 3)
    assert [attempt["status"] for attempt in row["attempts"]] == [503, 200, 200]
