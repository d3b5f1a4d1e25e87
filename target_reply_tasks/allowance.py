"""The quota as the engine spends it: slots in the turn's own transaction, waits told once."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from reply_tasks.api.answers import RateHeaders
from reply_tasks.api.quota import Quota, Why

#: A shorter wait than this is not worth a line.
WORTH_TELLING = 2.0

#: How Reply labels its hourly window; only that one was ever seen.
HOUR = "1h"

_WHY = {
    Why.MINUTE: "the quota of this minute is spent",
    Why.HOUR: "the quota of this hour is spent",
    Why.PAUSED: "Reply asked for a pause (429)",
}


@dataclass(slots=True)
class _Wait:
    began: float
    until: float
    why: Why


class Allowance:
    """Takes slots for the engine, and keeps account of what it waits for.

    Only the engine's thread calls it, but for ``observe``.

    Args:
        quota: The windows in the ledger's database.
        default_user: The Reply user that the settings act as; None: the key's own.
        in_flight: How many calls of a user have a slot and no answer yet.
        log: Takes one line for a person.
    """

    def __init__(
        self, quota: Quota, *, default_user: str | None, log: Callable[[str], None]
    ) -> None:
        self._quota = quota
        self._default_user = default_user
        self._log = log
        self._pauses: list[tuple[str | None, float]] = []
        self._said: dict[str | None, RateHeaders] = {}
        self._waits: dict[str | None, _Wait] = {}
        self._waited = 0.0

    def take(self, connection: Connection, user: str | None, wanted: int) -> int:
        """Take up to ``wanted`` slots for calls that leave now; how many were granted."""
        now = time.monotonic()
        wait = self._waits.get(user)
        if wait is not None and now < wait.until:
            return 0
        grant = self._quota.take(connection, self._of(user), wanted)
        if grant.why is None:
            if wait is not None:
                self._end(user, now)
            return grant.granted
        if wait is None:
            self._waits[user] = _Wait(now, now + grant.wait, grant.why)
            self._tell(user, grant.wait, grant.why)
        else:
            if grant.granted == 0 and grant.wait > WORTH_TELLING and grant.why is not wait.why:
                self._tell(user, grant.wait, grant.why)
            wait.until = now + grant.wait
            wait.why = grant.why
        return grant.granted

    def pause(self, user: str | None, seconds: float) -> None:
        """Reply answered 429: no calls of this user, by any process, for so long."""
        self._pauses.append((user, seconds))

    def observe(self, user: str | None, rate: RateHeaders) -> None:
        """An answer said what is left of the hour. Safe in a sender's thread."""
        if rate.limit == HOUR and rate.remaining is not None and rate.reset is not None:
            self._said[user] = rate

    def bring_up_to_date(
        self, connection: Connection, in_flight: Callable[[str | None], int]
    ) -> None:
        """Write down what Reply said since the last turn."""
        for user, seconds in self._pauses:
            self._quota.pause(connection, self._of(user), seconds)
            self._waits.pop(user, None)
        self._pauses.clear()
        while self._said:
            user, rate = self._said.popitem()
            if rate.remaining is not None and rate.reset is not None:
                self._quota.correct(
                    connection,
                    self._of(user),
                    remaining=rate.remaining,
                    reset=rate.reset,
                    in_flight=in_flight(user),
                )

    @property
    def due(self) -> float | None:
        """When the next slot may be free, on the monotonic clock; None: nothing waits."""
        return min((wait.until for wait in self._waits.values()), default=None)

    def rest_but(self, wanting: Collection[str | None]) -> None:
        """Only these users want a slot: the others do not wait any more."""
        for user in [user for user in self._waits if user not in wanting]:
            self._end(user, time.monotonic())

    @property
    def waited(self) -> float:
        """Seconds that calls have waited for the quota so far."""
        now = time.monotonic()
        return self._waited + sum(now - wait.began for wait in self._waits.values())

    def told(self) -> str | None:
        """What is waited for, in a sentence; None: nothing."""
        if not self._waits:
            return None
        wait = min(self._waits.values(), key=lambda wait: wait.until)
        left = max(0.0, wait.until - time.monotonic())
        return f"Waiting: {_WHY[wait.why]}; the next call may go in {left:.0f} s."

    def _tell(self, user: str | None, seconds: float, why: Why) -> None:
        if seconds >= WORTH_TELLING:
            who = "" if user is None else f" for user {user}"
            self._log(f"Waiting {seconds:.0f} s{who}: {_WHY[why]}.")

    def _end(self, user: str | None, now: float) -> None:
        self._waited += now - self._waits.pop(user).began

    def _of(self, user: str | None) -> str | None:
        return self._default_user if user is None else user
