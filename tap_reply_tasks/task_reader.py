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
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.api.dialect import PREVIEW_FORM
from reply_tasks.api.repeating import CannotGoOnError, Patience, Request, call_until_certain
from reply_tasks.contract.date_times import write_date_time
from reply_tasks.contract.detail import TaskDetail
from reply_tasks.contract.outcomes import Reason
from reply_tasks.settings import TapSettings

#: Without a ``to`` of ours, Reply leaves out what starts more than a year from now.
FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
#: So many pages in a row that hold only tasks of earlier pages are no accident.
PAGES_WITHOUT_NEWS = 3


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


class TaskReader:
    """Reads tasks: every page of a filter, or one at a time."""

    def __init__(self, settings: TapSettings, effects: Effects, logger: Logger) -> None:
        self._settings = settings
        self._effects = effects
        self._logger = logger
        self._form = PREVIEW_FORM

    def listed(self) -> Iterator[Mapping[str, Any]]:
        """Every task that the filter finds, each once: pages overlap when tasks change meanwhile.

        Raises:
            ReadError: Reply refused, or is down.
        """
        seen: set[int] = set()
        skip = pages_without_news = 0
        while True:
            items, has_more = self._page(skip)
            known = len(seen)
            for item in items:
                task_id = item.get("id") if isinstance(item, Mapping) else None
                if isinstance(task_id, int) and task_id not in seen:
                    seen.add(task_id)
                    yield item
            if not has_more:
                return
            pages_without_news = 0 if len(seen) > known else pages_without_news + 1
            if not items or pages_without_news == PAGES_WITHOUT_NEWS:
                raise ReadError(
                    f"Reply says that more tasks follow the first {skip}, but gives nothing new: "
                    "what was emitted is not all. Run again."
                )
            skip += len(items)

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

    def _page(self, skip: int) -> tuple[list[Any], bool]:
        """The items of one page, and whether more follow."""
        client, top = self._effects.client, self._settings.page_size
        body = {"to": write_date_time(FAR_FUTURE)}
        if self._settings.start_date is not None:
            body["from"] = write_date_time(self._settings.start_date)
        what = f"the tasks from number {skip} on"
        decision, answer = self._certain(what, lambda: client.filter_tasks(body, top, skip))
        if decision.action is Action.REJECTED:
            raise ReadError(f"Reply refused to list tasks: {decision.detail}")
        items = answer.data.get("items")
        if not isinstance(items, list):
            raise ReadError(f"Reply's answer to a request for {what} holds no items.")
        more = answer.data.get("hasMore")
        return items, more is True or (more is None and len(items) >= top)

    def _certain(
        self, what: str, send: Callable[[], Answer], *, task_id: int | None = None
    ) -> tuple[Decision, Answer]:
        """Call until the answer decides something.

        Raises:
            ReadError: Reply refuses the key, or is assumed to be down.
        """
        effects = self._effects
        patience = Patience(self._settings.max_retries, effects.backoff, effects.random)
        try:
            return call_until_certain(Request(Call.READ, what, send, task_id), self, patience)
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
        self._effects.observe(answer)

    def pause(self, seconds: float) -> None:
        """Reply answered 429: no calls for so long."""
        self._effects.pause(seconds)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a repeat, and say why."""
        self._logger.info("Asking again in %.0f s: %s.", seconds, why.rstrip("."))
        self._effects.sleep(seconds)


def _refused(decision: Decision) -> bool:
    """Whether Reply would not give a task that is there."""
    return decision.action is Action.REJECTED and decision.reason is not Reason.TASK_NOT_FOUND
