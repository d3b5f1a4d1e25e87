"""Pacing: the quota as the engine spends it, in the turn's own transaction; waits are told once."""

import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from reply_tasks.api.answers import Answer
from reply_tasks.quota.estimate import time_in
from reply_tasks.quota.quota import Quota, WaitReason, WindowLeft

#: A shorter wait than this is not worth a line.
WORTH_TELLING = 2.0

TOO_MANY_REQUESTS = 429

#: How Reply labels its hourly window; only that one was ever seen.
HOUR = "1h"

_WHY = {
    WaitReason.MINUTE: "the quota of this minute is spent",
    WaitReason.HOUR: "the quota of this hour is spent",
    WaitReason.PAUSED: "Reply asked for a pause (429)",
}


@dataclass(slots=True)
class _Wait:
    began: float
    until: float
    why: WaitReason
    told_until: float = 0.0


class _HourLeft(NamedTuple):
    """What an answer said is left of Reply's hour."""

    reset: datetime
    remaining: int

    def later(self, other: "_HourLeft") -> "_HourLeft":
        """Which was said later: within one window, less and less is left."""
        return max(self, other, key=lambda left: (left.reset, -left.remaining))


class Pacing:
    """Takes slots for the engine, and keeps account of what it waits for.

    Only the engine's thread calls it, but for ``observe``.

    Args:
        quota: The windows in the ledger's database.
        default_user: The Reply user that the settings act as; None means the key's own.
        log: Takes one line for a person.
    """

    def __init__(
        self, quota: Quota, *, default_user: str | None, log: Callable[[str], None]
    ) -> None:
        self._quota = quota
        self._default_user = default_user
        self._log = log
        self._pauses: list[tuple[str | None, float]] = []
        self._said: deque[tuple[str | None, _HourLeft]] = deque()
        self._waits: dict[str | None, _Wait] = {}
        self._waited = 0.0
        self._now = time.monotonic()
        self._accepted: deque[str | None] = deque()
        self._gave_up: str | None = None

    def remember(self) -> Callable[[], None]:
        """What restores all this as it is now: for a turn that may not be committed."""
        pauses, waits = list(self._pauses), {u: replace(w) for u, w in self._waits.items()}
        said, accepted = list(self._said), list(self._accepted)

        def put_back() -> None:
            self._pauses, self._waits = pauses, waits
            self._said.extendleft(reversed(said))
            self._accepted.extendleft(reversed(accepted))

        return put_back

    def take(self, connection: Connection, user: str | None, wanted: int) -> int:
        """Take up to ``wanted`` slots for calls that leave now; how many were granted.

        In a turn, after ``bring_up_to_date``.
        """
        if self.waits(user):
            return 0
        wait = self._waits.get(user)
        grant = self._quota.take(connection, self._of(user), wanted)
        if grant.why is None:
            if wait is not None:
                self._end(user, self._now)
            return grant.granted
        self._wait(user, grant.wait, grant.why, tell=wait is None or not grant.granted)
        return grant.granted

    def _wait(self, user: str | None, seconds: float, why: WaitReason, *, tell: bool) -> None:
        """This user waits so long; a wait that goes on as it was told is not told again."""
        until = self._now + seconds
        wait = self._waits.get(user)
        if wait is None:
            wait = self._waits[user] = _Wait(self._now, until, why)
        elif wait.why is why and until < wait.told_until + WORTH_TELLING:
            tell = False
        wait.until, wait.why = until, why
        if tell and seconds >= WORTH_TELLING:
            wait.told_until = until
            who = "" if user is None else f" for user {user}"
            self._log(f"Waiting {seconds:.0f} s, until {time_in(seconds)}{who}: {_WHY[why]}.")

    def pause(self, user: str | None, seconds: float) -> None:
        """Reply answered 429: no calls of this user, by any process, for so long or longer."""
        self._pauses.append((user, seconds))

    def caller(self, user: str | None) -> str:
        """What stands for the key and a user in the ledger."""
        return self._quota.digests[self._of(user)]

    def observe(self, user: str | None, answer: Answer) -> None:
        """An answer came: it may say what is left of the hour. Safe in a sender's thread."""
        answered = answer.status not in {None, TOO_MANY_REQUESTS}
        if answered and self._quota.probes(self._of(user)):
            self._accepted.append(user)
        rate = answer.rate
        if rate is None or rate.limit != HOUR:
            return
        if rate.remaining is not None and rate.reset is not None:
            self._said.append((user, _HourLeft(rate.reset, rate.remaining)))

    def bring_up_to_date(
        self, connection: Connection, in_flight: Callable[[str | None], int]
    ) -> None:
        """Begin a turn: write down what Reply said since the last one.

        Args:
            connection: Of the turn's transaction.
            in_flight: How many calls of a user have a slot and no answer yet.
        """
        self._now = time.monotonic()
        while self._accepted:
            user = self._accepted.popleft()
            self._quota.accepted(connection, self._of(user))
            self._try_again(user)
        for user, seconds in self._pauses:
            pause = self._quota.pause(connection, self._of(user), seconds)
            self._gave_up = self._gave_up or pause.give_up(user)
            self._try_again(user)
        self._pauses.clear()
        latest: dict[str | None, _HourLeft] = {}
        while self._said:
            user, left = self._said.popleft()
            latest[user] = left.later(latest.get(user, left))
        for user, left in latest.items():
            self._quota.correct(
                connection,
                self._of(user),
                remaining=left.remaining,
                reset=left.reset,
                in_flight=in_flight(user),
            )
            self._try_again(user, WaitReason.HOUR)

    def _try_again(self, user: str | None, why: WaitReason | None = None) -> None:
        """What is waited for may have changed: ask the quota in this turn."""
        wait = self._waits.get(user)
        if wait is not None and why in {None, wait.why}:
            wait.until = min(wait.until, self._now)

    @property
    def due(self) -> float | None:
        """When a slot may be free that this turn could not take; None if nothing waits."""
        waits = (wait.until for wait in self._waits.values())
        return min((until for until in waits if until > self._now), default=None)

    def waits(self, user: str | None) -> bool:
        """Whether calls of this user wait for the quota."""
        wait = self._waits.get(user)
        return wait is not None and self._now < wait.until

    def end_waits_but(self, wanting: Collection[str | None]) -> None:
        """Only these users want a slot: the others do not wait any more."""
        for user in [user for user in self._waits if user not in wanting]:
            self._end(user, time.monotonic())

    @property
    def gave_up(self) -> str | None:
        """Why the run must stop, since Reply has refused calls for too long, if it has."""
        return self._gave_up

    @property
    def waited(self) -> float:
        """Seconds that calls have waited for the quota so far."""
        now = time.monotonic()
        return self._waited + sum(now - wait.began for wait in self._waits.values())

    def current_wait(self) -> str | None:
        """What is waited for, in a sentence; None if nothing is."""
        if not self._waits:
            return None
        wait = min(self._waits.values(), key=lambda wait: wait.until)
        left = max(0.0, wait.until - time.monotonic())
        return f"Waiting until {time_in(left)}: {_WHY[wait.why]}."

    def left(self, connection: Connection, user: str | None) -> tuple[WindowLeft, ...]:
        """What is left of each window of a user's quota; empty where it has no limits."""
        return self._quota.left(connection, self._of(user))

    def _end(self, user: str | None, now: float) -> None:
        self._waited += now - self._waits.pop(user).began

    def _of(self, user: str | None) -> str | None:
        return self._default_user if user is None else user
