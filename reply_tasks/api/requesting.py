"""Requests: the parts that all have in common, and how this Reply wants them written."""

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from threading import Event, Lock
from typing import Protocol, Self

from reply_tasks.api.access import ReplyAccess, check_headers, checked_url, is_loopback
from reply_tasks.api.answers import Answer, read_answer
from reply_tasks.api.dialect import (
    PREVIEW_FORM,
    KeyHeader,
    RequestForm,
    auth_headers,
    encode_body,
    form_of_header,
)
from reply_tasks.api.errors import ConfigurationError
from reply_tasks.api.exchange import header_lines
from reply_tasks.api.identity import Identity
from reply_tasks.api.problems import redact
from reply_tasks.api.transport import Transport, Unanswered
from reply_tasks.contract.records import Body

COMPRESSED = header_lines({"Accept-Encoding": "gzip, deflate"})
_PLAIN = header_lines({"Accept-Encoding": "identity"})
_JSON = header_lines({"Content-Type": "application/json"})


class FormFinder(Protocol):
    """Finds out how this Reply wants requests written, by reads that ``ask`` makes."""

    def find(
        self, ask: Callable[[KeyHeader], Answer], *, doubted: RequestForm | None, stop: Event | None
    ) -> RequestForm:
        """The form; ``doubted`` is the one that Reply has just refused, ``stop`` ends a wait."""


class Requests:
    """Makes requests as one key. Safe to share between threads; nothing raises for wire trouble."""

    def __init__(
        self,
        access: ReplyAccess,
        *,
        finder: FormFinder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare what every call shares; nothing is sent yet.

        Args:
            access: Where and who.
            finder: Finds the form of requests where ``access`` does not say it.
            clock: Monotonic seconds, by which connections grow stale.

        Raises:
            ConfigurationError: A member of ``access`` cannot work.
        """
        url = checked_url(access.api_url)
        key = access.api_key.strip()
        if not key:
            raise ConfigurationError("api_key is empty: set it to a key of the Reply account.")
        self._secret = key
        self._form = access.form
        self._finder = finder
        self._finding = Lock()
        self._doubted = False
        #: Whether a read of the task list has succeeded: then api_url leads to Reply.
        self.has_listed = False
        self._identity = Identity(access.team_id, access.user_id, access.user_email)
        check_headers({**auth_headers(PREVIEW_FORM, key), **self._identity.headers()})
        self._fixed = {"User-Agent": f"reply-tasks/{_version()}", "Accept": "application/json"}
        self._lines: dict[tuple[int | None, KeyHeader], bytes] = {}
        self._base = url.path.rstrip("/")
        self._tasks = f"{self._base}/tasks/"
        self._transport = Transport(
            f"{url.scheme}://{url.netloc}",
            request_timeout=access.request_timeout,
            trust_proxies=not is_loopback(url.hostname or ""),
            clock=clock,
        )

    def know_form(self, stop: Event | None = None) -> RequestForm:
        """How requests are written; found out by the first who asks, while the others wait.

        Args:
            stop: Ends the finder's waits when set.

        Raises:
            CannotGoOnError: It could not be found out.
        """
        form = self._form
        if form is None:
            with self._finding:
                form = self._form or self._find(None, stop)
                self._form = form
        return form

    def doubt_form(self, form: RequestForm, stop: Event | None = None) -> bool:
        """Reply refused a request written so, with 401; whether another form is to be tried.

        What was found once is found out anew at most once: then the key itself is wrong.

        Raises:
            CannotGoOnError: It could not be found out.
        """
        with self._finding:
            if self._form == form and self._finder is not None and not self._doubted:
                self._doubted = True
                self._form = self._find(form, stop)
            return self._form != form

    def _find(self, doubted: RequestForm | None, stop: Event | None) -> RequestForm:
        if self._finder is None:  # pragma: no cover - a bug of ours
            raise AssertionError("nobody finds out how requests are written")
        return self._finder.find(self._ask, doubted=doubted, stop=stop)

    def _ask(self, header: KeyHeader) -> Answer:
        """One page of one task, with the key in that header."""
        form = form_of_header(header)
        answer = self._call("GET", f"{self._base}/tasks?top=1&skip=0", form=form)
        return self._seen_to_list(answer)

    def _seen_to_list(self, answer: Answer) -> Answer:
        if answer.succeeded and isinstance(answer.data, dict):
            self.has_listed |= isinstance(answer.data.get("items"), list)
        return answer

    def close(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(  # noqa: PLR0913 - all by name, one line each
        self,
        method: str,
        target: str,
        body: Body | None = None,
        *,
        act_as_user_id: int | None = None,
        coding: bytes = _PLAIN,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
        form: RequestForm | None = None,
    ) -> Answer:
        form = form or self.know_form()
        lines = self._acting_as(act_as_user_id, form.header) + coding
        data = None
        if body is not None:
            lines += _JSON
            data = encode_body(body, form)
        started = time.perf_counter()
        got = self._transport.send(
            method,
            target,
            lines,
            data,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )
        elapsed = time.perf_counter() - started
        if isinstance(got, Unanswered):
            error = redact(got.error, self._secret)
            return Answer(got.kind, got.status, error=error, elapsed=elapsed)
        return read_answer(got.status, got.headers, got.body, elapsed=elapsed, secret=self._secret)

    def _acting_as(self, user: int | None, header: KeyHeader) -> bytes:
        """The headers of every call for a user, made once."""
        lines = self._lines.get((user, header))
        if lines is None:
            key = auth_headers(form_of_header(header), self._secret)
            lines = header_lines({**self._fixed, **key, **self._identity.headers(user)})
            self._lines[user, header] = lines
        return lines


def _version() -> str:
    try:
        return version("reply-tasks")
    except PackageNotFoundError:
        return "0"
