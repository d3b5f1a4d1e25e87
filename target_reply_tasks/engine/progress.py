"""Progress: one line at least every 30 seconds, so that a long run is never silent."""

import time
from collections.abc import Callable

EVERY = 30.0


class Progress:
    """Tells how far a run is."""

    def __init__(self, log: Callable[[str], None], *, every: float = EVERY) -> None:
        self._log = log
        self._every = every
        self._began = time.monotonic()
        self.due = self._began + every

    def tell(self, *, settled: int, in_hand: int, calls: int, waiting: str | None) -> None:
        """Log one line when it is due."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + self._every
        pace = calls / (now - self._began) * 60
        quota = f" {waiting}" if waiting else ""
        self._log(
            f"Progress: {settled} settled, {in_hand} in hand, {calls} calls, "
            f"{pace:.0f} calls a minute.{quota}"
        )
