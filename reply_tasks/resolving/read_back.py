"""Reading tasks back: one read a task, in the shared quota, repeated where that helps."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

from reply_tasks.api.answers import Answer
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Action, Call, decide
from reply_tasks.contract import TaskDetail
from reply_tasks.ledger import Attempt, Entry, Ledger
from reply_tasks.quota.quota import Quota, Wait
from reply_tasks.settings import CommonSettings

#: Seconds to wait after a 429 that does not say how long.
UNSTATED_RETRY_AFTER = 10.0


class ReadBackError(Exception):
    """No task can be read: Reply is down, or refuses the key. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a task came to.

    Attributes:
        task: The task; None where Reply would not give it.
        refusal: Why it would not; empty if it did.
        attempts: The calls that were made.
    """

    task: TaskDetail | None
    refusal: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class TaskReads:
    """Reads the tasks of operations, as the users that those act as.

    Attributes:
        ledger: Where the quota is kept.
        client: Makes the calls.
        quota: Every call takes a slot of it.
        settings: How often to try, and whose quota it is.
        on_wait: Told when a call waits for the quota.
        backoff: How long to wait before a repeat.
        sleep: Waits.
        random: A number from 0 to 1.
    """

    ledger: Ledger
    client: ReplyClient
    quota: Quota
    settings: CommonSettings
    on_wait: Callable[[Wait], None]
    backoff: Backoff = field(default_factory=Backoff)
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = random.random

    def look(self, entry: Entry) -> Look:
        """Read the task of an operation, until the answer is certain.

        Raises:
            ReadBackError: Reply refused the key, or was held to be down.
        """
        if entry.task_id is None:  # pragma: no cover - only valid records are ever claimed
            return Look(None, "the operation names no task", ())
        attempts: list[Attempt] = []
        failures, failing = 0, 0.0
        while True:
            answer = self._call(entry, entry.task_id, attempts)
            decision = decide(Call.READ, answer, task_id=entry.task_id)
            match decision.action:
                case Action.WAIT:
                    seconds = UNSTATED_RETRY_AFTER if decision.wait is None else decision.wait
                    with self.ledger.write() as connection:
                        pause = self.quota.pause(connection, self._user(entry), seconds)
                    cause = pause.give_up(entry.act_as_user_id)
                    if cause is not None:
                        raise ReadBackError(cause)
                case Action.REPEAT:
                    failures += 1
                    failing += answer.elapsed
                    if self.backoff.gives_up(failures, failing, self.settings.max_retries):
                        raise ReadBackError(
                            f"Reply could not be asked for task {entry.task_id}, tried {failures} "
                            f"times: {decision.detail}. Run again when it answers."
                        )
                    delay = self.backoff.delay(failures, self.random)
                    delay = max(delay, decision.wait or 0.0)
                    failing += delay
                    self.sleep(delay)
                case Action.STOP:
                    raise ReadBackError(decision.detail)
                case _:
                    refusal = "" if decision.task is not None else decision.detail
                    return Look(decision.task, refusal, tuple(attempts))

    def _call(self, entry: Entry, task_id: int, attempts: list[Attempt]) -> Answer:
        self.quota.acquire(self._user(entry), stop=_NEVER, on_wait=self.on_wait)
        at = datetime.now(UTC)
        answer = self.client.get_task(task_id, act_as_user_id=entry.act_as_user_id)
        attempts.append(
            Attempt(
                at=at,
                call=Call.READ,
                status=answer.status,
                error=answer.error or None,
                seconds=round(answer.elapsed, 4),
            )
        )
        return answer

    def _user(self, entry: Entry) -> str | None:
        acting = entry.act_as_user_id
        return self.settings.acting_user if acting is None else str(acting)


_NEVER = Event()
