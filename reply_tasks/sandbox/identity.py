"""Who calls: the key, the dialect that its header implies, and the user it acts as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reply_tasks.sandbox.problems import Problem, business, unauthorized

DEFAULT_API_KEY = "sandbox-key"


class Dialect(StrEnum):
    """Which generation of the API a call speaks."""

    PREVIEW = "preview"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class User:
    """A Reply user; ``denied`` holds the feature scopes it lacks (ViewTask, ManageTask)."""

    id: int
    email: str = ""
    name: str = ""
    team_id: int = 1
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """The user that a call acts as, and the dialect it is answered in."""

    user: User
    dialect: Dialect


class Keys:
    """The keys that open the sandbox; each acts for its users, the first being its owner."""

    def __init__(
        self,
        keys: Mapping[str, Sequence[User]],
        *,
        dialect: Dialect | None = None,
        body_of_401: bool = True,
    ) -> None:
        self._keys = {key: tuple(users) for key, users in keys.items()}
        self._dialect = dialect
        self._body_of_401 = body_of_401

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who calls with these headers (names in lower case), or a Problem 401 or 403."""
        dialect = Dialect.PREVIEW
        key = headers.get("x-api-key")
        if key is None:
            dialect = Dialect.CURRENT
            scheme, _, key = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                key = None
        users = None if key is None else self._keys.get(key)
        if not users or self._dialect not in {None, dialect}:
            raise unauthorized(with_body=self._body_of_401)
        return Caller(_acting(users, headers), dialect)


def _acting(users: Sequence[User], headers: Mapping[str, str]) -> User:
    team = headers.get("x-team-id")
    if team is not None:
        teams = {str(user.team_id) for user in users}
        if team not in teams:
            raise _team_not_accessible(users)
        users = [user for user in users if str(user.team_id) == team]
    user_id, email = headers.get("x-user-id"), headers.get("x-user-email")
    if user_id is not None:
        users = [user for user in users if str(user.id) == user_id]
    elif email is not None:
        users = [user for user in users if user.email.lower() == email.lower()]
    if not users:
        raise business(401, "USER_NOT_FOUND", "The acting user was not found.")
    return users[0]


def _team_not_accessible(users: Sequence[User]) -> Problem:
    teams = [{"teamId": number, "teamName": f"Team {number}"} for number in _teams(users)]
    detail = "The team is not accessible with this key."
    return business(403, "TEAM_NOT_ACCESSIBLE", detail, teams=teams)


def _teams(users: Sequence[User]) -> list[int]:
    return sorted({user.team_id for user in users})
