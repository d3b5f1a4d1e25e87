"""Ids: of operations, runs and holders."""

import os
import time


def new_id() -> str:
    """A new id of an operation, a run or a holder: 32 hex digits.

    It begins with the time, in ticks of 16 microseconds, so that rows go to the end of the index of
    ids (the reason for UUIDs of version 7, RFC 9562); twelve digits tell a run's records apart.
    """
    return f"{time.time_ns() >> 14:012x}{os.urandom(10).hex()}"
