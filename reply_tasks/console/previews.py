"""Previews: the text that Reply would render, and whom it reaches, so that a person can say yes.

The only calls that the console ever makes, where they are allowed: each reads one task.
"""

from collections.abc import Collection

from reply_tasks.finding_dialect import client_of_reply
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import Held, held_operations
from reply_tasks.ledger.holding import note_preview
from reply_tasks.operator.approval import what_waits
from reply_tasks.quota.quota import Wait
from reply_tasks.resolving import ReadBackError, TaskReads
from reply_tasks.settings import CommonSettings

#: A page does not wait longer for the quota.
_PATIENCE = 5.0


def read_previews(settings: CommonSettings, operation_ids: Collection[str]) -> list[str]:
    """Read the tasks of held executions whose text or recipient nobody knows; what came of it.

    Raises:
        LedgerError: There is no ledger, or it belongs to another API.
    """
    with (
        Ledger.open(settings.ledger_url, create=False, api_url=settings.api_url) as ledger,
        client_of_reply(settings, ledger.engine, _do_not_wait) as client,
    ):
        reads = TaskReads(ledger=ledger, client=client, settings=settings, on_wait=_do_not_wait)
        with ledger.read() as connection:
            held = held_operations(connection, operation_ids=operation_ids, approved=False)
            waits = [each for each in what_waits(connection, held) if each.reading_helps]
        read, texts = 0, []
        for each in waits:
            try:
                refusal = _read(ledger, reads, each.held)
            except ReadBackError as error:
                texts.append(str(error))
                break
            read += not refusal
            if refusal:
                task_id = each.held.claim.entry.task_id
                texts.append(f"Task {task_id} can't be previewed: {refusal}")
    if read:
        many = "1 task was" if read == 1 else f"{read} tasks were"
        texts.insert(0, f"{many} read from Reply: look at whom it reaches and what, then decide.")
    return texts or ["There was nothing to read: somebody else has decided meanwhile."]


def _read(ledger: Ledger, reads: TaskReads, held: Held) -> str:
    """Keep what one task would send to whom; why it can't be read, empty where it could."""
    found = reads.read_back(held.claim.entry, with_content=True)
    if found.task is None:
        return found.refusal
    attempts = [attempt.as_json() for attempt in found.attempts]
    with ledger.write() as connection:
        note_preview(connection, held, task_detail=found.task.raw, attempts=attempts)
    return ""


def _do_not_wait(wait: Wait) -> None:
    if wait.seconds > _PATIENCE:
        raise ReadBackError(
            f"The quota is used up: there is more of it in {wait.seconds:.0f} s. Try again then."
        )
