"""Ids: of operations, runs and holders."""

import os
import secrets
import time
from itertools import count

#: What tells this process from all others, 48 random bits; and its ids from each other.
_process, _numbers = secrets.randbits(48), count()


def new_id() -> str:
    """A new id of an operation, a run or a holder: 32 hex digits.

    It begins with the time, in ticks of 16 microseconds, so that rows go to the end of the index of
    ids (the reason for UUIDs of version 7, RFC 9562); twelve digits tell a run's records apart.
    """
    ticks, number = time.time_ns() >> 14, next(_numbers) & 0xFFFF_FFFF
    return (ticks << 80 | _process << 32 | number).to_bytes(16, "big").hex()


def _be_another_process() -> None:
    global _process  # noqa: PLW0603 - what a fork has of its parent
    _process = secrets.randbits(48)


os.register_at_fork(after_in_child=_be_another_process)
