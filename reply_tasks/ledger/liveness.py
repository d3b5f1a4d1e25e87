"""Whether the process that holds a claim still lives.

On the same host death can be proven: a pid and the start of its process name one process.
Elsewhere, and where the system hides a process from us, a lease that the holder renews has to do.
"""

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from reply_tasks.ledger.hosts import this_host

__all__ = ["LEASE", "RENEWAL", "Holder", "Sighting", "process_start", "this_host", "this_process"]

#: How long a holder counts as alive after its last renewal, where its death can't be proven.
LEASE = timedelta(seconds=60)
#: How often a holder renews its lease.
RENEWAL = timedelta(seconds=15)

#: Where Linux shows its processes.
PROC = Path("/proc")


class Sighting(StrEnum):
    """What this host can tell of a process."""

    ALIVE = "alive"
    DEAD = "dead"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that may hold claims.

    Attributes:
        holder_id: The run's id, or an id of its own for a command.
        host: The host, as ``this_host()`` names it: two containers are two hosts.
        pid: Process id on that host.
        process_start: What tells this process from another that gets the same pid later.
    """

    holder_id: str
    host: str
    pid: int
    process_start: str

    def lives(self, *, lease_until: datetime, seen_from: str, now: datetime) -> bool:
        """Whether this holder lives, as the host ``seen_from`` can tell.

        Args:
            lease_until: End of the holder's lease, UTC.
            seen_from: The host that asks, as ``this_host()`` names it.
            now: The ledger's clock, UTC.
        """
        seen = self._sighting() if self.host == seen_from else Sighting.HIDDEN
        return lease_until > now if seen is Sighting.HIDDEN else seen is Sighting.ALIVE

    def _sighting(self) -> Sighting:
        start = process_start(self.pid)
        if isinstance(start, Sighting):
            return start
        return Sighting.ALIVE if start == self.process_start else Sighting.DEAD


def this_process(holder_id: str) -> Holder:
    """The calling process as a holder of claims."""
    pid = os.getpid()
    start = process_start(pid)
    if isinstance(start, Sighting):  # on a host of its own nobody asks for it
        start = "unknown"
    return Holder(holder_id=holder_id, host=this_host(), pid=pid, process_start=start)


def process_start(pid: int) -> str | Sighting:
    """What tells the process with this pid from an earlier or later one.

    ``DEAD`` where it is certain that there is no such process or that it has ended; ``HIDDEN``
    where there is one of which nothing is told, as ``/proc`` mounted with ``hidepid`` does.
    """
    look = _linux_start if (PROC / "self/stat").exists() else _posix_start
    start = look(pid)
    return _told_by_signal(pid) if start is Sighting.HIDDEN else start


def _told_by_signal(pid: int) -> Sighting:
    """No process can be hidden from ``kill``: it tells one that is not there from a refusal."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return Sighting.DEAD
    except OSError:
        pass
    return Sighting.HIDDEN


def _linux_start(pid: int) -> str | Sighting:
    try:
        stat = (PROC / f"{pid}/stat").read_text(errors="replace")
    except OSError:
        return Sighting.HIDDEN
    # The name (field 2) is in brackets and may hold anything; field 3 is the state, 22 the start.
    fields = stat.rpartition(")")[2].split()
    state, start = fields[0], fields[19]
    return Sighting.DEAD if state in "ZX" else start


def _posix_start(pid: int) -> str | Sighting:
    answer = subprocess.run(  # noqa: S603 - a fixed command and an integer
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},  # whoever asks: the same words
    )
    state, _, start = answer.stdout.strip().partition(" ")
    if not start:
        return Sighting.HIDDEN
    return Sighting.DEAD if state.startswith("Z") else start.strip()
