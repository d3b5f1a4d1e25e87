"""The intent of what can't be undone: committed, fresh and ours, before its first byte leaves."""

from collections.abc import Sequence

from reply_tasks.api.calls import Call
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Attempt
from target_reply_tasks.errors import StopRun
from target_reply_tasks.naming import name_of
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.work import Work

#: Seconds that an execution's intent may be old when the first byte leaves.
FRESH_INTENT = 1.0
#: How often an intent is written down once more because writing it took too long. On a ledger that
#: is always so slow, it is then as old as the last commit took.
MOST_NOTES = 3
_CALLS = {
    Operation.EXECUTE: Call.EXECUTE,
    Operation.CREATE: Call.CREATE,
    Operation.COMPLETE: Call.COMPLETE,
    Operation.DELETE: Call.DELETE,
}


def see_to_intent(effects: Effects, *works: Work) -> None:
    """The last check before an irreversible call; where the intent is old, it is written anew.

    Args:
        effects: What a sender may do.
        works: The records that the call is for.

    Raises:
        StopRun: Our lease ended, or another run has taken over the claim: nothing is sent.
    """
    for notes in range(MOST_NOTES + 1):  # the lease is checked after the last note, too
        if not effects.holds_lease():
            raise StopRun(
                "This run could not renew its lease on the ledger, so that its claims may be "
                "taken over by another: nothing more is sent. Check the ledger's database and "
                "run again."
            )
        began = effects.monotonic()
        old = [work for work in works if not _is_fresh(work, began)]
        if not old or notes == MOST_NOTES:
            break
        lost = effects.note({work: (*work.attempts, _intent(effects, work, works)) for work in old})
        if lost is not None:
            raise StopRun(
                f"The claim of the {name_of(lost.entry)} was taken over by another run, which "
                "assumed that this one had died: nothing more is sent."
            )
        for work in old:
            work.intent_at = began
    for work in works:
        work.intent_at = None  # it is used: one more send needs another


def _is_fresh(work: Work, now: float) -> bool:
    return work.intent_at is not None and now - work.intent_at <= FRESH_INTENT


def _intent(effects: Effects, work: Work, works: Sequence[Work]) -> Attempt:
    return Attempt(
        at=effects.now(),
        call=_CALLS[work.operation],
        tasks=len(works),
        counted=work is works[0],
    )
