"""A dry run: stands where a run stands, and tells what would become of each record."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from reply_tasks.contract.outcomes import Operation, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.ledger.database import MissingLedgerError
from reply_tasks.quota.estimate import seconds_for
from reply_tasks.quota.windows import windows
from reply_tasks.settings import TargetSettings
from target_reply_tasks.dry_run.costs import Cost, Costs
from target_reply_tasks.dry_run.foresight import Foresight
from target_reply_tasks.dry_run.lines import (
    json_line,
    members_of,
    members_of_summary,
    summary_text,
    text_of,
)
from target_reply_tasks.dry_run.planned import NO_CALLS, CallRange, Planned, Summary, Would
from target_reply_tasks.dry_run.planning import plan, planned_rejection
from target_reply_tasks.engine.judgements import Need
from target_reply_tasks.errors import StopRun
from target_reply_tasks.result import RunResult
from target_reply_tasks.work import Work


class Teller(Protocol):
    """Where the plan goes."""

    def record(self, planned: Planned) -> None:
        """What one record would become."""

    def summary(self, summary: Summary) -> None:
        """What all of them come to."""


class TellInLog:
    """The plan as lines of the log."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def record(self, planned: Planned) -> None:
        """One line."""
        self._logger.info("Dry run: %s", text_of(planned))

    def summary(self, summary: Summary) -> None:
        """The log's last line says it."""


class TellAsJson:
    """The plan as JSON objects, one a line.

    Args:
        write: Writes one line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def record(self, planned: Planned) -> None:
        """One object."""
        self._put(json_line(members_of(planned)))

    def summary(self, summary: Summary) -> None:
        """The last object."""
        self._put(json_line(members_of_summary(summary)))

    def _put(self, line: str) -> None:
        try:
            self._write(line)
        except OSError as error:
            raise StopRun(f"The plan can't be written to standard output ({error}).") from None


class DryRun:
    """Plans a run, calls nothing, writes nothing. No STATE leaves it, since nothing is settled.

    Args:
        settings: How the run would run.
        logger: Gets every line for a person.
        teller: Told of each record.
        with_ledger: Whether to look at the ledger.
    """

    def __init__(
        self,
        settings: TargetSettings,
        logger: logging.Logger,
        teller: Teller,
        *,
        with_ledger: bool = True,
    ) -> None:
        self._settings = settings
        self._logger = logger
        self._teller = teller
        self._with_ledger = with_ledger
        self._foresight = Foresight(settings, assume_links=not with_ledger)
        self._result = RunResult()
        self._counts: Counter[Would] = Counter()
        self._reasons: Counter[Reason] = Counter()
        self._costs = Costs()
        self._calls: dict[str | None, CallRange] = {}
        #: The tasks whose last record is an update that would be sent.
        self._updated: set[int] = set()
        #: What the sinks hand their records to.
        self.receiver = self

    def start(self) -> None:
        """Look at the ledger, if there is one, and begin with what people have approved.

        Raises:
            LedgerError: It can't be read, or belongs to another API: what it says would mislead.
        """
        if not self._with_ledger:
            return
        try:
            self._foresight.open()
        except MissingLedgerError as error:
            self._logger.info("Dry run without a ledger: %s", error)
            return
        if self._foresight.claimed:
            self._logger.info(
                "Dry run: %d task(s) have a claim of another run; one of a run that died would be "
                "settled first.",
                self._foresight.claimed,
            )
        if self._foresight.expired:
            self._logger.info(
                "Dry run: %d held execution(s) would be rejected: nobody approved them in time.",
                self._foresight.expired,
            )
        for work in self._foresight.approved():
            self._plan(work)

    def received(self, work: Work) -> None:
        """Tell what would be done with a valid record."""
        self._result.read += 1
        self._plan(work)

    def refused(self, settlement: Settlement, size: int) -> None:
        """Tell why a record would be rejected."""
        del size
        self._result.read += 1
        self._foresight.rejected(settlement.entry)
        self._tell(planned_rejection(settlement), None)

    def state(self, text: str) -> None:
        """No STATE leaves a dry run."""

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Remember why it stops."""
        self._result.exit_code, self._result.stopped = exit_code, cause

    def finish(self, *, broken: str | None = None) -> RunResult:
        """Tell what the run would come to."""
        self._foresight.close()
        result = self._result
        if broken is not None:
            result.exit_code, result.stopped = 1, result.stopped or broken
        summary = self._summary()
        try:
            self._teller.summary(summary)
        except StopRun as stop:
            result.exit_code, result.stopped = 1, result.stopped or str(stop)
        if result.stopped is not None:
            self._logger.error("Stopped: %s", result.stopped)
        result.give_verdict(max_rejected_percent=self._settings.max_rejected_percent)
        self._logger.info("Dry run: %s", summary_text(summary))
        return result

    def _plan(self, work: Work) -> None:
        foreseen = self._foresight.foresee(work)
        need = foreseen.judgement.need
        if need is Need.DROP:
            return
        mode = self._settings.update_mode
        cost = self._costs.of(work, foreseen.unknown) if need is Need.SEND else Cost()
        after_update = work.task_id in self._updated
        planned = plan(work, foreseen, mode, cost, after_update=after_update)
        if need is Need.SEND and work.operation is Operation.UPDATE:
            self._updated.add(work.task_id)
        elif work.operation is not Operation.UPDATE:
            self._updated.discard(work.task_id)
        self._tell(planned, work.user)

    def _tell(self, planned: Planned, user: str | None) -> None:
        self._counts[planned.would] += 1
        if planned.reason is not None:
            self._reasons[planned.reason] += 1
        if planned.calls.most:
            self._calls[user] = self._calls.get(user, NO_CALLS).plus(planned.calls)
        self._teller.record(planned)
        if planned.would is Would.REJECTED and not planned.approved:
            self._rejected()

    def _rejected(self) -> None:
        self._result.rejected += 1
        most = self._settings.max_rejected
        if most is not None and self._result.rejected == most + 1:
            self._result.exit_code = 1
            self._logger.info(
                "Dry run: a run would stop here, since %d records were rejected and max_rejected "
                "is %d; what follows is planned as if it went on.",
                self._result.rejected,
                most,
            )

    def _summary(self) -> Summary:
        calls = self._calls.values()
        quota = windows(self._settings.requests_per_minute, self._settings.requests_per_hour)
        return Summary(
            read=self._result.read,
            counts=dict(self._counts),
            reasons=dict(self._reasons),
            calls=CallRange(sum(each.least for each in calls), sum(each.most for each in calls)),
            seconds=(
                max((seconds_for(each.least, quota) for each in calls), default=0.0),
                max((seconds_for(each.most, quota) for each in calls), default=0.0),
            ),
        )


def dry_run(
    settings: TargetSettings,
    logger: logging.Logger,
    write_line: Callable[[str], None],
    *,
    jsonl: bool,
) -> DryRun:
    """A dry run whose plan goes out line by line as JSON, or into the log."""
    return DryRun(settings, logger, TellAsJson(write_line) if jsonl else TellInLog(logger))
