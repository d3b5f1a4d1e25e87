"""Refusals: what Reply means by one, and what a person does about it."""

import re
from http import HTTPStatus

from reply_tasks.api.calls import Call
from reply_tasks.api.problems import Problem
from reply_tasks.contract.outcomes import Reason


def reason_of(call: Call, status: int, problem: Problem) -> Reason:
    """The reason of a refusal."""
    if status == HTTPStatus.NOT_FOUND and call is not Call.CREATE:
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


ABOUT_REDIRECTS = (
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


def what_to_do_about_401(problem: Problem) -> str:
    """What a person does whose key or acting user is not known."""
    return _ABOUT_USERS if mentions(problem, "user") else _ABOUT_KEYS


def is_about_the_user(problem: Problem) -> bool:
    """Whether a 403 is about the acting user: not about a team, and not about the key's scopes."""
    words = _words(problem)
    of_the_key = _tells(words, "scope") and not _tells(words, "feature")
    return not mentions(problem, "team") and not of_the_key


def is_about_the_assignee(problem: Problem) -> bool:
    """Whether a 403 is about the user that a task was to be assigned to: none of the team."""
    return "member" in _words(problem)


def what_to_do_about_403(call: Call, problem: Problem) -> str:
    """What a person does whose key or acting user may not do this."""
    if mentions(problem, "team"):
        return _ABOUT_TEAMS
    if mentions(problem, "user"):
        return _ABOUT_USERS
    if _tells(_words(problem), "feature"):
        return _ABOUT_FEATURES
    return _ABOUT_SCOPES[call]


def mentions(problem: Problem, word: str) -> bool:
    """Whether the code itself speaks of a team or a user, e.g. ``TEAM_REQUIRED``."""
    return (problem.code or "").lower().startswith(f"{word}_")
