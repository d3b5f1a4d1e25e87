"""Which host a process runs on, named so that two hosts are never taken for one.

A pid means something only beside the kernel that gave it. Host names are given twice, machine ids
come with a copied image, and a boot id comes with the copy of a running machine: the identity holds
all of them, and the namespaces in which pids and start times are counted.
"""

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

#: Where Linux keeps the id of the installation; a container may have neither.
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
#: The process's own folder in /proc, and the namespaces that its pid and start time belong to.
OWN_PROCESS = Path("/proc/self")
PID_NAMESPACE, TIME_NAMESPACE = OWN_PROCESS / "ns/pid", OWN_PROCESS / "ns/time"

_IOREG = ("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
_PLATFORM_UUID = re.compile(r'"IOPlatformUUID" = "([0-9A-Fa-f-]+)"')
_BOOT_SESSION = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")


@cache
def this_host() -> str:
    """The host of this process: name, machine id, boot id and, on Linux, namespaces.

    Where the kernel does not tell enough to know another process of this host by its pid, every
    process is a host of its own: then nothing but leases says who lives.
    """
    known = _linux_host() if platform.system() == "Linux" else _darwin_host()
    return " ".join((platform.node(), *(known or (f"unknown-{os.urandom(8).hex()}",))))


def _linux_host() -> tuple[str, ...] | None:
    boot, pids = _first_line(BOOT_ID_FILE), _target(PID_NAMESPACE)
    if boot is None or pids is None or _target(OWN_PROCESS) != str(os.getpid()):
        return None  # no /proc, a simulated one, or that of another pid namespace
    machine = next(filter(None, map(_first_line, MACHINE_ID_FILES)), "no-machine-id")
    return machine, boot, pids, _target(TIME_NAMESPACE) or "no-time-namespace"


def _darwin_host() -> tuple[str, ...] | None:
    machine, boot = _PLATFORM_UUID.search(_output(_IOREG)), _output(_BOOT_SESSION).strip()
    return (machine[1], boot) if machine and boot else None


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def _target(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except OSError:
        return None


def _output(command: tuple[str, ...]) -> str:
    try:
        return subprocess.run(  # noqa: S603 - fixed commands
            command, capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
