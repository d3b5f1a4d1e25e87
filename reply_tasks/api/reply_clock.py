"""Reply's own clock, as the ``Date`` of its answers tells it.

Nothing here asks this machine for the time of day, so that setting its clock changes nothing: an
answer ties Reply's time to an instant of the monotonic clock.
"""

from datetime import datetime, timedelta
from threading import Lock

from reply_tasks.api.answers import Answer

#: Seconds for which what an answer said is good enough, so that few of many are read.
FRESH = 30.0


class ReplyClock:
    """What time it is for Reply. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._heard: tuple[datetime, float] | None = None

    def hear(self, answer: Answer, at: float, *, closely: bool = False) -> None:
        """An answer came.

        Args:
            answer: Any answer; one without a ``Date`` says nothing.
            at: When, on the monotonic clock.
            closely: Whether to read its ``Date`` though another one was read lately.
        """
        heard = self._heard
        if answer.date is None or (not closely and heard is not None and at - heard[1] < FRESH):
            return
        answered = answer.answered_at
        if answered is not None:
            with self._lock:
                self._heard = (answered, at)

    def at(self, moment: float) -> datetime | None:
        """Reply's time, UTC, at an instant of the monotonic clock; None until Reply has said it."""
        with self._lock:
            if self._heard is None:
                return None
            answered, at = self._heard
        return answered + timedelta(seconds=moment - at)

    def ahead_of(self, now: datetime, moment: float) -> float | None:
        """Seconds by which Reply's clock is ahead of one that says ``now`` at ``moment``."""
        theirs = self.at(moment)
        return None if theirs is None else (theirs - now).total_seconds()
