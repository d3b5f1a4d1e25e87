"""The table of answers: every kind of answer to every kind of call has one decision."""

import itertools
import json
from typing import Any

import pytest

from reply_tasks.api.answers import Answer, AnswerKind, read_answer
from reply_tasks.api.decisions import Action, Call, Decision, StopCause, decide
from reply_tasks.contract.outcomes import Reason

TASK = {"id": 42, "taskType": 7, "status": 1, "isFailed": False}
FAILED = {**TASK, "isFailed": True}


def answer(status: int, data: Any = None, headers: dict[str, str] | None = None) -> Answer:
    body = b"" if data is None else json.dumps(data).encode()
    return read_answer(status, headers or {}, body)


def unknown(detail: str) -> Answer:
    document = {"title": "Bad Request", "status": 400, "detail": detail, "code": "task.unknown"}
    return answer(400, document)


def business(status: int, code: str, detail: str = "") -> Answer:
    return answer(status, {"title": "No", "status": status, "detail": detail, "code": code})


def validation(detail: str, pointer: str = "") -> Answer:
    document = {
        "title": "Validation failed",
        "status": 400,
        "detail": "The request body contains validation errors.",
        "errors": [{"pointer": pointer, "detail": detail}],
    }
    return answer(400, document)


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
    documents: list[Any] = [None, TASK, FAILED, {"code": "task.unknown"}, [], "x"]
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
        assert (made.task is not None) == (made.action in {Action.APPLIED, Action.EXECUTION_FAILED})
        assert made.task is None or made.task.id == 42
        assert made.wait is None or made.action in {Action.WAIT, Action.REPEAT}


def test_an_execution_is_repeated_only_when_nothing_was_sent() -> None:
    """The first promise: at most once."""
    for got in every_answer():
        made = decide(Call.EXECUTE, got, task_id=42)
        if made.action is Action.REPEAT:
            assert got.kind is AnswerKind.NOT_CONNECTED
        if made.action is Action.WAIT:
            assert got.status == 429
        assert (made.action is Action.APPLIED) <= (got.data == TASK)


def test_only_executions_can_be_lost() -> None:
    """Everything else is safe to repeat."""
    for got, call in itertools.product(every_answer(), (Call.UPDATE, Call.READ)):
        assert decide(call, got, task_id=42).action is not Action.LOST


@pytest.mark.parametrize(
    ("call", "got", "reason"),
    [
        (Call.UPDATE, business(404, "task.notFound"), Reason.TASK_NOT_FOUND),
        (Call.UPDATE, answer(404), Reason.TASK_NOT_FOUND),
        (Call.READ, answer(404, {"title": "Not Found", "errorCode": 3}), Reason.TASK_NOT_FOUND),
        (Call.EXECUTE, business(404, "task.notFound"), Reason.TASK_NOT_FOUND),
        (Call.EXECUTE, business(409, "task.cannotComplete"), Reason.TASK_NOT_NEW),
        (Call.EXECUTE, business(409, "task.renderError"), Reason.RENDER_ERROR),
        (
            Call.EXECUTE,
            answer(409, {"errorCode": 12, "detail": "The task is already finished."}),
            Reason.TASK_NOT_NEW,
        ),
        (
            Call.EXECUTE,
            answer(409, {"errorCode": 13, "detail": "The template could not be rendered."}),
            Reason.RENDER_ERROR,
        ),
        (Call.EXECUTE, answer(409), Reason.API_REJECTED),
        (Call.EXECUTE, business(409, "task.somethingElse", "Try it."), Reason.API_REJECTED),
        (Call.UPDATE, unknown("Only tasks with 'New' status can be edited."), Reason.TASK_NOT_NEW),
        (Call.UPDATE, unknown("canOnlyEditNewTasks"), Reason.TASK_NOT_NEW),
        (Call.UPDATE, unknown("Can only edit new tasks"), Reason.TASK_NOT_NEW),
        (Call.UPDATE, unknown("The task status must be NEW."), Reason.TASK_NOT_NEW),
        (Call.UPDATE, unknown("cannotChangeSequenceTaskType"), Reason.SEQUENCE_IMMUTABLE),
        (Call.UPDATE, unknown("cannotChangeSequenceTaskContact"), Reason.SEQUENCE_IMMUTABLE),
        (
            Call.UPDATE,
            unknown("Type of a sequence task cannot be changed."),
            Reason.SEQUENCE_IMMUTABLE,
        ),
        (
            Call.UPDATE,
            unknown("Sequence task type and contact cannot be changed."),
            Reason.SEQUENCE_IMMUTABLE,
        ),
        (Call.UPDATE, unknown("renderError"), Reason.RENDER_ERROR),
        (Call.UPDATE, unknown("Template rendering failed: unknown field."), Reason.RENDER_ERROR),
        (Call.UPDATE, unknown("invalidDates"), Reason.API_REJECTED),
        (Call.UPDATE, unknown("Sequence 12 was not found."), Reason.API_REJECTED),
        (Call.UPDATE, unknown(""), Reason.API_REJECTED),
        (Call.UPDATE, unknown("Only renewals can be edited."), Reason.API_REJECTED),
        (Call.UPDATE, unknown("The new contact cannot be found."), Reason.API_REJECTED),
        (
            Call.EXECUTE,
            validation("Task type does not support execution."),
            Reason.NOT_EXECUTABLE,
        ),
        (Call.EXECUTE, validation("Executing is unsupported."), Reason.NOT_EXECUTABLE),
        (Call.EXECUTE, validation("Field is required.", "/content"), Reason.API_REJECTED),
        (
            Call.UPDATE,
            validation("Task type does not support execution."),
            Reason.API_REJECTED,
        ),
        (
            Call.UPDATE,
            validation("'dueTo' must be after 'startAt'.", "/dueTo"),
            Reason.API_REJECTED,
        ),
        (Call.UPDATE, answer(422, {"detail": "canOnlyEditNewTasks"}), Reason.API_REJECTED),
        (Call.EXECUTE, answer(400), Reason.API_REJECTED),
    ],
)
def test_the_reason_of_a_refusal(call: Call, got: Answer, reason: Reason) -> None:
    """One code covers several rules; the words tell them apart, and doubt is `api_rejected`."""
    made = decide(call, got, task_id=42)
    assert (made.action, made.reason) == (Action.REJECTED, reason)
    assert made.detail


def test_a_failed_execution_keeps_what_reply_returned() -> None:
    """200 with isFailed: the e-mail did not leave, and the task is the evidence."""
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


@pytest.mark.parametrize(
    ("got", "cause", "says"),
    [
        (answer(401), StopCause.UNAUTHORIZED, ["401", "api_key", "api_dialect", "Bearer"]),
        (answer(401), StopCause.UNAUTHORIZED, ["`current`", "`preview`", "X-API-Key"]),
        (business(401, "USER_NOT_FOUND"), StopCause.UNAUTHORIZED, ["USER_NOT_FOUND", "user_id"]),
        (
            answer(403, {"code": "TEAM_REQUIRED", "teams": [{"teamId": 1045, "teamName": "Acme"}]}),
            StopCause.FORBIDDEN,
            ["TEAM_REQUIRED", "1045 (Acme)", "team_id"],
        ),
        (business(403, "TEAM_NOT_ACCESSIBLE"), StopCause.FORBIDDEN, ["team_id"]),
        (business(403, "USER_REQUIRED"), StopCause.FORBIDDEN, ["USER_REQUIRED", "user_id"]),
        (
            answer(403, {"error": "insufficient_scope"}),
            StopCause.FORBIDDEN,
            ["insufficient_scope", "The key needs the scope tasks:"],
        ),
        (
            answer(403, {"reasons": []}),
            StopCause.FORBIDDEN,
            ["403", "The key needs the scope tasks:"],
        ),
        (
            business(403, "task.forbidden", "Feature scopes [ManageTask] are denied for userId 1."),
            StopCause.FORBIDDEN,
            ["task.forbidden", "ManageTask", "administrator"],
        ),
        (answer(302), StopCause.REDIRECT, ["302", "api_url answers with a redirect"]),
    ],
)
def test_a_stop_says_what_to_do(got: Answer, cause: StopCause, says: list[str]) -> None:
    """With the problem's code, and the setting to change."""
    for call in Call:
        made = decide(call, got, task_id=42)
        lost = call is Call.EXECUTE and cause is StopCause.REDIRECT
        assert (made.action, made.stop) == (Action.LOST if lost else Action.STOP, cause)
        assert all(words in made.detail for words in says), made.detail
        assert "\n" not in made.detail


def test_a_read_of_no_single_task_is_applied_by_any_object() -> None:
    """A page is no task; what it holds is the reader's matter."""
    page = answer(200, {"items": [], "hasMore": False})
    assert decide(Call.READ, page, task_id=None) == Decision(Action.APPLIED)
    for unreadable in (answer(200), answer(200, [TASK]), answer(200, "x")):
        assert decide(Call.READ, unreadable, task_id=None).action is Action.REPEAT
    assert decide(Call.UPDATE, page, task_id=None).action is Action.REPEAT
    assert decide(Call.EXECUTE, page, task_id=None).action is Action.LOST


def test_a_403_names_only_the_scope_of_the_call() -> None:
    """A key for updates alone needs no scope for executions."""
    scopes = {Call.READ: "tasks:read", Call.UPDATE: "tasks:write", Call.EXECUTE: "tasks:operate"}
    for call, scope in scopes.items():
        detail = decide(call, answer(403, {"error": "insufficient_scope"}), task_id=1).detail
        assert f"The key needs the scope {scope}" in detail


@pytest.mark.parametrize(
    ("got", "of_user"),
    [
        (business(401, "USER_NOT_FOUND"), True),
        (business(403, "USER_REQUIRED"), True),
        (
            business(403, "task.forbidden", "Feature scopes [ManageTask] are denied for userId 1."),
            True,
        ),
        (answer(403, {"reasons": []}), True),
        (answer(401), False),
        (answer(403, {"error": "insufficient_scope"}), False),
        (business(403, "TEAM_NOT_ACCESSIBLE"), False),
    ],
)
def test_a_refusal_is_of_the_user_or_of_the_key(got: Answer, *, of_user: bool) -> None:
    """Another user may be accepted; a key that is refused is refused to all."""
    assert decide(Call.EXECUTE, got, task_id=1).of_user is of_user


@pytest.mark.parametrize("call", [Call.UPDATE, Call.EXECUTE])
@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (400, "Values of these variables are missing or incorrect: FirstName."),
        (409, "Some template variables could not be resolved."),
        (400, "Missing variable value: Company"),
    ],
)
def test_values_that_are_missing_are_a_render_error(call: Call, status: int, detail: str) -> None:
    """However Reply puts it, the template can't be filled in."""
    made = decide(call, business(status, "task.unknown", detail), task_id=1)
    assert (made.action, made.reason) == (Action.REJECTED, Reason.RENDER_ERROR)


@pytest.mark.parametrize(
    ("got", "unproven"),
    [
        (answer(404), True),
        (answer(405), True),
        (answer(415), True),
        (answer(404, {"error": "not_found"}), True),
        (business(404, "task.notFound"), False),
        (answer(404, {"errorCode": 7}), False),
        (answer(400), False),
    ],
)
def test_a_refusal_without_a_code_of_reply_s_is_unproven(got: Answer, *, unproven: bool) -> None:
    """A gateway and a wrong path answer so, too."""
    assert decide(Call.UPDATE, got, task_id=1).unproven is unproven
