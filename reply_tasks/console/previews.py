"""Previews: the text that Reply would render, read so that a person can say yes to it.

The only calls that the console ever makes, where they are allowed: each reads one task.
"""

from collections.abc import Collection

from reply_tasks.finding_dialect import client_of_reply
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.holding import Held, held_operations, note_preview
from reply_tasks.quota.quota import Wait
from reply_tasks.resolving import ReadBackError, TaskReads
from reply_tasks.settings import CommonSettings

#: A page does not wait longer for the quota.
_PATIENCE = 5.0


def read_previews(settings: CommonSettings, operation_ids: Collection[str]) -> list[str]:
    """Read the texts of held executions that bring none; what came of it, for a person.

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
        read, texts = 0, []
        for each in held:
            if each.claim.entry.record.get("content") is not None:
                continue
            try:
                refusal = _read(ledger, reads, each)
            except ReadBackError as error:
                texts.append(str(error))
                break
            read += not refusal
            if refusal:
                texts.append(f"Task {each.claim.entry.task_id} can't be previewed: {refusal}")
    if read:
        many = "1 text is" if read == 1 else f"{read} texts are"
        texts.insert(0, f"{many} shown now as Reply renders it: read it, then decide.")
    return texts or ["There was no text to read: somebody else has decided meanwhile."]


def _read(ledger: Ledger, reads: TaskReads, held: Held) -> str:
    """Keep the text of one task; why there is none, empty where there is."""
    look = reads.look(held.claim.entry, with_content=True)
    if look.task is None:
        return look.refusal
    attempts = [attempt.as_json() for attempt in look.attempts]
    with ledger.write() as connection:
        note_preview(connection, held, task_detail=look.task.raw, attempts=attempts)
    return ""


def _do_not_wait(wait: Wait) -> None:
    if wait.seconds > _PATIENCE:
        raise ReadBackError(
            f"The quota is used up: more of it is back in {wait.seconds:.0f} s. Try again then."
        )
