"""Reading tasks back: one read a task, in the shared quota, repeated where that helps."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.calls import Call
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Decision
from reply_tasks.api.dialect import PREVIEW_FORM
from reply_tasks.api.repeating import CannotGoOnError, Patience, Request, call_until_certain
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Reason
from reply_tasks.ledger import Attempt, Entry, Ledger
from reply_tasks.quota.quota import Wait
from reply_tasks.settings import CommonSettings
from reply_tasks.slots import Slots


class ReadBackError(Exception):
    """No task can be read: Reply is down, or refuses the key. The message says what to do."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What reading a task back came to.

    Attributes:
        task: The task; None where Reply would not give it.
        refusal: Why it would not; empty if it did.
        attempts: The calls that were made.
        reply_ahead: Seconds by which Reply's clock is ahead of this machine's, if known.
        not_found: Whether Reply says that there is no such task.
    """

    task: TaskDetail | None
    refusal: str
    attempts: tuple[Attempt, ...]
    reply_ahead: float | None = None
    not_found: bool = False


NOT_READ = ReadBack(None, "", ())


@dataclass(frozen=True, kw_only=True)
class TaskReads:
    """Reads the tasks of operations, as the users that those act as.

    Attributes:
        ledger: Where the quota is kept.
        client: Makes the calls.
        settings: How often to try, and whose quota it is.
        on_wait: Told when a call waits for the quota.
        backoff: How long to wait before a repeat.
        sleep: Waits.
        random: A number from 0 to 1.
    """

    ledger: Ledger
    client: ReplyClient
    settings: CommonSettings
    on_wait: Callable[[Wait], None]
    backoff: Backoff = field(default_factory=Backoff)
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = random.random

    def read_back(self, entry: Entry, *, with_content: bool = False) -> ReadBack:
        """Read the task of an operation, until the answer is certain.

        Args:
            entry: The operation.
            with_content: Whether to ask for the text as Reply would render it now.

        Raises:
            ReadBackError: Reply refused the key, or is assumed to be down.
        """
        if entry.task_id is None:  # pragma: no cover - only valid records are ever claimed
            return ReadBack(None, "the operation names no task", ())
        asked = self.asking_for(entry)
        decision = asked.read(entry.task_id, with_content=with_content)
        refusal = "" if decision.task is not None else decision.detail
        return ReadBack(
            decision.task,
            refusal,
            tuple(asked.attempts),
            asked.reply_ahead,
            not_found=decision.reason is Reason.TASK_NOT_FOUND,
        )

    def asking_for(self, entry: Entry) -> "AskingFor":
        """Makes the calls of one operation."""
        user = entry.act_as_user_id
        slots = Slots(self.ledger.engine, self.settings, on_wait=self.on_wait, act_as_user_id=user)
        patience = Patience(self.settings.max_retries, self.backoff, self.random)
        return AskingFor(self.client, slots, self.sleep, patience, user)


class AskingFor:
    """The reads of one operation, each in the quota and written down, repeated where that helps.

    Attributes:
        attempts: The calls that were made.
        reply_ahead: Seconds by which Reply's clock is ahead of this machine's, if known.
    """

    def __init__(
        self,
        client: ReplyClient,
        slots: Slots,
        sleep: Callable[[float], object],
        patience: Patience,
        user: int | None,
    ) -> None:
        self.attempts: list[Attempt] = []
        self.reply_ahead: float | None = None
        self._client = client
        self._form = PREVIEW_FORM
        self._slots = slots
        self._sleep = sleep
        self._left_at = datetime.now(UTC)
        self._patience = patience
        self._user = user

    def read(self, task_id: int, *, with_content: bool = False) -> Decision:
        """Read a task."""
        return self.ask(
            f"task {task_id}",
            lambda: self._client.get_task(
                task_id, include_content=with_content, act_as_user_id=self._user
            ),
            task_id,
        )

    def list_like(self, wanted: Mapping[str, Any], *, most: int) -> tuple[Decision, object]:
        """The first tasks that a filter selects, as Reply lists them."""
        answers: list[Answer] = []

        def send() -> Answer:
            answers.append(
                self._client.filter_tasks(dict(wanted), most, 0, act_as_user_id=self._user)
            )
            return answers[-1]

        return self.ask("the tasks like it", send), answers[-1].data

    def ask(self, what: str, send: Callable[[], Answer], task_id: int | None = None) -> Decision:
        """Make a read until its answer is certain.

        Raises:
            ReadBackError: Reply refused the key, or is assumed to be down.
        """
        request = Request(Call.READ, what, send, task_id)
        try:
            decision, _ = call_until_certain(request, self, self._patience)
        except CannotGoOnError as error:
            raise ReadBackError(str(error)) from None
        return decision

    def take_slot(self) -> None:
        """Wait for a slot of the quota."""
        self._form = self._client.know_form()
        self._slots.take()
        self._left_at = datetime.now(UTC)

    def hear(self, answer: Answer) -> None:
        """Write the call down, and tell the quota what its answer says."""
        self.attempts.append(
            Attempt(
                at=self._left_at,
                call=Call.READ,
                status=answer.status,
                error=answer.error or None,
                seconds=round(answer.elapsed, 4),
            )
        )
        if answer.answered_at is not None:
            self.reply_ahead = (answer.answered_at - datetime.now(UTC)).total_seconds()
        self._slots.observe(answer)

    def unauthorized(self) -> bool:
        """Whether Reply wants requests written in another form."""
        return self._client.doubt_form(self._form)

    def pause(self, seconds: float) -> None:
        """Reply answered 429: no calls for so long."""
        self._slots.pause(seconds)

    def wait(self, seconds: float, why: str) -> None:
        """Wait before a repeat."""
        del why
        self._sleep(seconds)
