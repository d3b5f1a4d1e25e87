"""What Reply's refusal means: of the record, of the user, of the key, or of nobody yet."""

import pytest
from api_answers import answer, business, unknown, validation

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import IRREVERSIBLE_CALLS, Call
from reply_tasks.api.decisions import Action, StopCause, decide
from reply_tasks.contract.outcomes import Reason


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
        lost = call in IRREVERSIBLE_CALLS and cause is StopCause.REDIRECT
        assert (made.action, made.stop) == (Action.LOST if lost else Action.STOP, cause)
        assert all(words in made.detail for words in says), made.detail
        assert "\n" not in made.detail


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
