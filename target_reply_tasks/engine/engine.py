"""The engine: one thread that owns the ledger's writes and the order of everything.

It takes what the reader and the senders tell it, turn by turn. What a turn has committed may be
known: then STATEs leave. All its state is its own: no locks, no shared structures.
"""

import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import filterfalse
from threading import Event, Thread

from sqlalchemy import Connection

from reply_tasks.ledger import LedgerError
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.engine.approvals import Approvals
from target_reply_tasks.engine.backlog import Backlog
from target_reply_tasks.engine.checkpoint import Checkpoint
from target_reply_tasks.engine.commits import ClaimLostError, Commits
from target_reply_tasks.engine.gate import WINDOW, Gate
from target_reply_tasks.engine.linking import Linking
from target_reply_tasks.engine.placing import Placing
from target_reply_tasks.engine.plan import Plan
from target_reply_tasks.engine.progress import Progress
from target_reply_tasks.engine.publishing import Publishing
from target_reply_tasks.engine.turn import Turn
from target_reply_tasks.engine.verdicts import Verdicts
from target_reply_tasks.inbox import (
    Crashed,
    Ended,
    Inbox,
    InputEnded,
    Message,
    OutputClosed,
    PauseWanted,
    Received,
    Refused,
    SlotWanted,
    StateLeft,
    StateRead,
    StopWanted,
)
from target_reply_tasks.result import STOP_BOUND, RunResult
from target_reply_tasks.sending.senders import Senders
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Settled, Unsettled

_OUTPUT_CLOSED = (
    "A STATE can't be written to standard output ({}), so that the next run will read again what "
    "this one has settled: the ledger knows it."
)


class Engine:
    """Applies the records of one run, which come through its gate."""

    def __init__(
        self, context: Context, settings: TargetSettings, run_id: str, *, inbox: Inbox, gate: Gate
    ) -> None:
        self._context = context
        self._settings = settings
        self._run_id = run_id
        self._inbox = inbox
        self._gate = gate
        self._ready_to_read = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="engine", daemon=True)

        self._approvals = Approvals(
            unapproved=settings.executions_without_approval,
            hold=timedelta(hours=settings.hold_hours),
        )
        self._verdicts = Verdicts(
            mode=settings.update_mode, retry_after=timedelta(hours=settings.retry_rejected_hours)
        )
        self._senders = Senders(context, settings, self._inbox, self._stopping)
        self._plan = Plan(
            mode=settings.update_mode,
            skip_unchanged=settings.skip_unchanged,
            settle_seconds=settings.settle_seconds,
            holder_id=context.ledger.holder.holder_id,
            approvals=self._approvals,
            verdicts=self._verdicts,
            placing=Placing(Linking(create_missing=settings.create_missing)),
            refused_users=self._senders.refused_users,
        )
        self._backlog = Backlog(context, run_id, plan=self._plan, approvals=self._approvals)
        self._checkpoint = Checkpoint()
        self._input_ended = False
        self._bound = float("inf")
        self._result = RunResult()
        self._publishing = Publishing(context, inbox, gate, self._checkpoint, self._result)
        self._progress = Progress(context)

    def start(self) -> None:
        """Begin: settle what dead runs left, then be ready for records."""
        self._thread.start()

    def wait_until_ready(self) -> None:
        """Return when the claims of dead runs are settled, or the run has stopped over them."""
        self._ready_to_read.wait()

    def join(self) -> RunResult:
        """Wait for the end of the run."""
        self._thread.join()
        return self._result

    # -- the engine's thread -------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                transaction = stack.enter_context(self._context.ledger.session())
                self._commits = Commits(
                    self._context.ledger,
                    self._run_id,
                    transaction,
                    keep_repeats=self._settings.keep_repeats,
                    reply_clock=self._context.reply_clock,
                    log=self._context.log,
                    told_to_stop=self._told_to_stop,
                )
                self._turn = Turn(
                    self._context,
                    self._commits,
                    self._checkpoint,
                    plan=self._plan,
                    senders=self._senders,
                    result=self._result,
                )
                self._publishing.start()
                self._open()
                while not self._finished():
                    self._take_turn(
                        self._inbox.take(timeout=self._timeout(), enough=self._enough())
                    )
                self._close()
        except LedgerError as error:
            self._fail(str(error))
        except BaseException as error:  # noqa: BLE001 - a bug: told, never lost in a thread
            self._fail(f"Internal error: {type(error).__name__}: {error}", error)
        finally:
            self._publishing.end_log()
            self._shut()
            self._ready_to_read.set()

    def _open(self) -> None:
        self._commits.transact(self._begin_run)
        self._backlog.take_up(self._commits)
        if not self._backlog.open:
            self._ready_to_read.set()

    def _begin_run(self, connection: Connection) -> None:
        start_run(connection, self._run_id)
        self._context.reached(Step.OPENING_RUN)

    def _finished(self) -> bool:
        if self._stopping.is_set():
            return not self._turn.due and (
                not (self._senders.busy or self._publishing.states_leaving)
                or time.monotonic() > self._bound
            )
        return (
            self._input_ended
            and not self._backlog.open
            and not self._turn.due
            and not self._checkpoint.in_hand
            and not self._checkpoint.has_safe_state
            and not self._publishing.states_leaving
        )

    def _timeout(self) -> float:
        """Seconds until something is due without a message."""
        if self._turn.due or (self._stopping.is_set() and self._turn.slots_wanted):
            return 0.0
        if self._stopping.is_set():
            return max(0.0, self._bound - time.monotonic())
        if self._plan.unjudged:
            return 0.0
        free = filterfalse(self._context.pacing.waits, self._plan.users_with_work())
        due_times = (self._context.pacing.due, self._plan.due(), self._senders.due(free))
        due = min([self._progress.due, *(at for at in due_times if at is not None)])
        return max(0.0, due - time.monotonic())

    def _enough(self) -> int:
        """How many messages are worth a turn: with no call under way, as many as can be read."""
        return WINDOW if self._senders.busy else max(1, WINDOW - self._checkpoint.in_hand)

    def _take_turn(self, messages: list[Message]) -> None:
        for message in messages:
            self._take(message)
        try:
            committed = self._turn.commit(
                stopping=self._stopping.is_set(), no_rest=self._input_ended
            )
        except ClaimLostError:
            self._turn.keep_what_is_ours()
            self._begin_stop(
                "Another run assumed that this one had died, and took over its claims.",
                exit_code=1,
            )
        else:
            self._backlog.open -= committed.dropped
            self._publish(committed.settled)
            if self._context.pacing.gave_up is not None:
                self._begin_stop(self._context.pacing.gave_up, exit_code=1)
        self._progress.tell(self._result, self._plan, in_hand=self._checkpoint.in_hand)

    def _take(self, message: Message) -> None:
        match message:
            case Received() | Refused() | SlotWanted() | PauseWanted():
                self._turn.take(message)
            case StateRead(text):
                self._checkpoint.mark(text)
            case InputEnded(broken):
                self._input_ended = True
                self._result.stopped = self._result.stopped or broken
            case Ended(_, result):
                self._turn.end(message, stopping=self._stopping.is_set())
                if isinstance(result, Unsettled) and result.stop is not None:
                    self._begin_stop(result.stop, exit_code=1)
            case StateLeft(size):
                self._publishing.state_left(size)
            case OutputClosed(cause):
                self._begin_stop(_OUTPUT_CLOSED.format(cause), exit_code=1)
            case StopWanted(cause, exit_code):
                self._begin_stop(cause, exit_code=exit_code)
            case Crashed(error):
                raise error

    def _publish(self, settled: list[Settled]) -> None:
        """What is committed may be known; it may also be the end of the backlog, or of the run."""
        self._backlog.open -= self._publishing.publish(settled)
        self._publishing.let_states_leave(self._commits)
        if not self._backlog.open:
            self._ready_to_read.set()
        most = self._settings.max_rejected
        if most is not None and self._result.rejected > most and not self._stopping.is_set():
            self._begin_stop(
                f"{self._result.rejected} records were rejected, and max_rejected is {most}.",
                exit_code=1,
            )
        if self._plan.waits_elsewhere:
            self._backlog.check_for_orphans(self._commits)

    # -- stopping ------------------------------------------------------------------------------

    def _begin_stop(self, cause: str | None, *, exit_code: int) -> None:
        """Send nothing new; what is in flight may settle."""
        if self._stopping.is_set():
            return
        self._result.exit_code = exit_code
        self._result.stopped = self._result.stopped or cause
        self._stopping.set()
        self._bound = time.monotonic() + STOP_BOUND
        self._shut()
        self._turn.released.extend(work for work in self._senders.take_back() if not work.recovered)

    def _told_to_stop(self) -> bool:
        return self._stopping.is_set() or self._inbox.stop_wanted() is not None

    def _shut(self) -> None:
        """Read no more: wake a reader that waits for input or for room."""
        self._gate.shut()
        self._ready_to_read.set()
        self._context.close_input()

    def _close(self) -> None:
        """Write the run's end."""
        totals, result = self._result.totals, self._result
        result.unsettled = self._checkpoint.in_hand + self._backlog.open
        totals.quota_wait_seconds = self._context.pacing.waited
        if not self._stopping.is_set():
            result.give_verdict(max_rejected_percent=self._settings.max_rejected_percent)
        self._commits.transact(self._end_run)
        self._context.reached(Step.ENDED_RUN)
        self._senders.dismiss()
        self._publishing.close()

    def _end_run(self, connection: Connection) -> None:
        end_run(
            connection,
            self._run_id,
            exit_code=self._result.exit_code,
            totals=self._result.totals,
        )
        self._context.reached(Step.ENDING_RUN)

    def _fail(self, cause: str, error: BaseException | None = None) -> None:
        wanted = self._inbox.stop_wanted()
        self._result.exit_code = 1 if wanted is None else wanted.exit_code
        self._result.stopped = self._result.stopped or cause
        self._result.error = error
        self._result.unsettled = self._checkpoint.in_hand + self._backlog.open
        self._stopping.set()
        self._senders.take_back()  # their claims are the next run's
