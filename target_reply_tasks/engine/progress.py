"""Progress: one line at least every 30 seconds, so that a long run is never silent."""

import time

from reply_tasks.ledger import LedgerError
from reply_tasks.ledger.database import clock
from reply_tasks.quota.estimate import in_words, seconds_until_done
from reply_tasks.quota.quota import WindowLeft
from target_reply_tasks.context import Context
from target_reply_tasks.engine.plan import Plan
from target_reply_tasks.result import RunResult

EVERY = 30.0


class Progress:
    """Tells how far a run is, and how long what is in hand will take."""

    def __init__(self, context: Context, *, every: float = EVERY) -> None:
        self._context = context
        self._every = every
        self._began = time.monotonic()
        self.due = self._began + every

    def tell(self, result: RunResult, plan: Plan, *, in_hand: int) -> None:
        """Log one line when it is due.

        Args:
            result: What the run has come to so far.
            plan: What waits.
            in_hand: How many of the records read are not settled.
        """
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + self._every
        settled, calls = result.read - in_hand, result.totals.api_calls
        by_pace = (now - self._began) / settled * in_hand if settled else 0.0
        quota, by_quota = self._quota(
            next(iter(plan.users_with_work()), None), in_hand - plan.shared
        )
        parts = [f"{settled} of {result.read} records read are settled, {calls} calls made"]
        if quota:
            parts.append(f"quota used: {quota}")
        if in_hand:
            seconds = max(by_pace, by_quota)
            parts.append(f"the {in_hand} in hand take {in_words(seconds)}")
        waiting = self._context.pacing.current_wait()
        if waiting is None and plan.waits_elsewhere:
            waiting = "Waiting for another run to settle what it has claimed."
        self._context.log(f"Progress: {'; '.join(parts)}.{f' {waiting}' if waiting else ''}")

    def _quota(self, user: str | None, calls: int) -> tuple[str, float]:
        """What is used of a user's quota, and how long that many calls take with it."""
        try:
            with self._context.ledger.read() as connection:
                left = self._context.pacing.left(connection, user)
                return ", ".join(map(_used, left)), seconds_until_done(
                    calls, left, clock(connection)
                )
        except LedgerError:  # the next turn will say what is wrong
            return "", 0.0


def _used(window: WindowLeft) -> str:
    return f"{window.limit - window.left} of {window.limit} this {window.name}"
