"""How long to wait before a call that is safe to repeat is repeated, and when to stop trying."""

from collections.abc import Callable
from dataclasses import dataclass

_LARGEST_EXPONENT = 32


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with jitter, bounded in attempts and in time.

    Attributes:
        base: Seconds that the first wait can last at most.
        cap: Seconds that any wait can last at most.
        max_elapsed: Seconds since the first attempt after which nothing is repeated.
    """

    base: float = 0.5
    cap: float = 30.0
    max_elapsed: float = 300.0

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait after attempt number ``attempt`` (the first is 1) has failed.

        Between half of the exponential ceiling and all of it, as ``random`` (0 to 1) says.
        """
        exponent = min(max(attempt - 1, 0), _LARGEST_EXPONENT)
        ceiling = min(self.cap, self.base * 2.0**exponent)
        return ceiling * (0.5 + 0.5 * random())

    def gives_up(self, attempt: int, elapsed: float, max_retries: int) -> bool:
        """Whether attempt number ``attempt`` was the last: ``max_retries`` follow the first."""
        return attempt > max_retries or elapsed >= self.max_elapsed
