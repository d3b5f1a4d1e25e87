"""Who may talk to the sandbox at all: programs of this machine, and no page that a browser shows.

A page from anywhere can make a browser call loopback, under a name of its own (DNS rebinding) or
with a form. Such calls have a foreign ``Host``, a foreign ``Origin`` or the media type of a form.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from reply_tasks.sandbox.messages import Request
from reply_tasks.sandbox.problems import Problem, bare

_JSON = "application/json"


def check_caller(request: Request) -> None:
    """Raise a Problem 403 when the call comes from elsewhere, or through a page from elsewhere."""
    host = request.headers.get("host")
    if host is not None and not _is_loopback(host):
        raise _foreign("Host", "Call the sandbox as 127.0.0.1, localhost or [::1].")
    origin = request.headers.get("origin")
    if origin is not None and not _is_own(origin, host):
        raise _foreign("Origin", "The sandbox is not for pages that a browser shows.")


def check_control(request: Request) -> None:
    """Raise a Problem 415 when a control request that changes something may come from a form.

    A form cannot say ``application/json``. Without a body, a program need not say anything.
    """
    media = request.headers.get("content-type")
    if request.method == "GET" or (media is None and not request.body):
        return
    if media is None or media.partition(";")[0].strip().lower() != _JSON:
        raise bare(415, f"Send control requests with 'Content-Type: {_JSON}'.")


def _foreign(header: str, advice: str) -> Problem:
    return bare(403, f"The {header} header names another place than this machine. {advice}")


def _is_own(origin: str, host: str | None) -> bool:
    """Whether the page came from the sandbox itself."""
    return host is not None and origin.lower() == f"http://{host.lower()}"


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
