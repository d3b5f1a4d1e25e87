"""Everything that one look at the ledger should tell: the answer of ``reply-tasks status``."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Reason
from reply_tasks.operator.quotas import UserQuota, WhoseQuota, quota_left
from reply_tasks.operator.rejections import rejected_by_reason
from reply_tasks.operator.runs import RunSummary, last_ended_run, last_runs
from reply_tasks.operator.waiting import AllWaiting, all_waiting


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at the ledger.

    Attributes:
        runs: The last runs, newest first, those that have not ended before the others.
        last_ended: The run that ended last; None before the first.
        waiting: What has no final outcome.
        rejected: How many records are rejected for which reason, by the latest verdict on each.
        quota: What is left for each user whose calls the ledger counts.
    """

    runs: tuple[RunSummary, ...]
    last_ended: RunSummary | None
    waiting: AllWaiting
    rejected: Mapping[Reason, int]
    quota: tuple[UserQuota, ...]


def overview(connection: Connection, whose: WhoseQuota, *, most_runs: int = 5) -> Overview:
    """How things stand now."""
    return Overview(
        runs=last_runs(connection, most_runs),
        last_ended=last_ended_run(connection),
        waiting=all_waiting(connection),
        rejected=rejected_by_reason(connection),
        quota=quota_left(connection, whose),
    )
