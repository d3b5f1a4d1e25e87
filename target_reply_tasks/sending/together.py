"""Several records whose calls can't be undone are sent in one call; each ends by itself."""

from collections.abc import Callable, Iterator

from reply_tasks.api.decisions import Decision
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.batch_calls import BatchCalls
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.once import Doubt, Irreversible, find_out, send_once, weigh


def send_together(
    batch: BatchCalls, kind: Irreversible, send: Callable[[BatchCalls], Decision]
) -> Iterator[tuple[Calls, Settlement]]:
    """Send the call of claimed records, each at most once, and settle them as they end.

    After a lost answer each task is looked at by itself, and those go again to which nothing
    happened. What Reply refuses as a whole is asked for record by record.

    Args:
        batch: The records.
        kind: What is asked for.
        send: Makes the call, repeated only while it is certain that nothing was sent.
    """
    waiting = batch.each
    while len(waiting) > 1:
        batch = batch.of(waiting)
        in_doubt = {calls for calls in waiting if calls.work.unsure}
        decision = send(batch)
        if batch.refused_as_one(decision):
            break
        weighed = []
        for calls in waiting:
            answer = decision.of_task(calls.work.task_id)
            weighed.append((calls, weigh(calls, answer, in_doubt=calls in in_doubt)))
        yield from ((calls, each) for calls, each in weighed if isinstance(each, Settlement))
        again = []
        for calls, doubt in weighed:
            if isinstance(doubt, Doubt):
                settlement = find_out(calls, kind, doubt)
                if settlement is None:
                    again.append(calls)
                else:
                    yield calls, settlement
        waiting = tuple(again)
    for calls in waiting:
        yield calls, send_once(calls, kind)
