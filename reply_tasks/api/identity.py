"""For whom a call acts: the headers that a team or organization key may carry."""

from dataclasses import dataclass

TEAM_HEADER = "X-TEAM-ID"
USER_HEADER = "X-USER-ID"
EMAIL_HEADER = "X-User-Email"


@dataclass(frozen=True, slots=True)
class Identity:
    """The acting identity of the settings; a record's ``actAsUserId`` overrides the user."""

    team_id: int | str | None = None
    user_id: int | str | None = None
    user_email: str | None = None

    def headers(self, act_as_user_id: int | None = None) -> dict[str, str]:
        """The identity headers of one call.

        ``act_as_user_id`` replaces the user of the settings, and then no email is sent:
        Reply would be told of two users.
        """
        user = self.user_id if act_as_user_id is None else act_as_user_id
        email = self.user_email if act_as_user_id is None else None
        named = ((TEAM_HEADER, self.team_id), (USER_HEADER, user), (EMAIL_HEADER, email))
        return {name: str(value) for name, value in named if value is not None and value != ""}
