"""The calls: one method an endpoint, each makes one HTTP request and returns its ``Answer``."""

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from threading import Event, Lock
from typing import Protocol, Self
from urllib.parse import quote

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

_COMPRESSED = header_lines({"Accept-Encoding": "gzip, deflate"})
_PLAIN = header_lines({"Accept-Encoding": "identity"})
_JSON = header_lines({"Content-Type": "application/json"})


class FormFinder(Protocol):
    """Finds out how this Reply wants requests written, by reads that ``ask`` makes."""

    def find(
        self, ask: Callable[[KeyHeader], Answer], *, doubted: RequestForm | None, stop: Event | None
    ) -> RequestForm:
        """The form; ``doubted`` is the one that Reply has just refused, ``stop`` ends a wait."""


class ReplyClient:
    """Reply's task endpoints. Safe to share between threads; no method raises for wire trouble."""

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

    def update_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Replace a task: ``PUT /v3/tasks/{id}``. The arguments are those of ``execute_task``."""
        target = f"{self._tasks}{task_id}"
        return self._call("PUT", target, body, user=act_as_user_id, after_last_byte=after_last_byte)

    def execute_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Execute a task, which sends its e-mail or SMS: ``POST /v3/tasks/{id}/execute``.

        Args:
            task_id: The task.
            body: What it is executed with.
            act_as_user_id: The Reply user to act as.
            before_first_byte: Called when the connection stands, right before the request leaves.
                What it raises comes through, and then nothing was sent.
            after_last_byte: Called when the whole request has left, before its answer is awaited.
        """
        return self._call(
            "POST",
            f"{self._tasks}{task_id}/execute",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def create_task(
        self,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Make a task: ``POST /v3/tasks``. The arguments are those of ``execute_task``."""
        return self._call(
            "POST",
            f"{self._base}/tasks",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def complete_task(
        self,
        task_id: int,
        body: Body,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Finish a task by hand: ``POST /v3/tasks/{id}/complete``."""
        return self._call(
            "POST",
            f"{self._tasks}{task_id}/complete",
            body,
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def assign_task(
        self,
        task_id: int,
        user_id: int,
        *,
        act_as_user_id: int | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Hand a task to a user: ``PUT /v3/tasks/{id}/assigned-user``."""
        return self._call(
            "PUT",
            f"{self._tasks}{task_id}/assigned-user",
            {"userId": user_id},
            user=act_as_user_id,
            after_last_byte=after_last_byte,
        )

    def delete_task(
        self,
        task_id: int,
        *,
        act_as_user_id: int | None = None,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
    ) -> Answer:
        """Cancel or archive a task: ``DELETE /v3/tasks/{id}``."""
        return self._call(
            "DELETE",
            f"{self._tasks}{task_id}",
            user=act_as_user_id,
            before_first_byte=before_first_byte,
            after_last_byte=after_last_byte,
        )

    def get_task(
        self, task_id: int, *, include_content: bool = False, act_as_user_id: int | None = None
    ) -> Answer:
        """Read a task: ``GET /v3/tasks/{id}``, with rendered content if asked for."""
        query = "?includeContent=true" if include_content else ""
        return self._call("GET", f"{self._tasks}{task_id}{query}", user=act_as_user_id)

    def list_tasks(self, top: int, skip: int, *, act_as_user_id: int | None = None) -> Answer:
        """One page of the visible tasks: ``GET /v3/tasks``."""
        target = f"{self._base}/tasks?top={top}&skip={skip}"
        answer = self._call("GET", target, user=act_as_user_id, coding=_COMPRESSED)
        return self._seen_to_list(answer)

    def filter_tasks(
        self, body: Body, top: int, skip: int, *, act_as_user_id: int | None = None
    ) -> Answer:
        """One page of the tasks that ``body`` selects: ``POST /v3/tasks/filter``."""
        target = f"{self._tasks}filter?top={top}&skip={skip}"
        return self._call("POST", target, body, user=act_as_user_id, coding=_COMPRESSED)

    def find_contacts(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The contacts of an address, at most two: ``GET /v3/contacts?email=…``."""
        target = f"{self._base}/contacts?email={quote(email, safe='')}&top=2&skip=0"
        return self._call("GET", target, user=act_as_user_id)

    def list_users(self, *, act_as_user_id: int | None = None) -> Answer:
        """The users of the team, all in one answer: ``GET /v3/whoami/team-users``."""
        return self._call("GET", f"{self._base}/whoami/team-users", user=act_as_user_id)

    def find_mailboxes(self, email: str, *, act_as_user_id: int | None = None) -> Answer:
        """The mailboxes of an address: ``POST /v3/email-accounts/filter``."""
        target = f"{self._base}/email-accounts/filter?top=25&skip=0"
        return self._call("POST", target, {"email": email}, user=act_as_user_id)

    def list_mailboxes(self, top: int, skip: int) -> Answer:
        """One page of the mailboxes: ``GET /v3/email-accounts``."""
        return self._call("GET", f"{self._base}/email-accounts?top={top}&skip={skip}")

    def whoami(self) -> Answer:
        """Whose key this is: ``GET /v3/whoami``."""
        return self._call("GET", f"{self._base}/whoami")

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
        user: int | None = None,
        coding: bytes = _PLAIN,
        before_first_byte: Callable[[], object] | None = None,
        after_last_byte: Callable[[], object] | None = None,
        form: RequestForm | None = None,
    ) -> Answer:
        form = form or self.know_form()
        lines = self._acting_as(user, form.header) + coding
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
