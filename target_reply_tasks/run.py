"""A run: the ledger, the client, the quota and the engine, put together from the settings."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from reply_tasks.api.backoff import Backoff
from reply_tasks.connecting import shared_quota
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.finding_dialect import client_of_reply
from reply_tasks.ledger import Ledger, LedgerError
from reply_tasks.ledger.pruning import prune_daily
from reply_tasks.quota.estimate import time_in
from reply_tasks.quota.quota import Wait
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.engine.engine import Engine
from target_reply_tasks.engine.gate import Gate
from target_reply_tasks.inbox import GATHERING, Inbox
from target_reply_tasks.pacing import Pacing
from target_reply_tasks.result import RunResult
from target_reply_tasks.sinks import Receiver
from target_reply_tasks.steps import Reached, pass_by


class AnyRun(Protocol):
    """What stands behind the target: a run, or a dry run."""

    @property
    def receiver(self) -> Receiver:
        """Takes the input."""

    def start(self) -> None:
        """Begin, before anything is read."""

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """End early, from any thread or signal handler."""

    def finish(self, *, broken: str | None = None) -> RunResult:
        """There is no more input; ``broken`` says what was wrong with it."""


class Run:
    """One run of the target on its ledger.

    Args:
        settings: How it runs.
        logger: Gets every line for a person.
        write_state: Writes one STATE to standard output.
        close_input: Wakes a reader that blocks, when nothing more shall be read.
        backoff: How long to wait before a repeat.
        reached: Told of each step of the run.
    """

    def __init__(  # noqa: PLR0913 - what a run's effects are
        self,
        settings: TargetSettings,
        logger: logging.Logger,
        *,
        write_state: Callable[[str], None],
        close_input: Callable[[], None],
        backoff: Backoff | None = None,
        reached: Reached = pass_by,
    ) -> None:
        self._settings = settings
        self._logger = logger
        self._write_state = write_state
        self._close_input = close_input
        self._backoff = backoff or Backoff()
        self._reached = reached
        self._stack = ExitStack()
        inbox = Inbox(gathering=GATHERING)
        self._inbox = inbox
        self._engine: Engine | None = None
        self._ledger: Ledger | None = None
        #: What the sinks hand their records to.
        self.receiver = Gate(inbox)

    def start(self) -> None:
        """Open everything, and settle what dead runs left.

        Raises:
            LedgerError: The ledger can't be opened.
            ConfigurationError: The client can't be made from the settings.
        """
        settings = self._settings
        ledger = self._stack.enter_context(
            Ledger.open(settings.ledger_url, api_url=settings.api_url)
        )
        self._ledger = ledger
        client = self._stack.enter_context(
            client_of_reply(settings, ledger.engine, self._tell_wait)
        )
        quota = shared_quota(settings, ledger.write)
        context = Context(
            ledger=ledger,
            client=client,
            pacing=Pacing(quota, default_user=settings.acting_user, log=self._logger.info),
            backoff=self._backoff,
            write_state=self._write_state,
            close_input=self._close_input,
            log=self._logger.info,
            reached=self._reached,
        )
        self._engine = Engine(
            context,
            settings,
            run_id=ledger.holder.holder_id,
            inbox=self._inbox,
            gate=self.receiver,
        )
        self._engine.start()
        self._engine.wait_until_ready()

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Stop: what is in flight settles, within a bound."""
        self.receiver.stop(exit_code=exit_code, cause=cause)

    def finish(self, *, broken: str | None = None) -> RunResult:
        """Wait until everything that was read is settled, or the run has stopped.

        Args:
            broken: What was wrong with the input, if it ended before its end.
        """
        if self._engine is None:  # pragma: no cover - a bug of ours
            raise AssertionError("the run was not started")
        self.receiver.end_of_input(broken=broken)
        try:
            result = self._engine.join()
            self._prune(result)
        finally:
            self._stack.close()
        self._tell(result)
        return result

    def _prune(self, result: RunResult) -> None:
        """Keep the ledger small, where that is asked for; the verdict stands, whatever comes."""
        days = self._settings.retention_days
        if days is None or self._ledger is None or result.exit_code not in {0, 2}:
            return
        try:
            pruned = prune_daily(self._ledger.engine, older_than=timedelta(days=days))
        except (LedgerError, SQLAlchemyError) as error:
            self._logger.warning("The ledger was not pruned: %s", type(error).__name__)
            return
        if pruned is not None:
            self._logger.info(
                "Pruned %d operations and %d runs that are older than %d days.",
                pruned.operations,
                pruned.runs,
                days,
            )

    def _tell_wait(self, wait: Wait) -> None:
        self._logger.info(
            "Waiting %.0f s, until %s, for the quota (%s).",
            wait.seconds,
            time_in(wait.seconds),
            wait.why,
        )

    def _tell(self, result: RunResult) -> None:
        if result.error is not None:
            self._logger.error("%s", result.stopped, exc_info=result.error)
        elif result.stopped is not None:
            self._logger.error("Stopped: %s", result.stopped)
        totals = result.totals
        counts = ", ".join(
            f"{count} {outcome}" for outcome, count in totals.outcomes.items() if count
        )
        reasons = ", ".join(f"{count} {reason}" for reason, count in totals.reasons.items())
        if totals.outcomes[Outcome.REJECTED]:
            counts += f" (rejected: {reasons})"
        unsettled = f", {result.unsettled} left for the next run" if result.unsettled else ""
        self._logger.info(
            "%d records read: %s%s%s; %d calls made.",
            result.read,
            counts or "none settled",
            f", {totals.repeated} of them repeated" if totals.repeated else "",
            unsettled,
            totals.api_calls,
        )
