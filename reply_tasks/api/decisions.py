"""What follows from an answer: the table of answers, as one pure function.

An execution is never repeated on doubt: wherever it may have been sent, the decision is ``LOST``,
and the task must be read back first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from reply_tasks.api.answers import Answer, AnswerKind
from reply_tasks.api.calls import IRREVERSIBLE_CALLS, Call
from reply_tasks.api.problems import Problem
from reply_tasks.api.refusals import (
    ABOUT_REDIRECTS,
    is_about_the_assignee,
    is_about_the_user,
    mentions,
    reason_of,
    what_to_do_about_401,
    what_to_do_about_403,
)
from reply_tasks.contract.detail import TaskDetail, read_task_detail
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Reason


class Action(StrEnum):
    """What follows from an answer."""

    APPLIED = "applied"
    EXECUTION_FAILED = "execution_failed"
    REJECTED = "rejected"
    REPEAT = "repeat"
    WAIT = "wait"
    LOST = "lost"
    STOP = "stop"


class StopCause(StrEnum):
    """Why a run cannot go on: a person has to change something first."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one answer.

    Attributes:
        action: What follows.
        reason: Why the record is rejected (``REJECTED`` and ``EXECUTION_FAILED``).
        detail: One line for a person: what Reply said, or what went wrong.
        task: The task that Reply returned (``APPLIED`` and ``EXECUTION_FAILED``); None for a read
            that is not about one task.
        wait: Seconds that Reply asks to wait, where it said so (``WAIT`` and ``REPEAT``).
        stop: Why the run stops (``STOP``, and a ``LOST`` that is a redirect).
        problem: The problem document of a refusal, as Reply sent it.
        unproven: Whether a wrong path or a gateway may have refused, and not Reply.
        of_user: Whether the stop is about the user that the call acted as, not about the key.
        failed: Of a call for many tasks that was answered, what became of those that failed.
    """

    action: Action
    reason: Reason | None = None
    detail: str = ""
    task: TaskDetail | None = None
    wait: float | None = None
    stop: StopCause | None = None
    problem: Mapping[str, Any] | None = None
    unproven: bool = False
    of_user: bool = False
    failed: Mapping[int, "Decision"] | None = None

    def of_task(self, task_id: int) -> "Decision":
        """What follows for one of the tasks of a call for many."""
        return self if self.failed is None else self.failed.get(task_id, _DONE)


_DONE = Decision(Action.APPLIED)


def decide(  # noqa: PLR0911 - one return a row of the table
    call: Call, answer: Answer, *, task_id: int | None
) -> Decision:
    """What follows from ``answer``.

    Args:
        call: What was asked.
        answer: What came back.
        task_id: The task that was asked about: a 2xx with another task does not confirm it. None
            for a read that is not about one task (a list, who am I): any JSON object will do.
    """
    status = answer.status
    if answer.kind is AnswerKind.NOT_CONNECTED:
        return Decision(Action.REPEAT, detail=answer.error)
    if answer.kind is AnswerKind.LOST or status is None:
        return unsure(call, answer, answer.error)
    if answer.succeeded:
        return _confirmed(call, answer, task_id)
    problem = answer.problem or Problem("", status)
    if status == HTTPStatus.UNAUTHORIZED:
        stopped = _stopped(StopCause.UNAUTHORIZED, problem, what_to_do_about_401(problem))
        return replace(stopped, of_user=mentions(problem, "user"))
    if status == HTTPStatus.FORBIDDEN and call is Call.ASSIGN and is_about_the_assignee(problem):
        return Decision(  # the user that the task is to go to is not in the caller's team
            Action.REJECTED, Reason.USER_REFUSED, problem.summary(), problem=problem.raw or None
        )
    if status == HTTPStatus.FORBIDDEN:
        stopped = _stopped(StopCause.FORBIDDEN, problem, what_to_do_about_403(call, problem))
        return replace(stopped, of_user=is_about_the_user(problem))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Decision(Action.WAIT, detail=problem.summary(), wait=answer.retry_after)
    if status in _REDIRECTS:
        return _redirected(call, problem)
    if not _refuses(call, status):
        return unsure(call, answer, problem.summary())
    return Decision(
        Action.REJECTED,
        reason_of(call, status, problem),
        problem.summary(),
        problem=problem.raw or None,
        unproven=status in _OF_A_WRONG_PATH and not _REPLYS_CODE.fullmatch(problem.code or ""),
    )


def may_have_acted(call: Call, answer: Answer) -> bool:
    """Whether a call that changes something may have done so, judged by this answer alone."""
    if answer.kind is AnswerKind.NOT_CONNECTED:
        return False
    if answer.kind is AnswerKind.LOST or answer.status is None:
        return True
    return answer.status not in _REFUSALS_OF_THE_CALLER and not _refuses(call, answer.status)


_REFUSALS_OF_THE_CALLER = frozenset({401, 403, 429})
#: What a path that is wrong answers as well.
_OF_A_WRONG_PATH = frozenset({404, 405, 415})
#: Reply's codes: ``task.notFound``; the preview's are integers.
_REPLYS_CODE = re.compile(r"[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)+|[0-9]+")
_REDIRECTS = range(300, 400)
_REFUSALS = range(400, 500)
#: Answers of the 400s that refuse nothing for good: the request came too late, to the wrong server,
#: or too early.
_ASK_AGAIN = frozenset({408, 421, 425})
#: The answers after which it is certain that nothing was sent. The others of the 400s are not among
#: them: a server may find only after its work that it can't answer (406), a proxy may speak of
#: itself (499), and nobody knows what 418 means here.
_CERTAIN_REFUSALS = frozenset(
    {400, 402, 404, 405, 409, 410, 411, 412, 413, 414, 415, 422, 423, 426, 428, 431, 451}
)


def _refuses(call: Call, status: int) -> bool:
    """Whether a status says for certain that the call was refused and did nothing."""
    if call in IRREVERSIBLE_CALLS:
        return status in _CERTAIN_REFUSALS
    return status in _REFUSALS and status not in _ASK_AGAIN


def _confirmed(  # noqa: PLR0911 - one return for each way to say too little
    call: Call, answer: Answer, task_id: int | None
) -> Decision:
    if task_id is None and call is Call.READ:
        if isinstance(answer.data, dict | list):
            return Decision(Action.APPLIED)
        return unsure(call, answer, answer.error or "the answer is not JSON")
    if call is Call.DELETE:
        if answer.status == HTTPStatus.NO_CONTENT:
            return Decision(Action.APPLIED)  # there is no task to show
        return unsure(call, answer, f"the answer is {answer.status}, not 204")
    task = read_task_detail(answer.data)
    if task is None:
        return unsure(call, answer, answer.error or "the answer is not a task")
    if task_id is not None and task.id != task_id:
        return unsure(call, answer, f"the answer is about task {task.id}, not {task_id}")
    expected = _STATUS_AFTER.get(call)
    if expected is not None and task.status is not expected:
        state = "of an unknown status" if task.status is None else task.status.wire_name
        wanted = expected.wire_name
        return unsure(call, answer, f"the answer says that the task is {state}, not {wanted}")
    if call is Call.EXECUTE and task.is_failed:
        detail = "Reply answers that the execution failed (isFailed)."
        return Decision(Action.EXECUTION_FAILED, Reason.EXECUTION_FAILED, detail, task)
    return Decision(Action.APPLIED, task=task)


#: How a task stands after a call that Reply confirms.
_STATUS_AFTER = {
    Call.EXECUTE: TaskStatus.FINISHED,
    Call.COMPLETE: TaskStatus.FINISHED,
    Call.CREATE: TaskStatus.NEW,
}


def unsure(call: Call, answer: Answer, detail: str) -> Decision:
    """An answer leaves it open what happened: repeat what is safe; what can't be undone is not."""
    if call in IRREVERSIBLE_CALLS:
        return Decision(Action.LOST, detail=detail)
    return Decision(Action.REPEAT, detail=detail, wait=answer.retry_after)


def _redirected(call: Call, problem: Problem) -> Decision:
    """The run stops. A redirect may follow the effect, so that an execution also counts as lost."""
    stopped = _stopped(StopCause.REDIRECT, problem, ABOUT_REDIRECTS)
    return replace(stopped, action=Action.LOST) if call in IRREVERSIBLE_CALLS else stopped


def _stopped(cause: StopCause, problem: Problem, advice: str) -> Decision:
    return Decision(Action.STOP, detail=f"{problem.summary()} -- {advice}", stop=cause)
