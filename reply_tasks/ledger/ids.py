"""Ids: of operations, runs and holders."""

import os
import time
from itertools import count

#: What tells this process from all others, and the ids that it has made from each other.
_process, _number = os.urandom(6).hex(), count()


def new_id() -> str:
    """A new id of an operation, a run or a holder: 32 hex digits.

    It begins with the time, in ticks of 16 microseconds, so that rows go to the end of the index of
    ids (the reason for UUIDs of version 7, RFC 9562); twelve digits tell a run's records apart.
    """
    return f"{time.time_ns() >> 14:012x}{_process}{next(_number) & 0xFFFF_FFFF:08x}"


def _be_another() -> None:
    global _process  # noqa: PLW0603 - a process is one of its kind
    _process = os.urandom(6).hex()


os.register_at_fork(after_in_child=_be_another)
