"""Reading from Reply: one call after another, in the shared quota, repeated where that helps."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging import Logger
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.calls import Call
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Action, Decision, StopCause
from reply_tasks.api.dialect import PREVIEW_FORM
from reply_tasks.api.problems import Problem
from reply_tasks.api.repeating import (
    CallerRefusedError,
    CannotGoOnError,
    Patience,
    Request,
    call_until_certain,
)
from reply_tasks.contract.date_times import write_date_time
from reply_tasks.contract.detail import TaskDetail
from reply_tasks.contract.outcomes import Reason
from reply_tasks.settings import TapSettings

#: Without a ``to`` of ours, Reply leaves out what starts more than a year from now.
FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
#: So many pages in a row that hold only tasks of earlier pages are no accident.
PAGES_WITHOUT_NEWS = 3

_ABOUT_USERS = (
    "Reply lists the users only of an account that belongs to an organization, to a user who may "
    "see them: leave the stream users out."
)
_ABOUT_MAILBOXES = (
    "The key needs the scope channels:read, and its user the feature scope ViewEmailAccount; "
    "or leave the stream email_accounts out."
)


class ReadError(Exception):
    """Reply can't be read. The message is one line for a person, without secrets."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a reader may do to the world, handed in.

    Attributes:
        client: Makes the calls.
        slot: Waits for a slot of the quota.
        pause: Reply answered 429: no calls, by any process, for so many seconds.
        observe: An answer came: it may say what is left of the quota.
        sleep: Waits some seconds before a repeat.
        backoff: How long to wait before a repeat.
        random: A number from 0 to 1.
    """

    client: ReplyClient
    slot: Callable[[], object]
    pause: Callable[[float], object]
    observe: Callable[[Answer], object]
    sleep: Callable[[float], object] = time.sleep
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = random.random


class ReplyReader:
    """Reads tasks, every page of a filter or one at a time, and what their ids stand for."""

    def __init__(self, settings: TapSettings, effects: Effects, logger: Logger) -> None:
        self._settings = settings
        self._effects = effects
        self._logger = logger
        self._form = PREVIEW_FORM
        self._refusal: str | None = None

    def listed(self) -> Iterator[Mapping[str, Any]]:
        """Every task that the filter finds, each once: pages overlap when tasks change meanwhile.

        Raises:
            ReadError: Reply refused, or is down.
        """
        client, body = self._effects.client, {"to": write_date_time(FAR_FUTURE)}
        if self._settings.start_date is not None:
            body["from"] = write_date_time(self._settings.start_date)
        return self._paged("tasks", lambda top, skip: client.filter_tasks(body, top, skip))

    def mailboxes(self) -> Iterator[Mapping[str, Any]]:
        """Every mailbox of the team, each once.

        Raises:
            ReadError: Reply refused, or is down.
        """
        return self._paged(
            "email accounts", self._effects.client.list_mailboxes, if_forbidden=_ABOUT_MAILBOXES
        )

    def users(self) -> Iterator[Mapping[str, Any]]:
        """Every user whom Reply names, each once, by one call.

        Raises:
            ReadError: Reply refused, or is down.
        """
        what, client = "the users", self._effects.client
        decision, answer = self._certain(what, client.list_users, if_forbidden=_ABOUT_USERS)
        if decision.action is Action.REJECTED:
            raise ReadError(f"Reply refused to list {what}: {decision.detail}")
        if not isinstance(answer.data, list):
            raise ReadError(f"Reply's answer to a request for {what} is no list.")
        return _each_once(answer.data, "userId", set())

    def task(self, task_id: int) -> TaskDetail | None:
        """One task; None if it is gone. One whose content can't be rendered comes without it.

        Raises:
            ReadError: Reply refused, or is down.
        """
        decision = self._read(task_id, with_content=self._settings.include_content)
        if _refused(decision) and self._settings.include_content:
            self._logger.warning(
                "Task %s is read without its content: %s", task_id, decision.detail
            )
            decision = self._read(task_id, with_content=False)
        if _refused(decision):
            raise ReadError(f"Reply refused to give task {task_id}: {decision.detail}")
        return decision.task

    def _read(self, task_id: int, *, with_content: bool) -> Decision:
        client = self._effects.client
        decision, _ = self._certain(
            f"task {task_id}",
            lambda: client.get_task(task_id, include_content=with_content),
            task_id=task_id,
        )
        return decision

    def _paged(
        self, what: str, send: Callable[[int, int], Answer], *, if_forbidden: str | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The items of every page, each once, by their id."""
        seen: set[int] = set()
        skip = pages_without_news = 0
        while True:
            items, has_more = self._page(what, send, skip, if_forbidden)
            known = len(seen)
            yield from _each_once(items, "id", seen)
            if not has_more:
                return
            pages_without_news = 0 if len(seen) > known else pages_without_news + 1
            if not items or pages_without_news == PAGES_WITHOUT_NEWS:
                raise ReadError(
                    f"Reply says that more {what} follow the first {skip}, but gives nothing new: "
                    "what was emitted is not all. Run again."
                )
            skip += len(items)

    def _page(
        self, what: str, send: Callable[[int, int], Answer], skip: int, if_forbidden: str | None
    ) -> tuple[list[Any], bool]:
        """The items of one page, and whether more follow."""
        top = self._settings.page_size
        page = f"the {what} from number {skip} on"
        decision, answer = self._certain(page, lambda: send(top, skip), if_forbidden=if_forbidden)
        if decision.action is Action.REJECTED:
            raise ReadError(f"Reply refused to list {what}: {decision.detail}")
        items = answer.data.get("items") if isinstance(answer.data, Mapping) else None
        if not isinstance(items, list):
            raise ReadError(f"Reply's answer to a request for {page} holds no items.")
        more = answer.data.get("hasMore")
        return items, more is True or (more is None and len(items) >= top)

    def _certain(
        self,
        what: str,
        send: Callable[[], Answer],
        *,
        task_id: int | None = None,
        if_forbidden: str | None = None,
    ) -> tuple[Decision, Answer]:
        """Call until the answer decides something.

        Args:
            what: What is read, in a sentence.
            send: Makes the call.
            task_id: The task that it is about, if it is about one.
            if_forbidden: What to do about a 403; None: what is to be done for tasks.

        Raises:
            ReadError: Reply refuses the key, or is assumed to be down.
        """
        effects = self._effects
        patience = Patience(self._settings.max_retries, effects.backoff, effects.random)
        try:
            return call_until_certain(Request(Call.READ, what, send, task_id), self, patience)
        except CallerRefusedError as error:
            forbidden = if_forbidden is not None and error.decision.stop is StopCause.FORBIDDEN
            said = self._refusal if forbidden else None
            raise ReadError(f"{said} -- {if_forbidden}" if said else str(error)) from None
        except CannotGoOnError as error:
            raise ReadError(str(error)) from None

    # -- what the loop of repeats does to the world --------------------------------------------

    def take_slot(self) -> None:
        """Wait for a slot of the quota."""
        self._form = self._effects.client.know_form()
        self._effects.slot()

    def unauthorized(self) -> bool:
        """Whether Reply wants requests written in another form."""
        return self._effects.client.doubt_form(self._form)

    def hear(self, answer: Answer) -> None:
        """Tell the quota what an answer says of it."""
        self._refusal = None if answer.problem is None else _about_the_stream(answer.problem)
        self._effects.observe(answer)

    def pause(self, seconds: float) -> None:
        """Reply answered 429: no calls for so long."""
        self._effects.pause(seconds)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a repeat, and say why."""
        self._logger.info("Asking again in %.0f s: %s.", seconds, why.rstrip("."))
        self._effects.sleep(seconds)


def _each_once(items: list[Any], key: str, seen: set[int]) -> Iterator[Mapping[str, Any]]:
    """The objects whose integer ``key`` was not seen yet; it is from now on."""
    for item in items:
        number = item.get(key) if isinstance(item, Mapping) else None
        if type(number) is int and number not in seen:
            seen.add(number)
            yield item


def _about_the_stream(problem: Problem) -> str | None:
    """What a 403 said of what is read; None where it is about whom the key acts for."""
    of_the_caller = (problem.code or "").upper().startswith(("TEAM_", "USER_"))
    return None if of_the_caller else problem.summary()


def _refused(decision: Decision) -> bool:
    """Whether Reply would not give a task that is there."""
    return decision.action is Action.REJECTED and decision.reason is not Reason.TASK_NOT_FOUND
