"""Adoption: what dead runs left claimed is taken over, and judged by reading back or repeating.

An update is repeated: a full replacement does no harm twice. An execution is read back first.
"""

import time

from sqlalchemy import Connection

from reply_tasks.contract.kept import read_kept_record
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Claim
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.orphans import take_over_orphans
from reply_tasks.ledger.runs import close_dead_runs
from target_reply_tasks.work import RECOVERED, Work


def adopt(connection: Connection, holder: Holder, run_id: str) -> tuple[list[Work], list[str]]:
    """Take over the claims of dead processes, and close their runs; the claims, the runs' ids."""
    claims = take_over_orphans(connection, holder=holder, run_id=run_id)
    closed = close_dead_runs(connection, seen_from=holder.host)
    return [_work(claim) for claim in claims], closed


def _work(claim: Claim) -> Work:
    operation = claim.entry.operation or Operation.UPDATE
    return Work(
        index=RECOVERED,
        entry=claim.entry,
        record=read_kept_record(operation, claim.entry.record),
        received=time.monotonic(),
        claimed_at=claim.claimed_at,
        attempts=list(claim.attempts),
        made_before=len(claim.attempts),
        unsure=True,
        claimed_moment=None if claim.age is None else time.monotonic() - claim.age,
        reply_ahead=claim.reply_ahead,
    )
