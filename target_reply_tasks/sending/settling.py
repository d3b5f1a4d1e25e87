"""Settling: what one record came to, as of now, and when it was claimed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from reply_tasks.api.decisions import Decision
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.asking import Asking


class Settling(Asking):
    """Asks Reply for one record, and says what it came to."""

    @property
    def claimed_at(self) -> datetime:
        """When the record was claimed, by Reply's clock as far as that is known.

        Our own claim is placed by the monotonic clock; that of a dead run by what Reply's clock
        said to it, or else says to us.
        """
        work, effects = self.work, self._effects
        claimed_at = work.claimed_at or work.entry.received_at
        if work.claimed_moment is not None:
            return self._reply_clock.at(work.claimed_moment) or claimed_at
        ahead = work.reply_ahead
        if ahead is None:
            ahead = self._reply_clock.ahead_of(effects.now(), effects.monotonic()) or 0.0
        return claimed_at + timedelta(seconds=ahead)

    @property
    def last_detail(self) -> TaskDetail | None:
        """The task as Reply last returned it, by the ledger."""
        return self._effects.last_details([self.work.task_id])[self.work.task_id]

    @property
    def late_effects_are_over(self) -> bool:
        """Whether everything that shook the task has had its time."""
        shaken = self.work.shaken
        return shaken is not None and shaken.ago >= self.settings.settle_seconds

    def settled(  # noqa: PLR0913 - the columns of a settlement
        self,
        outcome: Outcome,
        *,
        reason: Reason | None = None,
        detail: str | None = None,
        problem: Mapping[str, Any] | None = None,
        task: TaskDetail | None = None,
        body_hash: str | None = None,
    ) -> Settlement:
        """The record's settlement, as of now."""
        shaken = None
        if self.work.operation is Operation.UPDATE and self._lost_updates:
            shaken = max(0.0, self.monotonic() - self._lost_updates[-1])
        seen = outcome in {Outcome.APPLIED, Outcome.UNCHANGED}
        return self.work.settled(
            outcome,
            self._effects.now(),
            reason=reason,
            detail=detail,
            problem=problem,
            task_detail=None if task is None else task.raw,
            body_hash=body_hash,
            shaken=shaken,
            confirmed=seen and self.late_effects_are_over,
            created=self._created(outcome, task),
        )

    def _created(self, outcome: Outcome, task: TaskDetail | None) -> int | None:
        made = self.work.operation is Operation.CREATE and outcome is Outcome.APPLIED
        return task.id if made and task is not None else None

    def refused(self, decision: Decision) -> Settlement:
        """Reply refused it: settled with what Reply said."""
        return self.settled(
            Outcome.REJECTED,
            reason=decision.reason or Reason.API_REJECTED,
            detail=decision.detail,
            problem=decision.problem,
        )
