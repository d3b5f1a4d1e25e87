"""Ids: each is another, in every process."""

import subprocess
import sys

from reply_tasks.ledger import new_id

_FORKS = """
import os
from reply_tasks.ledger import new_id
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, new_id().encode())
    os._exit(0)
print(new_id(), os.read(read, 32).decode())
"""


def test_ids_are_32_hex_digits_in_the_order_made() -> None:
    """Rows go to the end of an index."""
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {32}
    assert all(int(each, 16) for each in ids)


def test_a_fork_makes_ids_of_its_own() -> None:
    """The same number after the same process would be the same id, within a tick."""
    printed = subprocess.run(
        [sys.executable, "-c", _FORKS], capture_output=True, text=True, check=True
    ).stdout
    ours, theirs = printed.split()
    assert ours[12:24] != theirs[12:24]
    assert ours[24:] == theirs[24:]
