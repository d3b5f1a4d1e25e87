"""The steps of a completion: finish the task once; after a lost answer, read it back first."""

from collections.abc import Iterator

from reply_tasks.api.calls import Call
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.batch_calls import BatchCalls
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.execute import read_back
from target_reply_tasks.sending.once import Irreversible, send_once
from target_reply_tasks.sending.together import send_together

COMPLETION = Irreversible(Call.COMPLETE, Calls.complete, read_back, "completed")


def complete(calls: Calls) -> Settlement:
    """Complete the task of a claimed record at most once, and settle it."""
    return send_once(calls, COMPLETION)


def complete_together(batch: BatchCalls) -> Iterator[tuple[Calls, Settlement]]:
    """Complete the tasks of several claimed records in one call, each at most once."""
    return send_together(batch, COMPLETION, BatchCalls.complete)
