"""A dry run: validates and plans everything, calls nothing, writes nothing, says what would be."""

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from reply_tasks.contract import Operation, Outcome, UpdateMode
from reply_tasks.ledger import Execution, KnownTask, LedgerError, RunTotals, Settlement, open_engine
from reply_tasks.ledger.identity import refuse_foreign
from reply_tasks.ledger.queries import known_tasks, tasks_claimed
from reply_tasks.settings import TargetSettings
from target_reply_tasks.engine.judge import Need, judge
from target_reply_tasks.result import RunResult
from target_reply_tasks.work import Work

if TYPE_CHECKING:
    from sqlalchemy import Connection as Database


class DryRun:
    """Stands where a run stands. STATE is not written, since nothing is settled."""

    def __init__(self, settings: TargetSettings, logger: logging.Logger) -> None:
        self._settings = settings
        self._logger = logger
        self._stack = ExitStack()
        self._database: Database | None = None
        self._claimed: frozenset[int] = frozenset()
        self._planned: dict[int, KnownTask] = {}
        self._result = RunResult(totals=RunTotals())
        self._calls = 0
        #: What the sinks hand their records to.
        self.receiver = self

    def start(self) -> None:
        """Look at the ledger, if there is one.

        Raises:
            ForeignLedgerError: It belongs to another API: what it knows would mislead.
        """
        try:
            engine = open_engine(self._settings.ledger_url, create=False)
        except LedgerError as error:
            self._logger.info("Dry run without a ledger: %s", error)
            return
        self._stack.callback(engine.dispose)
        self._database = self._stack.enter_context(engine.connect())
        refuse_foreign(self._database, self._settings.api_url)
        self._claimed = tasks_claimed(self._database)

    def received(self, work: Work) -> None:
        """Say what would be done with a valid record."""
        self._result.read += 1
        mode = self._settings.update_mode
        judgement = judge(
            work,
            self._known(work),
            claimed_elsewhere=work.task_id in self._claimed,
            mode=mode,
            skip_unchanged=self._settings.skip_unchanged,
            settle_seconds=self._settings.settle_seconds,
        )
        match judgement.need:
            case Need.SETTLE:
                outcome = judgement.outcome or Outcome.UNCHANGED
                self._say(work, f"would settle as {outcome}: {judgement.detail}")
                self._result.rejected += outcome is Outcome.REJECTED
            case Need.WAIT:
                self._say(work, "would wait for another run's claim")
            case Need.SEND:
                self._calls += 1
                self._say(work, _CALLS[work.operation, mode])
                self._remember(work)

    def refused(self, settlement: Settlement, size: int) -> None:
        """Say why a record would be rejected."""
        del size
        self._result.read += 1
        self._result.rejected += 1
        self._logger.info(
            "Dry run: a record of %s would be rejected, %s: %s",
            settlement.entry.stream,
            settlement.reason,
            settlement.detail,
        )

    def state(self, text: str) -> None:
        """No STATE leaves a dry run."""

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Remember why it stops."""
        self._result.exit_code, self._result.stopped = exit_code, cause

    def finish(self, *, broken: str | None = None) -> RunResult:
        """Say what the run would come to."""
        self._stack.close()
        result = self._result
        if broken is not None:
            result.exit_code, result.stopped = 1, result.stopped or broken
        if result.stopped is not None:
            self._logger.error("Stopped: %s", result.stopped)
        result.give_verdict(max_rejected_percent=self._settings.max_rejected_percent)
        self._logger.info(
            "Dry run: %d records read, %d would be sent, %d rejected; nothing was called or "
            "written.",
            result.read,
            self._calls,
            result.rejected,
        )
        return result

    def _known(self, work: Work) -> KnownTask:
        planned = self._planned.get(work.task_id)
        if planned is not None or self._database is None:
            return planned or KnownTask()
        merges = self._settings.update_mode is UpdateMode.MERGE
        return known_tasks(self._database, [work.task_id], with_detail=merges)[work.task_id]

    def _remember(self, work: Work) -> None:
        """The next record of this task is judged as if this one had been applied."""
        known = self._known(work)
        if work.operation is Operation.UPDATE:
            self._planned[work.task_id] = known._replace(body_hash=work.entry.body_hash)
            return
        execution = Execution(
            work.entry.operation_id,
            Outcome.APPLIED,
            work.entry.body_hash,
            work.entry.external_id,
        )
        self._planned[work.task_id] = known._replace(execution=execution)

    def _say(self, work: Work, what: str) -> None:
        self._logger.info(
            "Dry run: %s of task %d (%s) %s.",
            work.operation,
            work.task_id,
            work.entry.stream,
            what.rstrip("."),
        )


_CALLS = {
    (Operation.UPDATE, UpdateMode.REPLACE): "would send PUT /v3/tasks/{id}",
    (Operation.UPDATE, UpdateMode.MERGE): "would read the task, and send PUT if it changes",
    (Operation.EXECUTE, UpdateMode.REPLACE): "would send POST /v3/tasks/{id}/execute",
    (Operation.EXECUTE, UpdateMode.MERGE): "would send POST /v3/tasks/{id}/execute",
}
