"""The guard before every page: without the token nothing is served, and nothing is decided."""

import asyncio
import logging
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reply_tasks.console.access import Form, Secrets, comes_from_us, is_ours, same, token_in
from reply_tasks.contract.shown import shown

logger = logging.getLogger(__name__)

#: A page's worth of decisions is far smaller.
LARGEST_FORM = 256 * 1024
#: How long a form may take to arrive.
FORM_SECONDS = 10.0
_READS = frozenset({"GET", "HEAD"})

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

KEEP_OUT = (
    "Nothing is shown here without the token. Open the address that `reply-tasks console` printed, "
    "whole, as far as its end.\n"
)


class Guard:
    """Lets a request through to the pages, or answers it itself.

    Args:
        app: The pages.
        secrets: What opens a session, keeps it, and signs its forms.
        cookie: The cookie's name; cookies know no ports, so that it differs by port.
        read_only: Whether nothing can be decided.
    """

    def __init__(self, app: ASGIApp, *, secrets: Secrets, cookie: str, read_only: bool) -> None:
        self._app = app
        self._secrets = secrets
        self._cookie = cookie
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            request = Request(scope, receive)
            refusal = await self._refusal(request)
            await (refusal or self._app)(scope, receive, send_on)
        finally:
            # The path alone: a token, and whom somebody looked for, are in the query.
            logger.info("%s %s %d", scope["method"], shown(scope["path"]), status)

    async def _refusal(self, request: Request) -> Response | None:
        """The answer to whoever must not go further; None lets them pass."""
        headers = request.headers
        if not is_ours(headers.getlist("host")):
            return _said(HTTPStatus.BAD_REQUEST, "This Host is not the console's.")
        if request.method in _READS:
            return self._opening(request)
        if not self._has_session(headers):
            return _said(HTTPStatus.UNAUTHORIZED, KEEP_OUT)
        if request.method != "POST" or self._read_only:
            return _said(HTTPStatus.METHOD_NOT_ALLOWED, "Here things can only be looked at.")
        return await self._refused_form(request)

    def _opening(self, request: Request) -> Response | None:
        """Take a token for a session, out of the address; or see that there is a session."""
        token, rest = token_in(request.url.query)
        if token is None:
            if self._has_session(request.headers):
                return None
            return _said(HTTPStatus.UNAUTHORIZED, KEEP_OUT)
        if not same(token, self._secrets.token):
            return _said(HTTPStatus.UNAUTHORIZED, KEEP_OUT)
        path = "/" + quote(request.scope["path"].lstrip("/"))
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, HTTPStatus.SEE_OTHER)
        answer.set_cookie(self._cookie, self._secrets.session, httponly=True, samesite="strict")
        return answer

    def _has_session(self, headers: Headers) -> bool:
        cookies = cookie_parser(headers.get("cookie", ""))
        return same(cookies.get(self._cookie), self._secrets.session)

    async def _refused_form(self, request: Request) -> Response | None:
        """Read the form that is posted; every page that decides gets it from here."""
        headers = request.headers
        if not comes_from_us(headers.get("origin"), headers.get("sec-fetch-site"), headers["host"]):
            return _said(HTTPStatus.FORBIDDEN, "This form does not come from the console.")
        try:
            body = await asyncio.wait_for(_body(request), FORM_SECONDS)
            form = Form.read(body)
        except TimeoutError:
            return _cut_off(HTTPStatus.REQUEST_TIMEOUT, "The form did not arrive in time.")
        except _TooLargeError:
            return _cut_off(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
        except ValueError:
            return _said(HTTPStatus.BAD_REQUEST, "This form is not one of the console's.")
        if not same(form.first("csrf"), self._secrets.csrf):
            return _said(
                HTTPStatus.FORBIDDEN,
                "This form is from another session: go back, reload the page, and try again.",
            )
        request.state.form = form
        return None


class _TooLargeError(Exception):
    pass


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_FORM:
            raise _TooLargeError
        parts.append(part)
    return b"".join(parts)


def _said(status: HTTPStatus, text: str) -> Response:
    """An answer in plain words."""
    return PlainTextResponse(text, status)


def _cut_off(status: HTTPStatus, text: str) -> Response:
    """An answer that ends the connection: the rest of the request is not waited for."""
    return PlainTextResponse(text, status, {"connection": "close"})
