"""Whether the process that holds a claim still lives.

On the same host the answer is exact: a pid and the start of its process name one process.
Elsewhere a lease that the holder renews has to do (spec 5).
"""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

#: How long a holder on another host counts as alive after its last renewal.
LEASE = timedelta(seconds=60)
#: How often a holder renews its lease.
RENEWAL = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that may hold claims.

    Attributes:
        holder_id: The run's id, or an id of its own for a command.
        host: Name of the host and of its pid namespace: two containers are two hosts.
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
        if self.host == seen_from:
            return process_start(self.pid) == self.process_start
        return lease_until > now


def this_process(holder_id: str) -> Holder:
    """The calling process as a holder of claims."""
    pid = os.getpid()
    start = process_start(pid)
    if start is None:  # pragma: no cover - a process that runs can see itself
        raise RuntimeError("can't tell when this process started")
    return Holder(holder_id=holder_id, host=this_host(), pid=pid, process_start=start)


def this_host() -> str:
    """The host's name, with its pid namespace on Linux: a pid means nothing outside it."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def process_start(pid: int) -> str | None:
    """What tells the process with this pid from an earlier or later one; None: no such process."""
    return _linux_start(pid) if Path("/proc/self/stat").exists() else _posix_start(pid)


def _linux_start(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The name (field 2) is in brackets and may hold anything; field 3 is the state, 22 the start.
    fields = stat.rpartition(")")[2].split()
    state, start = fields[0], fields[19]
    return None if state in "ZX" else f"{boot} {start}"


def _posix_start(pid: int) -> str | None:
    answer = subprocess.run(  # noqa: S603 - a fixed command and an integer
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
