"""One core: the threads of a run stay where the process is, since they never run side by side."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STAT = Path("/proc/self/stat")
#: Where that file says on which core the process runs, counted after the command's name.
_PROCESSOR = 36


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this thread, and those that it starts meanwhile, on the core that it runs on.

    The interpreter's lock lets one of them run at a time. On two cores each turn moves what they
    share from one core's cache to the other's, which costs up to a quarter of a run: see
    ``docs/decisions/0012-one-core.md``. Where the system can't tell the core, nothing happens.
    """
    allowed = _stay()
    try:
        yield
    finally:
        if allowed is not None:
            with suppress(OSError):  # a container may have lost some of them meanwhile
                os.sched_setaffinity(0, allowed)


def _stay() -> set[int] | None:
    """Stay on this core; the cores that were allowed before, or None where it can't be done."""
    if sys.platform != "linux":
        return None
    try:
        core = int(_STAT.read_text(encoding="utf-8").rpartition(")")[2].split()[_PROCESSOR])
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
    except (OSError, ValueError, IndexError):
        return None
    return allowed
