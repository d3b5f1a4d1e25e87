"""Finding out how Reply wants requests written, with at most two reads, and remembering it.

The first read sends the key as today's API takes it, the second as the preview does.
"""

from collections.abc import Callable
from threading import Event

from sqlalchemy import Engine

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Action
from reply_tasks.api.dialect import EnumForm, KeyHeader, RequestForm, form_of_answer
from reply_tasks.api.repeating import CannotGoOnError, Patience, Request, call_until_certain
from reply_tasks.connecting import access_to_reply
from reply_tasks.ledger.database import clear_errors, writing
from reply_tasks.ledger.request_forms import remember_form, remembered_form
from reply_tasks.quota.digests import digest
from reply_tasks.quota.quota import Wait
from reply_tasks.settings import CommonSettings
from reply_tasks.slots import Slots

_UNAUTHORIZED, _FORBIDDEN = 401, 403


def client_of_reply(
    settings: CommonSettings, engine: Engine, on_wait: Callable[[Wait], None]
) -> ReplyClient:
    """The client of target, tap and commands alike.

    Args:
        settings: Where Reply is and who calls; with ``api_dialect: auto`` the first call finds out
            how requests are written.
        engine: The ledger's database, which remembers it.
        on_wait: Told when finding out waits for the quota.

    Raises:
        ConfigurationError: No client can be made of the settings.
    """
    connection = access_to_reply(settings)
    unknown = connection.form is None
    return ReplyClient(
        connection, finder=DialectFinder(settings, engine, on_wait) if unknown else None
    )


class DialectFinder:
    """Finds out how requests are written. Each of its reads takes a slot of the quota."""

    def __init__(
        self, settings: CommonSettings, engine: Engine, on_wait: Callable[[Wait], None]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._on_wait = on_wait
        self._key_digest = digest(settings.api_key or "", None)

    def find(
        self, ask: Callable[[KeyHeader], Answer], *, doubted: RequestForm | None, stop: Event | None
    ) -> RequestForm:
        """The form that the ledger remembers, or what reads show.

        Args:
            ask: Makes one read of the task list, with the key in that header.
            doubted: The form that Reply has just refused; then what is remembered does not count.
            stop: Ends a wait when set.

        Raises:
            CannotGoOnError: Reply takes the key in neither header, is down, or gives no list.
            LedgerError: The database did not take a transaction.
        """
        if doubted is None:
            with clear_errors(), self._engine.connect() as connection:
                known = remembered_form(connection, self._settings.api_url, self._key_digest)
            if known is not None:
                return RequestForm(KeyHeader(known[0]), EnumForm(known[1]))
        form = self._ask_reply(ask, stop)
        with clear_errors(), writing(self._engine) as connection:
            remember_form(
                connection,
                self._settings.api_url,
                self._key_digest,
                header=form.header,
                enums=form.enums,
            )
        return form

    def _ask_reply(self, ask: Callable[[KeyHeader], Answer], stop: Event | None) -> RequestForm:
        for header in KeyHeader:
            answer = self._read(header, ask, stop)
            if not _refuses_the_key(answer):
                return form_of_answer(header, answer.data if answer.succeeded else None)
        raise CannotGoOnError(
            "401: Reply takes the key in neither header, Authorization: Bearer or X-API-Key. Check "
            "api_key and api_url."
        )

    def _read(
        self, header: KeyHeader, ask: Callable[[KeyHeader], Answer], stop: Event | None
    ) -> Answer:
        caller = _Prober(
            Slots(self._engine, self._settings, on_wait=self._on_wait, stop=stop), stop
        )
        request = Request(Call.READ, "its list of tasks", lambda: ask(header))
        try:
            decision, answer = call_until_certain(
                request, caller, Patience(self._settings.max_retries)
            )
        except _Refused as refused:
            return refused.answer
        if decision.action is Action.REJECTED:
            raise CannotGoOnError(
                f"Reply's list of tasks can't be read: {decision.detail.rstrip('.')}. "
                "Check api_url."
            )
        return answer


class _Refused(Exception):  # noqa: N818 - it is an answer like another
    """Reply refuses the key, or what it may do: that is what was asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class _Prober:
    """What the loop of repeats does to the world."""

    def __init__(self, slots: Slots, stop: Event | None) -> None:
        self._slots = slots
        self._stop = stop or Event()

    def take_slot(self) -> None:
        """Wait for a slot of the quota."""
        self._slots.take()
        self._end_if_stopped()

    def hear(self, answer: Answer) -> None:
        """Tell the quota what an answer says; a refusal of the caller is all that was asked for."""
        self._slots.observe(answer)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise _Refused(answer)

    def pause(self, seconds: float) -> None:
        """Reply answered 429: no calls for so long."""
        self._slots.pause(seconds)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a repeat."""
        del why
        self._stop.wait(seconds)
        self._end_if_stopped()

    def unauthorized(self) -> bool:
        """Whether to ask once more in another form: no, that is what is being found out."""
        return False

    def _end_if_stopped(self) -> None:
        if self._stop.is_set():
            raise CannotGoOnError("The run was told to stop before it knew how Reply is asked.")


def _refuses_the_key(answer: Answer) -> bool:
    """Whether the key was not taken; a 401 that speaks of a user has taken it."""
    code = "" if answer.problem is None else (answer.problem.code or "")
    return answer.status == _UNAUTHORIZED and not code.lower().startswith("user_")
