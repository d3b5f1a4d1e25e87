"""The clock that all processes of one boot of a machine share, and that nobody sets."""

import time


def since_boot() -> float:
    """Seconds that also pass while the machine sleeps, where there is such a clock.

    A suspended machine must see that its lease has ended when it wakes.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
