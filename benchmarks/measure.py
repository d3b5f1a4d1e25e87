"""Measures whole processes: their start, their work and their end."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_TAIL = 2000
#: With it every start would compile a checkout anew; what pip installs is compiled.
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


class BenchmarkError(Exception):
    """A process that is measured has failed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took.

    Attributes:
        seconds: From its start to its end.
        cpu_seconds: Of the user and the system.
        peak_mb: The most memory that it held at once, in 10^6 bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure(command: Sequence[str | Path], *, given: Path | None, output: Path) -> Usage:
    """Run a command to its end, with ``given`` as its input; its log goes beside ``output``.

    The kernel counts the memory of the process that starts another into the other's peak, so this
    one must stay small: it imports neither plugin nor the SDK.

    Raises:
        BenchmarkError: Its exit code is not 0.
    """
    log = output.with_suffix(".log")
    environment = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    with (given or Path(os.devnull)).open() as stdin, output.open("w") as out, log.open("w") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=stdin, stdout=out, stderr=err, cwd=ROOT, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(
            f"{' '.join(map(str, command))} ended with {process.returncode}:\n"
            f"{log.read_text()[-_TAIL:]}"
        )
    return Usage(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
