"""Where Reply is and who calls, as the settings say; what can't work is refused before any call."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from reply_tasks.api.dialect import PREVIEW_FORM, RequestForm
from reply_tasks.api.errors import ConfigurationError

DEFAULT_API_URL = "https://api.reply.io/v3"


@dataclass(frozen=True, slots=True)
class ReplyAccess:
    """Where Reply is and who calls, as the settings say. Its ``repr`` holds no key and no email.

    Attributes:
        api_url: Base URL with ``/v3``; ``http`` only on loopback.
        api_key: The key; surrounding blanks do not count.
        form: How requests are written; None where that is to be found out.
        team_id: Sent as ``X-TEAM-ID``.
        user_id: Sent as ``X-USER-ID``, unless a record names another user.
        user_email: Sent as ``X-User-Email``, unless a record names a user.
        request_timeout: Seconds to wait for an answer; connecting has its own limit.
    """

    api_url: str = DEFAULT_API_URL
    api_key: str = field(default="", repr=False)
    form: RequestForm | None = PREVIEW_FORM
    team_id: int | str | None = None
    user_id: int | str | None = None
    user_email: str | None = field(default=None, repr=False)
    request_timeout: float = 30


def checked_url(text: str) -> SplitResult:
    """``api_url`` in parts, if a key may be sent there."""
    try:
        url = urlsplit(text.strip())
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise ConfigurationError("api_url is not a URL.") from None
    if url.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(f"api_url must be an https URL, such as {DEFAULT_API_URL}.")
    if url.username is not None or url.password is not None:
        raise ConfigurationError("api_url must hold no user name and no password: use api_key.")
    if url.query or url.fragment:
        raise ConfigurationError("api_url must end with its path: no query and no fragment.")
    if not text.strip().isascii() or not text.strip().isprintable() or " " in text.strip():
        raise ConfigurationError("api_url must be plain ASCII without blanks.")
    if url.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            "api_url must start with https://, so that the key and the tasks are not sent in the "
            "clear; http:// is only for a server on this machine (localhost, 127.0.0.1, [::1])."
        )
    if f".{host}".endswith(".reply.io") and not url.path.rstrip("/").endswith("/v3"):
        raise ConfigurationError(f"api_url must end with /v3, such as {DEFAULT_API_URL}.")
    return url


def is_loopback(host: str) -> bool:
    """Whether this names the machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_headers(headers: dict[str, str]) -> None:
    """Refuse here what the HTTP library would refuse with an error that quotes the value."""
    settings = {
        "X-API-Key": "api_key",
        "Authorization": "api_key",
        "X-TEAM-ID": "team_id",
        "X-USER-ID": "user_id",
        "X-User-Email": "user_email",
    }
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ConfigurationError(
                f"{settings.get(name, name)} holds a character that an HTTP header cannot carry: "
                "look for line breaks and letters beyond ASCII."
            )
