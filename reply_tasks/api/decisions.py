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
from reply_tasks.api.problems import Problem
from reply_tasks.contract.detail import TaskDetail, read_task_detail
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Reason


class Call(StrEnum):
    """What was asked of Reply. ``READ`` is every call that changes nothing."""

    UPDATE = "update"
    READ = "read"
    EXECUTE = "execute"
    CREATE = "create"
    COMPLETE = "complete"
    ASSIGN = "assign"
    DELETE = "delete"


#: What can't be undone: never repeated on doubt.
IRREVERSIBLE_CALLS = frozenset({Call.EXECUTE, Call.CREATE, Call.COMPLETE, Call.DELETE})


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
        return _unsure(call, answer, answer.error)
    if answer.succeeded:
        return _confirmed(call, answer, task_id)
    problem = answer.problem or Problem("", status)
    if status == HTTPStatus.UNAUTHORIZED:
        stopped = _stopped(StopCause.UNAUTHORIZED, problem, _what_to_do_about_401(problem))
        return replace(stopped, of_user=_mentions(problem, "user"))
    if status == HTTPStatus.FORBIDDEN and call is Call.ASSIGN and _is_about_the_user(problem):
        return Decision(  # the user that the task is to go to is none of the caller's team
            Action.REJECTED, Reason.USER_REFUSED, problem.summary(), problem=problem.raw or None
        )
    if status == HTTPStatus.FORBIDDEN:
        stopped = _stopped(StopCause.FORBIDDEN, problem, _what_to_do_about_403(call, problem))
        return replace(stopped, of_user=_is_about_the_user(problem))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Decision(Action.WAIT, detail=problem.summary(), wait=answer.retry_after)
    if status in _REDIRECTS:
        return _redirected(call, problem)
    if not _refuses(call, status):
        return _unsure(call, answer, problem.summary())
    return Decision(
        Action.REJECTED,
        _reason(call, status, problem),
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
        return _unsure(call, answer, answer.error or "the answer is not JSON")
    if call is Call.DELETE:
        return Decision(Action.APPLIED)  # Reply answers 204, without a task
    task = read_task_detail(answer.data)
    if task is None:
        return _unsure(call, answer, answer.error or "the answer is not a task")
    if task_id is not None and task.id != task_id:
        return _unsure(call, answer, f"the answer is about task {task.id}, not {task_id}")
    expected = _STATUS_AFTER.get(call)
    if expected is not None and task.status is not expected:
        state = "of an unknown status" if task.status is None else task.status.wire_name
        wanted = expected.wire_name
        return _unsure(call, answer, f"the answer says that the task is {state}, not {wanted}")
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


def _unsure(call: Call, answer: Answer, detail: str) -> Decision:
    """Repeat what is safe to repeat; what can't be undone is not."""
    if call in IRREVERSIBLE_CALLS:
        return Decision(Action.LOST, detail=detail)
    return Decision(Action.REPEAT, detail=detail, wait=answer.retry_after)


def _redirected(call: Call, problem: Problem) -> Decision:
    """The run stops. A redirect may follow the effect, so that an execution also counts as lost."""
    stopped = _stopped(StopCause.REDIRECT, problem, _ABOUT_REDIRECTS)
    return replace(stopped, action=Action.LOST) if call in IRREVERSIBLE_CALLS else stopped


def _stopped(cause: StopCause, problem: Problem, advice: str) -> Decision:
    return Decision(Action.STOP, detail=f"{problem.summary()} -- {advice}", stop=cause)


def _reason(call: Call, status: int, problem: Problem) -> Reason:
    """The reason of a refusal."""
    if status == HTTPStatus.NOT_FOUND:
        return Reason.TASK_NOT_FOUND
    code, words = (problem.code or "").lower(), _words(problem)
    if status == HTTPStatus.CONFLICT:
        return _reason_of_conflict(code, words)
    if status == HTTPStatus.BAD_REQUEST:
        return _reason_of_bad_request(call, words)
    return Reason.API_REJECTED


def _reason_of_conflict(code: str, words: frozenset[str]) -> Reason:
    if code.endswith(".rendererror") or _speaks_of_rendering(words):
        return Reason.RENDER_ERROR
    if code.endswith(".cannotcomplete") or _tells(words, *_STATE_WORDS):
        return Reason.TASK_NOT_NEW
    return Reason.API_REJECTED


def _reason_of_bad_request(call: Call, words: frozenset[str]) -> Reason:
    """Reply gives one code to several rules (``task.unknown``): only the words tell them apart."""
    if _speaks_of_rendering(words):
        return Reason.RENDER_ERROR
    if call is Call.EXECUTE and _tells(words, "execut") and _tells(words, "support", "unsupport"):
        return Reason.NOT_EXECUTABLE
    if _tells(words, "sequence") and _tells(words, *_CHANGE, "delet"):
        return Reason.SEQUENCE_IMMUTABLE
    if "new" in words and ("status" in words or ("only" in words and _tells(words, *_CHANGE))):
        return Reason.TASK_NOT_NEW
    return Reason.API_REJECTED


def _speaks_of_rendering(words: frozenset[str]) -> bool:
    """Whether a template can't be filled in, e.g. for missing or incorrect variable values."""
    return _tells(words, "render") or (
        _tells(words, "variable", "placeholder")
        and _tells(words, "missing", "incorrect", "invalid", "unknown", "empty", "resolv", "value")
    )


_CHANGE = ("chang", "edit", "immutable", "modif", "updat")
_STATE_WORDS = ("complet", "finish", "status", "already", "execut", "new")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _words(problem: Problem) -> frozenset[str]:
    """The words of a problem in lower case; ``canOnlyEditNewTasks`` is five."""
    said = f"{problem.words()} {problem.code or ''}"
    return frozenset(word.lower() for word in _WORD.findall(said))


def _tells(words: frozenset[str], *stems: str) -> bool:
    return any(word.startswith(stems) for word in words)


_ABOUT_REDIRECTS = (
    "api_url answers with a redirect, which is not followed: set api_url to the final address."
)
_ABOUT_KEYS = (
    "Check api_key and api_dialect: dialect `current` sends the key as `Authorization: Bearer`, "
    "dialect `preview` as `X-API-Key`."
)
_ABOUT_USERS = (
    "Set user_id, or user_email with team_id, to a Reply user that this key may act as; "
    "a record's actAsUserId must be one too."
)
_ABOUT_TEAMS = "Set team_id to a team that this key may act in."
_ABOUT_SCOPES = {
    Call.READ: "The key needs the scope tasks:read.",
    Call.UPDATE: "The key needs the scope tasks:write.",
    Call.EXECUTE: "The key needs the scope tasks:operate, which tasks:write does not include.",
    Call.COMPLETE: "The key needs the scope tasks:operate, which tasks:write does not include.",
    Call.CREATE: "The key needs the scope tasks:write.",
    Call.ASSIGN: "The key needs the scope tasks:write.",
    Call.DELETE: "The key needs the scope tasks:write.",
}
_ABOUT_FEATURES = (
    "The Reply user lacks a feature scope (ViewTask, ManageTask): ask an account administrator, or "
    "act as another user with user_id."
)


def _what_to_do_about_401(problem: Problem) -> str:
    return _ABOUT_USERS if _mentions(problem, "user") else _ABOUT_KEYS


def _is_about_the_user(problem: Problem) -> bool:
    """Whether a 403 is about the acting user: not about a team, and not about the key's scopes."""
    words = _words(problem)
    of_the_key = _tells(words, "scope") and not _tells(words, "feature")
    return not _mentions(problem, "team") and not of_the_key


def _what_to_do_about_403(call: Call, problem: Problem) -> str:
    if _mentions(problem, "team"):
        return _ABOUT_TEAMS
    if _mentions(problem, "user"):
        return _ABOUT_USERS
    if _tells(_words(problem), "feature"):
        return _ABOUT_FEATURES
    return _ABOUT_SCOPES[call]


def _mentions(problem: Problem, word: str) -> bool:
    """Whether the code itself speaks of a team or a user, e.g. ``TEAM_REQUIRED``."""
    return (problem.code or "").lower().startswith(f"{word}_")
