"""A run: the ledger, the client, the quota and the engine, put together from the settings."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.connecting import connection_to_reply, shared_quota
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import Ledger, Settlement
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.engine.engine import Engine
from target_reply_tasks.engine.pacing import Pacing
from target_reply_tasks.result import RunResult
from target_reply_tasks.work import Work


class Run:
    """One run of the target on its ledger.

    Args:
        settings: How it runs.
        logger: Gets every line for a person.
        write_state: Writes one STATE to standard output.
        close_input: Wakes a reader that blocks, when nothing more shall be read.
        backoff: How long to wait before a repeat.
    """

    def __init__(
        self,
        settings: TargetSettings,
        logger: logging.Logger,
        *,
        write_state: Callable[[Any], None],
        close_input: Callable[[], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._logger = logger
        self._write_state = write_state
        self._close_input = close_input
        self._backoff = backoff or Backoff()
        self._stack = ExitStack()
        self._engine: Engine | None = None
        self._stop_early: int | None = None

    def start(self) -> None:
        """Open everything, and settle what dead runs left.

        Raises:
            LedgerError: The ledger can't be opened.
            ConfigurationError: The client can't be made from the settings.
        """
        settings = self._settings
        client = self._stack.enter_context(ReplyClient(connection_to_reply(settings)))
        ledger = self._stack.enter_context(
            Ledger.open(settings.ledger_url, api_url=settings.api_url)
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
        )
        self._engine = Engine(context, settings, run_id=ledger.holder.holder_id)
        if self._stop_early is not None:
            self._engine.gate.stop(exit_code=self._stop_early)
        self._engine.start()
        self._engine.wait_until_ready()

    @property
    def engine(self) -> Engine:
        """The engine of a run that was started."""
        if self._engine is None:  # pragma: no cover - a bug of ours
            raise AssertionError("the run was not started")
        return self._engine

    def received(self, work: Work) -> None:
        """A valid record was read."""
        self.engine.gate.received(work)

    def refused(self, settlement: Settlement) -> None:
        """A record was read that can't be applied."""
        self.engine.gate.refused(settlement)

    def state(self, value: Any) -> None:  # noqa: ANN401 - any JSON
        """A STATE was read."""
        self.engine.gate.state(value)

    def stop(self, *, exit_code: int, cause: str | None = None) -> None:
        """Stop: what is in flight settles, within a bound."""
        if self._engine is None and self._stop_early is None:
            self._stop_early = exit_code
        if self._engine is not None:  # asked again: it may have been made in the meantime
            self._engine.gate.stop(exit_code=exit_code, cause=cause)

    def finish(self, *, broken: str | None = None) -> RunResult:
        """Wait until everything that was read is settled, or the run has stopped.

        Args:
            broken: What was wrong with the input, if it ended before its end.
        """
        self.engine.gate.end_of_input(broken=broken)
        try:
            result = self.engine.join()
        finally:
            self._stack.close()
        self._tell(result)
        return result

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
            "%d records read: %s%s; %d calls made.",
            result.read,
            counts or "none settled",
            unsettled,
            totals.api_calls,
        )
