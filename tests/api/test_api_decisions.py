"""The table of answers: every kind of answer to every kind of call has one decision."""

import itertools
from typing import Any

import pytest
from api_answers import answer

from reply_tasks.api.answers import Answer, AnswerKind, read_answer
from reply_tasks.api.calls import IRREVERSIBLE_CALLS, Call
from reply_tasks.api.decisions import Action, Decision, StopCause, decide
from reply_tasks.contract.outcomes import Reason

TASK = {"id": 42, "taskType": 7, "status": 1, "isFailed": False}
FAILED = {**TASK, "isFailed": True}
NEW = {**TASK, "status": 0}


#: (answer, what follows for an update or a read, what follows for an execution)
TABLE = [
    pytest.param(answer(200, TASK), Action.APPLIED, Action.APPLIED, id="2xx and the task"),
    pytest.param(answer(201, TASK), Action.APPLIED, Action.APPLIED, id="201 and the task"),
    pytest.param(
        answer(200, {**TASK, "status": "finished", "taskType": "sms"}),
        Action.APPLIED,
        Action.APPLIED,
        id="2xx and the task, in names",
    ),
    pytest.param(answer(200, FAILED), Action.APPLIED, Action.EXECUTION_FAILED, id="2xx, isFailed"),
    *(
        pytest.param(
            answer(200, {**TASK, "status": status}),
            Action.APPLIED,
            Action.LOST,
            id=f"hollow, {status}",
        )
        for status in (0, "new", 3, "archived", 77, None)
    ),
    pytest.param(
        answer(200, {**FAILED, "status": 0}), Action.APPLIED, Action.LOST, id="hollow, isFailed"
    ),
    pytest.param(answer(200), Action.REPEAT, Action.LOST, id="2xx and no body"),
    pytest.param(answer(204), Action.REPEAT, Action.LOST, id="204"),
    pytest.param(answer(200, "ok"), Action.REPEAT, Action.LOST, id="2xx and no object"),
    pytest.param(answer(200, {"ok": True}), Action.REPEAT, Action.LOST, id="2xx and no task"),
    pytest.param(answer(200, [TASK]), Action.REPEAT, Action.LOST, id="2xx and a list"),
    pytest.param(answer(200, {**TASK, "id": 43}), Action.REPEAT, Action.LOST, id="another task"),
    pytest.param(
        read_answer(200, {}, None), Action.REPEAT, Action.LOST, id="2xx and an undecodable body"
    ),
    *(
        pytest.param(answer(status), Action.REJECTED, Action.REJECTED, id=str(status))
        for status in (400, 402, 404, 405, 409, 410, 411, 412, 413, 414, 415, 422, 423, 426, 428)
    ),
    *(
        pytest.param(answer(status), Action.REJECTED, Action.LOST, id=str(status))
        for status in (406, 407, 416, 417, 418, 424, 499)
    ),
    *(
        pytest.param(answer(status), Action.REPEAT, Action.LOST, id=str(status))
        for status in (408, 421, 425)
    ),
    pytest.param(answer(401), Action.STOP, Action.STOP, id="401"),
    pytest.param(answer(403), Action.STOP, Action.STOP, id="403"),
    pytest.param(answer(429), Action.WAIT, Action.WAIT, id="429"),
    *(
        pytest.param(answer(status), Action.STOP, Action.LOST, id=str(status))
        for status in (301, 302, 303, 304, 307, 308)
    ),
    *(
        pytest.param(answer(status), Action.REPEAT, Action.LOST, id=str(status))
        for status in (500, 501, 502, 503, 504, 520, 599, 600, 999)
    ),
    pytest.param(
        Answer(AnswerKind.NOT_CONNECTED, error="refused"),
        Action.REPEAT,
        Action.REPEAT,
        id="no way in",
    ),
    pytest.param(
        Answer(AnswerKind.LOST, error="timed out"), Action.REPEAT, Action.LOST, id="lost answer"
    ),
    *(
        pytest.param(
            Answer(AnswerKind.LOST, status, error="x"),
            Action.REPEAT,
            Action.LOST,
            id=f"lost {status}",
        )
        for status in (103, 200, 400, 401, 409, 429, 500)
    ),
]


@pytest.mark.parametrize(("got", "update_or_read", "execution"), TABLE)
def test_the_table_of_answers(got: Answer, update_or_read: Action, execution: Action) -> None:
    """Exactly the table: an update and a read repeat where an execution is lost."""
    assert decide(Call.UPDATE, got, task_id=42).action is update_or_read
    assert decide(Call.READ, got, task_id=42).action is update_or_read
    assert decide(Call.EXECUTE, got, task_id=42).action is execution


def every_answer() -> list[Answer]:
    documents: list[Any] = [None, TASK, FAILED, NEW, {"code": "task.unknown"}, [], "x"]
    whole = [answer(status, data) for status in range(200, 1000) for data in documents]
    kinds = [kind for kind in AnswerKind if kind is not AnswerKind.RESPONSE]
    broken = [Answer(kind, status) for kind in kinds for status in (None, 200, 409, 500)]
    return [*whole, *broken, Answer(AnswerKind.RESPONSE)]


def test_every_answer_has_a_consistent_decision() -> None:
    """No status and no kind is left out, and no decision contradicts itself."""
    for got, call in itertools.product(every_answer(), Call):
        made = decide(call, got, task_id=42)
        rejected = made.action in {Action.REJECTED, Action.EXECUTION_FAILED}
        assert (made.reason is not None) == rejected
        assert (made.stop is not None) == (
            made.action is Action.STOP or made.stop is StopCause.REDIRECT
        )
        done = made.action in {Action.APPLIED, Action.EXECUTION_FAILED}
        assert (made.task is not None) == (done and call is not Call.DELETE)
        assert made.task is None or made.task.id == 42
        assert made.wait is None or made.action in {Action.WAIT, Action.REPEAT}


@pytest.mark.parametrize("call", sorted(IRREVERSIBLE_CALLS))
def test_what_can_not_be_undone_is_repeated_only_when_nothing_was_sent(call: Call) -> None:
    """The first promise: at most once."""
    for got in every_answer():
        made = decide(call, got, task_id=42)
        if made.action is Action.REPEAT:
            assert got.kind is AnswerKind.NOT_CONNECTED
        if made.action is Action.WAIT:
            assert got.status == 429
        if made.action is not Action.APPLIED:
            continue
        match call:
            case Call.DELETE:
                assert got.status == 204
            case Call.CREATE:
                assert got.data == NEW
            case Call.COMPLETE:
                assert got.data in (TASK, FAILED)
            case _:
                assert got.data == TASK


def test_only_what_can_not_be_undone_can_be_lost() -> None:
    """Everything else is safe to repeat."""
    for got, call in itertools.product(every_answer(), set(Call) - IRREVERSIBLE_CALLS):
        assert decide(call, got, task_id=42).action is not Action.LOST


def test_a_failed_execution_keeps_what_reply_returned() -> None:
    """200 with isFailed: the email did not leave, and the task is the evidence."""
    made = decide(Call.EXECUTE, answer(200, FAILED), task_id=42)
    assert made.reason is Reason.EXECUTION_FAILED
    assert made.task is not None
    assert made.task.raw == FAILED


def test_a_429_waits_as_long_as_it_says() -> None:
    """Nothing was done, so even an execution goes out again."""
    got = answer(429, headers={"retry-after": "17"})
    for call in Call:
        assert decide(call, got, task_id=42).wait == 17.0
    assert decide(Call.UPDATE, answer(429), task_id=42).wait is None


def test_a_503_that_says_when_is_repeated_then() -> None:
    """Retry-After is heeded wherever it is sent."""
    got = answer(503, headers={"retry-after": "5"})
    assert decide(Call.READ, got, task_id=42).wait == 5.0


def test_a_read_of_no_single_task_is_applied_by_any_object_or_list() -> None:
    """A page is no task; what it holds is the reader's matter."""
    page = answer(200, {"items": [], "hasMore": False})
    for readable in (page, answer(200, [TASK])):
        assert decide(Call.READ, readable, task_id=None) == Decision(Action.APPLIED)
    for unreadable in (answer(200), answer(200, "x")):
        assert decide(Call.READ, unreadable, task_id=None).action is Action.REPEAT
    assert decide(Call.UPDATE, page, task_id=None).action is Action.REPEAT
    assert decide(Call.EXECUTE, page, task_id=None).action is Action.LOST
