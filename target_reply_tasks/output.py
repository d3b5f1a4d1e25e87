"""Standard output: STATEs, or the lines of a plan; nothing else ever goes there."""

import sys


def write_line(text: str) -> None:
    """Write one line. Nothing is buffered: what is left when the process ends would block it again.

    Raises:
        OSError: Nobody reads it.
    """
    output = sys.stdout.buffer
    unbuffered = getattr(output, "raw", output)
    left = memoryview(f"{text}\n".encode())
    while left:
        left = left[unbuffered.write(left) :]
