"""Slots of the shared quota for calls made one after another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, Engine

from reply_tasks.api.answers import Answer
from reply_tasks.api.repeating import CannotGoOnError
from reply_tasks.connecting import shared_quota
from reply_tasks.ledger.database import clear_errors, writing
from reply_tasks.quota.quota import Wait
from reply_tasks.settings import CommonSettings

#: The only window that Reply's headers were seen to speak of.
HOURLY = "1h"


class Slots:
    """The quota of a Reply user, each slot taken in a transaction of its own."""

    def __init__(
        self,
        engine: Engine,
        settings: CommonSettings,
        *,
        on_wait: Callable[[Wait], None],
        act_as_user_id: int | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Share the quota in this database.

        Args:
            engine: The ledger's database.
            settings: The limits, and whose quota it is.
            on_wait: Told of a wait when it begins.
            act_as_user_id: The Reply user to act as; None means the user of the settings.
            stop: Ends a wait when set.

        Raises:
            LedgerError: The database did not take a transaction.
        """
        self._write = partial(_write, engine)
        self._on_wait = on_wait
        self._stop = stop or threading.Event()
        acting = settings.acting_user
        self._acting = act_as_user_id
        self._user = acting if act_as_user_id is None else str(act_as_user_id)
        self._quota = shared_quota(settings, self._write)

    def take(self) -> None:
        """Wait for one slot; it is for a call that leaves now."""
        self._quota.acquire(self._user, stop=self._stop, on_wait=self._on_wait)

    def pause(self, seconds: float) -> None:
        """Reply answered 429: no calls for so long or longer, by any process.

        Raises:
            CannotGoOnError: It has refused every call for too long.
        """
        with self._write() as connection:
            pause = self._quota.pause(connection, self._user, seconds)
        cause = pause.give_up(self._acting)
        if cause is not None:
            raise CannotGoOnError(cause)

    def observe(self, answer: Answer) -> None:
        """Keep to what an answer says is left of Reply's hour."""
        rate = answer.rate
        if rate is None or rate.limit != HOURLY or rate.remaining is None or rate.reset is None:
            return
        with self._write() as connection:
            self._quota.correct(
                connection, self._user, remaining=rate.remaining, reset=rate.reset, in_flight=0
            )


@contextmanager
def _write(engine: Engine) -> Iterator[Connection]:
    with clear_errors(), writing(engine) as connection:
        yield connection
