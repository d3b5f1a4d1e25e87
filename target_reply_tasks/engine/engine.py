"""The engine: one thread that owns the ledger's writes and the order of everything.

It takes what the reader and the senders tell it, settles and claims in one commit, and only then
lets STATEs leave and calls go out. All its state is its own: no locks, no shared structures.
"""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import filterfalse
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import LedgerError, Settlement
from reply_tasks.ledger.holding import supersede_held
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.engine.adoption import adopt
from target_reply_tasks.engine.approvals import Approvals
from target_reply_tasks.engine.checkpoint import Checkpoint
from target_reply_tasks.engine.commits import ClaimLostError, Commits, may_hold_execution
from target_reply_tasks.engine.gate import WINDOW, Gate
from target_reply_tasks.engine.inbox import (
    Crashed,
    Ended,
    Inbox,
    InputEnded,
    Message,
    PauseWanted,
    Received,
    Refused,
    SlotWanted,
    StateRead,
    StopWanted,
)
from target_reply_tasks.engine.judge import Need
from target_reply_tasks.engine.plan import LOOK_AHEAD, Plan
from target_reply_tasks.engine.progress import Progress
from target_reply_tasks.engine.unknown_members import UnknownMembers
from target_reply_tasks.result import RunResult
from target_reply_tasks.sending.senders import Senders
from target_reply_tasks.work import Unsettled, Work

#: Seconds that what is in flight may take to settle when the run stops; then its claims are left to
#: the next run.
STOP_BOUND = 20.0
#: Seconds between two looks for claims that a dead run left while we wait for them.
ORPHAN_LOOK = 5.0
#: Seconds for which messages that nobody waits for gather into one commit.
REST = 0.05


class Engine:
    """Applies the records of one run, which come through its gate."""

    def __init__(self, context: Context, settings: TargetSettings, run_id: str) -> None:
        self._context = context
        self._settings = settings
        self._run_id = run_id
        self._inbox = Inbox(rest=REST)
        self.gate = Gate(self._inbox)
        self._ready_to_read = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="engine", daemon=True)

        self._approvals = Approvals(
            unapproved=settings.executions_without_approval,
            hold=timedelta(hours=settings.hold_hours),
        )
        self._plan = Plan(
            mode=settings.update_mode,
            skip_unchanged=settings.skip_unchanged,
            holder_id=context.ledger.holder.holder_id,
            approvals=self._approvals,
        )
        self._checkpoint = Checkpoint()
        self._senders = Senders(context, settings, self._inbox, self._stopping)
        self._slots_wanted: list[SlotWanted] = []
        self._settled: list[tuple[int, Settlement]] = []
        self._released: list[Work] = []
        self._recovering = 0
        self._input_ended = False
        self._unheard = False
        self._bound = float("inf")
        self._next_orphan_look = 0.0
        self._result = RunResult()
        self._progress = Progress(context.log)
        self._unknown_members = UnknownMembers(context.log)

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
                )
                self._open()
                while not self._finished():
                    self._turn(self._inbox.take(timeout=self._timeout(), enough=self._enough()))
                self._close()
        except LedgerError as error:
            self._fail(str(error))
        except BaseException as error:  # noqa: BLE001 - a bug: told, never lost in a thread
            self._fail(f"Internal error: {type(error).__name__}: {error}", error)
        finally:
            self._shut()
            self._ready_to_read.set()

    def _open(self) -> None:
        with self._commits.begin(durable=True) as connection:
            start_run(connection, self._run_id)
        self._adopt_orphans()
        self._take_up_approved()
        if not self._recovering:
            self._ready_to_read.set()

    def _adopt_orphans(self) -> None:
        """Take over the claims of dead runs; they go through their lanes before anything else."""
        with self._commits.begin(durable=True) as connection:
            works, closed = adopt(connection, self._context.ledger.holder, self._run_id)
        for work in works:
            self._recovering += 1
            self._plan.add(work)
        if works or closed:
            self._context.log(
                f"Found {len(closed)} run(s) that died, and {len(works)} claim(s) without an "
                "outcome: they are settled first."
            )
        self._next_orphan_look = time.monotonic() + ORPHAN_LOOK

    def _take_up_approved(self) -> None:
        """What people have approved is sent before anything is read."""
        with self._commits.begin(durable=True) as connection:
            works, expired = self._approvals.begin(connection)
        for work in works:
            self._recovering += 1
            self._plan.add(work)
        if works:
            self._context.log(f"Found {len(works)} approved execution(s): they are sent first.")
        if expired:
            self._context.log(
                f"{expired} execution(s) were rejected: nobody approved them in time."
            )

    def _finished(self) -> bool:
        if self._stopping.is_set():
            return not (self._settled or self._released) and (
                not self._senders.busy or time.monotonic() > self._bound
            )
        return (
            self._input_ended
            and not self._recovering
            and not self._settled
            and not self._checkpoint.in_hand
            and not self._checkpoint.has_safe_state
        )

    def _timeout(self) -> float:
        """Seconds until something is due without a message."""
        if self._settled or self._released:
            return 0.0
        if self._stopping.is_set():
            return max(0.0, self._bound - time.monotonic())
        if self._plan.unjudged:
            return 0.0
        free = filterfalse(self._context.pacing.waits, self._plan.users_with_work())
        looks = (self._context.pacing.due, self._plan.due(), self._senders.due(free))
        due = min([self._progress.due, *(at for at in looks if at is not None)])
        return max(0.0, due - time.monotonic())

    def _enough(self) -> int:
        """How many messages are worth a turn: with no call under way, as many as can be read."""
        return WINDOW if self._senders.busy else max(1, WINDOW - self._checkpoint.in_hand)

    def _turn(self, messages: list[Message]) -> None:
        for message in messages:
            self._take(message)
        try:
            self._commit()
        except ClaimLostError:
            self._settled = self._commits.keep_what_is_ours(self._settled)
            self._begin_stop(
                "Another run took over claims of this one, which it held for dead.", exit_code=1
            )
        self._progress.tell(
            settled=self._result.totals.settled,
            in_hand=self._checkpoint.in_hand,
            calls=self._result.totals.api_calls,
            waiting=self._context.pacing.told(),
        )

    def _take(self, message: Message) -> None:
        match message:
            case Received(work):
                self._received(work)
            case Refused(settlement):
                self._settled.append((self._checkpoint.next_index(), settlement))
                self._result.read += 1
            case Ended(work, result):
                self._ended(work, result)
            case StateRead(state):
                self._checkpoint.mark(state)
            case SlotWanted():
                self._slots_wanted.append(message)
            case PauseWanted(user, seconds):
                self._context.pacing.pause(user, seconds)
            case InputEnded(broken):
                self._input_ended = True
                self._result.stopped = self._result.stopped or broken
            case StopWanted(cause, exit_code):
                self._begin_stop(cause, exit_code=exit_code)
            case Crashed(error):
                raise error

    def _received(self, work: Work) -> None:
        work.index = self._checkpoint.next_index()
        self._result.read += 1
        superseded = self._plan.add(work)
        if superseded is not None:
            settlement = superseded.settled(
                Outcome.SUPERSEDED,
                datetime.now(UTC),
                detail=f"Operation {work.entry.operation_id} replaces it before it was sent.",
            )
            self._settled.append((superseded.index, settlement))

    def _ended(self, work: Work, result: Settlement | Unsettled) -> None:
        self._senders.take_in(work)
        self._result.totals.api_calls += len(work.attempts) - work.made_before
        if isinstance(result, Settlement):
            if result.task_detail is not None:
                self._unknown_members.look(result.task_detail)
            self._settled.append((work.index, result))
            self._plan.finish(work)
            return
        if not work.unsure:
            self._released.append(work)
        if result.stop is not None:
            self._begin_stop(result.stop, exit_code=1)

    # -- one commit ----------------------------------------------------------------------------

    def _commit(self) -> None:
        """Settle what has ended, claim what may go, and only then publish and send."""
        durable = (
            self._checkpoint.states_wait
            or self._plan.executions_wait()
            or may_hold_execution(self._settled)
        )
        settled = self._settled
        chosen: list[Work] = []
        granted: list[SlotWanted] = []
        with self._commits.begin(durable=durable) as connection:
            if self._commits.settle(connection, (settlement for _, settlement in settled)):
                self._plan.doubt()
                self._senders.forget_tasks()
            self._commits.release(connection, self._released)
            if not self._stopping.is_set():
                settled = settled + self._judge(connection)
            # The quota's lock comes after the counter's, in every transaction: no deadlock.
            self._context.pacing.bring_up_to_date(connection, self._senders.in_flight)
            granted = self._grant_slots(connection)
            if not self._stopping.is_set():
                chosen = self._choose(connection)
        self._settled, self._released = [], []
        for wanted in granted:
            wanted.answer(granted=True)
        self._senders.hand_out(chosen)
        self._publish(settled)
        if self._context.pacing.gave_up is not None and not self._stopping.is_set():
            self._inbox.put(StopWanted(self._context.pacing.gave_up, 1), urgent=True)

    def _judge(self, connection: Connection) -> list[tuple[int, Settlement]]:
        now = datetime.now(UTC)
        judged = []
        for work, judgement in self._plan.judge(connection, time.monotonic()):
            if judgement.need is Need.DROP:
                self._recovering -= 1
                continue
            if judgement.replaces is not None:
                supersede_held(connection, judgement.replaces, by=work.entry.operation_id)
            settlement = work.settled(
                judgement.outcome or Outcome.UNCHANGED,
                now,
                reason=judgement.reason,
                detail=judgement.detail,
                repeats=judgement.repeats,
            )
            judged.append((work.index, settlement))
        self._commits.settle_more(connection, (settlement for _, settlement in judged))
        return judged

    def _choose(self, connection: Connection) -> list[Work]:
        """Claim what there are senders and slots for."""
        wanted: list[Work] = []
        now = time.monotonic()
        rested = now - (0.0 if self._input_ended or self._full() else LOOK_AHEAD)
        for user in self._plan.users_with_work():
            picked = self._plan.pick(user, partial(self._senders.room, user), rested_before=rested)
            if picked:
                slots = self._context.pacing.take(connection, user, len(picked))
                self._plan.put_back(user, picked[slots:])
                wanted += picked[:slots]
        self._context.pacing.rest_but(
            {*self._plan.users_with_work(), *(slot.work.user for slot in self._slots_wanted)}
        )
        claimed = self._commits.claim(connection, wanted)
        for work in claimed:
            work.slot = now
            self._plan.start(work)
        if len(claimed) < len(wanted):
            held = set(claimed)
            for work in wanted:
                if work not in held:
                    self._plan.wait_for_another(work, now)
        return claimed

    def _full(self) -> bool:
        return self._checkpoint.in_hand >= WINDOW

    def _grant_slots(self, connection: Connection) -> list[SlotWanted]:
        """Slots for calls of records that are under way, before any new one."""
        granted = []
        left = []
        for wanted in self._slots_wanted:
            if self._context.pacing.take(connection, wanted.work.user, 1):
                granted.append(wanted)
            elif self._stopping.is_set():
                wanted.answer(granted=False)
            else:
                left.append(wanted)
        self._slots_wanted = left
        return granted

    def _publish(self, settled: list[tuple[int, Settlement]]) -> None:
        """What is committed may be known: count it, let STATEs leave, read on."""
        read = 0
        for index, settlement in settled:
            self._result.totals.count(settlement)
            if index < 0:
                self._recovering -= 1
                continue
            self._checkpoint.settle(index)
            self._result.rejected += settlement.outcome is Outcome.REJECTED
            read += 1
        self.gate.make_room(read)
        if self._checkpoint.has_safe_state:
            self._commits.make_durable()
            self._write_states(self._checkpoint.safe_states())
        if not self._recovering:
            self._ready_to_read.set()
        most = self._settings.max_rejected
        if most is not None and self._result.rejected > most and not self._stopping.is_set():
            self._begin_stop(
                f"{self._result.rejected} records were rejected, and max_rejected is {most}.",
                exit_code=1,
            )
        if self._plan.waits_elsewhere and time.monotonic() > self._next_orphan_look:
            self._adopt_orphans()

    def _write_states(self, states: Iterable[Any]) -> None:
        """Write STATEs for as long as somebody reads them."""
        try:
            for state in states:
                if not self._unheard:
                    self._context.write_state(state)
        except OSError as error:
            self._unheard = True
            self._begin_stop(
                f"A STATE can't be written to standard output ({error.strerror}), so that the next "
                "run will read again what this one has settled: the ledger knows it.",
                exit_code=1,
            )

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
        self._released.extend(work for work in self._senders.take_back() if not work.recovered)

    def _shut(self) -> None:
        """Read no more: wake a reader that waits for input or for room."""
        self.gate.shut()
        self._ready_to_read.set()
        self._context.close_input()

    def _close(self) -> None:
        """Write the run's end."""
        totals, result = self._result.totals, self._result
        result.unsettled = self._checkpoint.in_hand + self._recovering
        totals.quota_wait_seconds = self._context.pacing.waited
        if not self._stopping.is_set():
            result.give_verdict(max_rejected_percent=self._settings.max_rejected_percent)
        with self._commits.begin(durable=True) as connection:
            end_run(connection, self._run_id, exit_code=result.exit_code, totals=totals)
        self._senders.dismiss()

    def _fail(self, cause: str, error: BaseException | None = None) -> None:
        self._result.exit_code = 1
        self._result.stopped = self._result.stopped or cause
        self._result.error = error
        self._result.unsettled = self._checkpoint.in_hand + self._recovering
        self._stopping.set()
