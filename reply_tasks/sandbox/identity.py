"""Who calls: the key, its scopes, the dialect that its header implies, and the acting user."""

from collections.abc import Collection, Mapping, Sequence
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


#: Every scope of every domain.
ALL_SCOPES = ("*:*",)


@dataclass(frozen=True, slots=True)
class Key:
    """What an API key may do, and for whom.

    Attributes:
        users: Whom it may act for. Its owner is the first: who acts when a call names nobody.
        scopes: What it was granted, as ``domain:verb``; either may be ``*``.
        of_organization: Whether it has no owner, so that every call must name a user.
    """

    users: Sequence[User]
    scopes: Collection[str] = ALL_SCOPES
    of_organization: bool = False

    def grants(self, scope: str) -> bool:
        """Whether it holds a scope: write and operate each include read, but not each other."""
        return any(_includes(granted, scope) for granted in self.scopes)


@dataclass(frozen=True, slots=True)
class Caller:
    """The user that a call acts as, by which key, and the dialect it is answered in."""

    user: User
    dialect: Dialect
    key: Key


class Keys:
    """The keys that open the sandbox."""

    def __init__(
        self,
        keys: Mapping[str, Key | Sequence[User]],
        *,
        dialect: Dialect | None = None,
        body_of_401: bool = True,
    ) -> None:
        """Users alone stand for a key of theirs that holds every scope."""
        self._keys = {
            text: key if isinstance(key, Key) else Key(tuple(key)) for text, key in keys.items()
        }
        self._dialect = dialect
        self._body_of_401 = body_of_401

    @property
    def users(self) -> list[User]:
        """Everybody whom some key may act for, each once."""
        found: dict[int, User] = {}
        for key in self._keys.values():
            for user in key.users:
                found.setdefault(user.id, user)
        return list(found.values())

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who calls with these headers (names in lower case), or a Problem 401 or 403."""
        dialect = Dialect.PREVIEW
        text = headers.get("x-api-key")
        if text is None:
            dialect = Dialect.CURRENT
            scheme, _, text = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                text = None
        key = None if text is None else self._keys.get(text)
        if key is None or not key.users or self._dialect not in {None, dialect}:
            raise unauthorized(with_body=self._body_of_401)
        return Caller(_acting(key, headers), dialect, key)


def _includes(granted: str, scope: str) -> bool:
    domain, _, verb = scope.partition(":")
    granted_domain, _, granted_verb = granted.partition(":")
    verbs = {"*", verb, "write", "operate"} if verb == "read" else {"*", verb}
    return granted_domain in {"*", domain} and granted_verb in verbs


def _acting(key: Key, headers: Mapping[str, str]) -> User:
    users = key.users
    team = headers.get("x-team-id")
    if key.of_organization and "x-user-id" not in headers:
        if "x-user-email" not in headers:
            raise business(403, "USER_REQUIRED", "An organization key must name the acting user.")
        if team is None:
            detail = "An organization key that names a user by email must name the team."
            raise business(403, "TEAM_REQUIRED", detail, teams=_teams(users))
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
    detail = "The team is not accessible with this key."
    return business(403, "TEAM_NOT_ACCESSIBLE", detail, teams=_teams(users))


def _teams(users: Sequence[User]) -> list[dict[str, object]]:
    numbers = sorted({user.team_id for user in users})
    return [{"teamId": number, "teamName": f"Team {number}"} for number in numbers]
