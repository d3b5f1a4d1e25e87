"""The answer to a call for many tasks: what follows for the call, and for each of them."""

from typing import Any

import pytest
from api_answers import answer, business

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.batches import decide_batch
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action
from reply_tasks.contract.outcomes import Reason

IDS = (1, 2, 3)

#: (answer, what follows for what can't be undone, what follows for an assignment)
TABLE = [
    pytest.param(answer(200, {}), Action.APPLIED, Action.APPLIED, id="nothing failed"),
    pytest.param(answer(200), Action.LOST, Action.REPEAT, id="no body"),
    pytest.param(answer(204), Action.LOST, Action.REPEAT, id="204"),
    pytest.param(answer(202, {}), Action.LOST, Action.REPEAT, id="202"),
    pytest.param(answer(200, []), Action.LOST, Action.REPEAT, id="a list"),
    pytest.param(answer(200, "ok"), Action.LOST, Action.REPEAT, id="a text"),
    pytest.param(answer(200, {"ok": True}), Action.LOST, Action.REPEAT, id="no task's id"),
    pytest.param(answer(200, {"9": {}}), Action.LOST, Action.REPEAT, id="another task"),
    pytest.param(answer(400), Action.REJECTED, Action.REJECTED, id="400"),
    pytest.param(answer(404), Action.REJECTED, Action.REJECTED, id="404"),
    pytest.param(answer(401), Action.STOP, Action.STOP, id="401"),
    pytest.param(answer(403), Action.STOP, Action.STOP, id="403"),
    pytest.param(answer(429), Action.WAIT, Action.WAIT, id="429"),
    pytest.param(answer(302), Action.LOST, Action.STOP, id="302"),
    pytest.param(answer(503), Action.LOST, Action.REPEAT, id="503"),
    pytest.param(
        Answer(AnswerKind.NOT_CONNECTED, error="refused"), Action.REPEAT, Action.REPEAT, id="no way"
    ),
    pytest.param(Answer(AnswerKind.LOST, error="reset"), Action.LOST, Action.REPEAT, id="lost"),
]


@pytest.mark.parametrize(("got", "once", "again"), TABLE)
def test_what_follows_for_the_call(got: Answer, once: Action, again: Action) -> None:
    """Only a dictionary of our tasks is an answer; on doubt, only what is harmless is repeated."""
    assert decide_batch(Call.COMPLETE, got, IDS).action is once
    assert decide_batch(Call.DELETE, got, IDS).action is once
    assert decide_batch(Call.ASSIGN, got, IDS).action is again


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"error": "notFound", "errorDetails": None}, Reason.TASK_NOT_FOUND),
        ({"error": "NotFound"}, Reason.TASK_NOT_FOUND),
        ({"error": 1, "errorDetails": "gone"}, Reason.TASK_NOT_FOUND),
        (1, Reason.TASK_NOT_FOUND),
        ("notFound", Reason.TASK_NOT_FOUND),
        ({"error": "cannotComplete", "errorDetails": "no"}, Reason.TASK_NOT_NEW),
        ({"error": 7}, Reason.TASK_NOT_NEW),
        ({"error": "other", "errorDetails": "Only new tasks may change."}, Reason.TASK_NOT_NEW),
        ({"error": "other"}, Reason.API_REJECTED),
        ({}, Reason.API_REJECTED),
        (None, Reason.API_REJECTED),
    ],
)
def test_a_failed_task_has_the_reason_of_a_call_of_its_own(item: Any, reason: Reason) -> None:
    """Whatever spelling its error has; the others of the call are applied."""
    decision = decide_batch(Call.COMPLETE, answer(200, {"2": item}), IDS)
    failed = decision.of_task(2)
    assert (failed.action, failed.reason) == (Action.REJECTED, reason)
    assert failed.detail
    assert decision.of_task(1).action is Action.APPLIED


def test_a_stranger_is_refused_for_all_of_them() -> None:
    """A 403 that speaks of the assignee says that nothing was assigned."""
    got = business(403, "task.forbidden", "User 7 is not a member of the caller's team.")
    decision = decide_batch(Call.ASSIGN, got, IDS)
    assert {decision.of_task(n).reason for n in IDS} == {Reason.USER_REFUSED}
