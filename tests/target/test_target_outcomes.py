"""Every record ends in one outcome, with its reason, and the ledger says so."""

from datetime import UTC, datetime
from typing import Any

import pytest
from messages import execution, record, schema, state, update
from target_runs import Stage

from reply_tasks.contract.enums import CreationSource, TaskStatus, TaskType
from reply_tasks.sandbox import Endpoint, Fault, FaultKind, Template, When
from reply_tasks.sandbox.messages import Answer


def test_an_applied_update_is_kept_with_the_task_that_reply_returned(stage: Stage) -> None:
    """The row says what was asked, what was called, what came back and when."""
    stage.sandbox.create_task(1)
    ended = stage.run(update(1, externalId="crm-1"), state({"at": 1}))
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])
    row = stage.fate()
    assert (row["stream"], row["operation"], row["task_id"]) == ("task_updates", "update", 1)
    assert (row["outcome"], row["reason"], row["external_id"]) == ("applied", None, "crm-1")
    assert (row["http_status"], row["api_calls"], row["record"]) == (200, 1, None)
    assert row["task_detail"]["template"]["body"] == "Ask about the renewal."
    assert [attempt["call"] for attempt in row["attempts"]] == ["update"]
    assert row["received_at"] <= row["claimed_at"] <= row["settled_at"] <= datetime.now(UTC)
    assert stage.sandbox.task(1).task_type is TaskType.CALL


def test_an_applied_execution_was_sent_once(stage: Stage) -> None:
    """The outbox holds one email, with the record's content."""
    stage.sandbox.create_task(1)
    ended = stage.run(execution(1, content={"body": "Hello.", "subject": "Hi"}))
    assert ended.exit_code == 0
    assert [(sent.task_id, sent.body, sent.subject) for sent in stage.sandbox.outbox] == [
        (1, "Hello.", "Hi")
    ]
    assert stage.fates() == [(1, "applied", None)]
    assert stage.fate()["task_detail"]["finishedAt"] is not None


def _finished(stage: Stage) -> None:
    stage.sandbox.create_task(1, status=TaskStatus.FINISHED)


def _cancelled(stage: Stage) -> None:
    stage.sandbox.create_task(1, status=TaskStatus.CANCELLED)


def _of_a_sequence(stage: Stage) -> None:
    stage.sandbox.create_task(1, creation_source=CreationSource.SEQUENCE, sequence_id=3)


def _call(stage: Stage) -> None:
    stage.sandbox.create_task(1, task_type=TaskType.CALL)


def _unrenderable(stage: Stage) -> None:
    stage.sandbox.create_task(1, template=Template("Hi {{Nobody}}", "Hi"))


def _undeliverable(stage: Stage) -> None:
    stage.sandbox.create_task(1, fails_delivery=True)


def _new(stage: Stage) -> None:
    stage.sandbox.create_task(1)


def _none(stage: Stage) -> None:
    del stage


class _Odd(Fault):
    """A refusal that no rule of the documentation explains."""

    def answer(self, success: int = 200) -> Answer:
        """Refuse with a code and words that nobody knows."""
        del success
        return Answer(409, b'{"title": "Conflict", "code": "task.odd", "detail": "Not today."}')


def _oddly_refused(stage: Stage) -> None:
    _new(stage)
    stage.sandbox.faults.add(_Odd(FaultKind.SERVER_ERROR))


@pytest.mark.parametrize(
    ("prepare", "message", "reason"),
    [
        (_none, update(404), "task_not_found"),
        (_none, execution(404), "task_not_found"),
        (_finished, update(1), "task_not_new"),
        (_cancelled, execution(1), "task_not_new"),
        (_of_a_sequence, update(1), "sequence_immutable"),
        (_call, execution(1), "not_executable"),
        (_undeliverable, execution(1), "execution_failed"),
        (_unrenderable, execution(1), "render_error"),
        (_new, update(1, template={"body": "Hi {{Nobody}}"}), "render_error"),
        (_oddly_refused, update(1), "api_rejected"),
        (_oddly_refused, execution(1), "api_rejected"),
        (_new, update(1, dueTo="2020-01-01"), "invalid_record"),
        (_new, execution("seven"), "invalid_record"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
def test_each_rejection_says_why(
    stage: Stage, prepare: Any, message: dict[str, Any], reason: str
) -> None:
    """The reason is one of the closed list; the record and what was said are kept."""
    prepare(stage)
    ended = stage.run(message, state({"at": 1}))
    row = stage.fate()
    assert (row["outcome"], row["reason"]) == ("rejected", reason)
    assert row["record"]["id"] == message["record"]["id"]
    assert row["detail"]
    if reason != "execution_failed":
        assert row["problem"]
    assert ended.states == [{"at": 1}], "a rejected record is settled"
    assert ended.exit_code == 2, "all records of the run were rejected"
    assert not stage.sandbox.outbox


def test_a_refused_record_keeps_the_problem_that_reply_sent(stage: Stage) -> None:
    """The document is kept whole, with its status."""
    _of_a_sequence(stage)
    stage.run(update(1))
    row = stage.fate()
    assert (row["http_status"], row["problem"]["code"]) == (400, "task.unknown")
    assert row["problem"]["detail"] in row["detail"]


def test_an_invalid_record_names_every_offending_member(stage: Stage) -> None:
    """One row, all violations by pointer, and no call."""
    stage.run(update(1, startAt="soon", taskType="fax", template={"body": " "}))
    problem = stage.fate()["problem"]
    assert {error["pointer"] for error in problem["errors"]} == {
        "/startAt",
        "/taskType",
        "/template/body",
    }
    assert not stage.sandbox.calls


def test_a_record_that_a_stream_map_fails_on_is_rejected_alone(stage: Stage) -> None:
    """``map_failed`` with the source's record; the next one goes on."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    body = dict(update(0)["record"])
    ended = stage.run(
        schema("crm", *body, "parts"),
        record("crm", {**body, "id": 1, "parts": 0}),
        record("crm", {**body, "id": 2, "parts": 4}),
        state({"at": 2}),
        stream_maps={"crm": {"__alias__": "task_updates", "contactId": "int(1000 / parts)"}},
    )
    assert ended.exit_code == 0
    assert ended.states == [{"at": 2}]
    by_reason = {row["reason"]: row for row in stage.operations()}
    assert set(by_reason) == {"map_failed", None}
    assert by_reason["map_failed"]["record"]["parts"] == 0
    assert "ZeroDivisionError" in by_reason["map_failed"]["detail"]
    assert stage.sandbox.task(2).contact_id == 250


def test_the_same_execution_read_again_is_unchanged(stage: Stage) -> None:
    """A replay of the record that executed a task makes no call."""
    stage.sandbox.create_task(1)
    stage.run(execution(1, externalId="a"))
    calls = len(stage.sandbox.calls)
    assert stage.run(execution(1, externalId="a"), keep_repeats=True).exit_code == 0
    assert stage.fates() == [(1, "applied", None), (1, "unchanged", None)]
    assert len(stage.sandbox.calls) == calls


@pytest.mark.parametrize(
    "other", [execution(1, externalId="b"), execution(1, externalId="a", content={"body": "New"})]
)
def test_another_execution_of_an_executed_task_is_rejected(
    stage: Stage, other: dict[str, Any]
) -> None:
    """``already_executed`` names the operation that did it, and makes no call."""
    stage.sandbox.create_task(1)
    stage.run(execution(1, externalId="a"))
    calls = len(stage.sandbox.calls)
    stage.run(other)
    first, second = stage.operations()
    assert (second["outcome"], second["reason"]) == ("rejected", "already_executed")
    assert first["operation_id"] in second["detail"]
    assert len(stage.sandbox.calls) == calls
    assert len(stage.sandbox.outbox) == 1


def test_an_execution_that_failed_is_not_tried_again(stage: Stage) -> None:
    """Reply has finished the task: another try could only be refused."""
    _undeliverable(stage)
    stage.run(execution(1))
    stage.run(execution(1))
    assert [reason for _, _, reason in stage.fates()] == ["execution_failed", "already_executed"]
    assert len(stage.sandbox.calls_of(Endpoint.EXECUTE)) == 1


def test_an_execution_that_reply_refused_may_be_replayed(stage: Stage) -> None:
    """What was certainly not executed stands in nobody's way."""
    _unrenderable(stage)
    stage.run(execution(1))
    stage.sandbox.edit_task(1, template=Template("Hi", "Hi"))
    stage.run(execution(1))
    assert stage.fates() == [(1, "rejected", "render_error"), (1, "applied", None)]


def test_a_lost_answer_that_can_not_be_explained_is_uncertain(stage: Stage) -> None:
    """With ``hold``, a task that stays New after a lost answer is left to a person."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE)
    ended = stage.run(execution(1), state({"at": 1}), on_lost_answer="hold")
    row = stage.fate()
    assert (row["outcome"], row["reason"]) == ("uncertain", None)
    assert "reply-tasks resolve" in row["detail"]
    assert row["record"] == {"id": 1}
    assert (ended.exit_code, ended.states) == (0, [{"at": 1}])
    again = stage.run(
        execution(1),
        execution(1, externalId="other"),
        on_lost_answer="verify",
        keep_repeats=True,
    )
    assert again.exit_code == 0
    assert [outcome for _, outcome, _ in stage.fates()] == ["uncertain"] * 3
    assert len(stage.sandbox.calls_of(Endpoint.EXECUTE)) == 1
    assert not stage.sandbox.outbox


def test_a_lost_answer_is_explained_by_reading_back(stage: Stage) -> None:
    """An email that left before the connection broke is applied, with the mark of its evidence."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, when=When.AFTER)
    assert stage.run(execution(1)).exit_code == 0
    row = stage.fate()
    assert row["outcome"] == "applied"
    assert row["detail"].startswith("Read back after a lost answer")
    assert [attempt["call"] for attempt in row["attempts"]] == ["execute", "read"]
    assert len(stage.sandbox.outbox) == 1


def test_every_record_has_one_row(stage: Stage) -> None:
    """Good, bad, repeated and replaced records: as many rows as records, each with an outcome."""
    for task_id in range(1, 6):
        stage.sandbox.create_task(task_id)
    messages = [
        *(update(task_id) for task_id in range(1, 6)),
        *(update(task_id, contactId=7) for task_id in range(1, 6)),
        *(execution(task_id) for task_id in range(1, 4)),
        *(execution(task_id) for task_id in range(1, 4)),
        *(update("x") for _ in range(3)),
    ]
    stage.run(*messages, keep_repeats=True)
    assert len(stage.operations()) == len(messages)
    assert not stage.claims()
    sequences = [row["sequence"] for row in stage.operations()]
    assert sequences == list(range(1, len(messages) + 1))
    run = stage.runs()[-1]
    counted = {name: run[name] for name in ("applied", "unchanged", "superseded", "rejected")}
    assert sum(counted.values()) == len(messages)
    assert run["exit_code"] == 0
    assert run["api_calls"] == len(stage.sandbox.calls)
