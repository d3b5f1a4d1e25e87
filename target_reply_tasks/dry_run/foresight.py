"""Foresight: judges a record as the engine would, given the ledger and what was planned before.

It asks the ledger what the engine asks it, and hands that to the same ``judge``; it writes nothing.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from reply_tasks.contract import UpdateMode, body_hash, merge, read_task_detail
from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation, Outcome, Reason
from reply_tasks.contract.records import Body
from reply_tasks.ledger import Entry, Execution, KnownTask, RejectedUpdate, open_engine
from reply_tasks.ledger.database import clear_errors
from reply_tasks.ledger.held import HeldExecution
from reply_tasks.ledger.identity import refuse_foreign
from reply_tasks.ledger.lookups import KINDS, LookUpKey, known_lookup
from reply_tasks.ledger.queries import known_tasks, tasks_claimed
from reply_tasks.quota.digests import Digests
from reply_tasks.settings import TargetSettings
from target_reply_tasks.dry_run.changes import detail_after
from target_reply_tasks.dry_run.linked import Linked
from target_reply_tasks.engine.approvals import Approvals
from target_reply_tasks.engine.judge import judge
from target_reply_tasks.engine.judgements import Approval, Judgement, Need
from target_reply_tasks.engine.verdicts import Verdicts
from target_reply_tasks.work import Work

#: How many tasks are kept as the planned updates would leave them; of others that is not known.
MOST_DETAILS = 10_000


class Foreseen(NamedTuple):
    """What is foreseen for a record.

    Attributes:
        judgement: The engine's.
        known: What is known of its task before it.
        by_earlier: Whether it rests on an operation that is only planned, and will have another id.
        follows: Whether its task has no id that is known.
        assumes: Whether it is taken to be linked to one, since no ledger was asked.
        unknown: Its members whose addresses must be looked up.
    """

    judgement: Judgement
    known: KnownTask
    by_earlier: bool = False
    follows: bool = False
    assumes: bool = False
    unknown: tuple[str, ...] = ()


class Foresight:
    """What the ledger knows, and what the records before would have made of it."""

    def __init__(self, settings: TargetSettings, *, assume_links: bool = False) -> None:
        self._settings = settings
        self._approvals = Approvals(
            unapproved=settings.executions_without_approval,
            hold=timedelta(hours=settings.hold_hours),
        )
        self._verdicts = Verdicts(
            mode=settings.update_mode, retry_after=timedelta(hours=settings.retry_rejected_hours)
        )
        self._digests = Digests(settings.api_key)
        self._stack = ExitStack()
        self._connection: Connection | None = None
        self._claimed: frozenset[int] = frozenset()
        self._expired: frozenset[str] = frozenset()
        self._tasks: dict[int, KnownTask] = {}
        self._details: OrderedDict[int, Mapping[str, Any]] = OrderedDict()
        self._held: dict[int, HeldExecution] = {}
        #: The tasks that planned creations make, by the key of each.
        self._made: dict[int, KnownTask] = {}
        self._linked = Linked(
            self._made, create_missing=settings.create_missing, assume=assume_links
        )
        #: The planned operations that can't be undone.
        self._done: set[str] = set()
        self._old_texts: dict[int, RejectedUpdate | None] = {}

    def open(self) -> None:
        """Look at the ledger, which is neither made nor changed.

        Raises:
            MissingLedgerError: There is none: nothing is known.
            LedgerError: It can't be read, or belongs to another API: a plan would mislead.
        """
        engine = open_engine(self._settings.ledger_url, create=False, migrate=False)
        self._stack.callback(engine.dispose)
        self._connection = self._stack.enter_context(engine.connect())
        with self._reading() as connection:
            refuse_foreign(connection, self._settings.api_url)
            self._claimed = tasks_claimed(connection)
            self._expired = self._approvals.expired(connection)

    def close(self) -> None:
        """Let go of the ledger."""
        self._connection = None
        self._stack.close()

    @property
    def claimed(self) -> int:
        """How many tasks have an unsettled operation, of a run that lives or of a dead one."""
        return len(self._claimed)

    @property
    def expired(self) -> int:
        """How many held executions nobody approved in time."""
        return len(self._expired)

    def approved(self) -> list[Work]:
        """What people have approved: a run sends it first."""
        if self._connection is None:
            return []
        with self._reading() as connection:
            return self._approvals.approved(connection)

    def foresee(self, work: Work) -> Foreseen:
        """Judge a record, and remember what it would do to its task."""
        if self._connection is not None:
            with self._reading() as connection:
                self._linked.look_up(connection, work)
        claimed = work.task_id in self._claimed
        unplaced = (
            None if claimed else self._linked.place(work, partial(self._ask, work, self._tasks))
        )
        if unplaced is not None:
            return Foreseen(unplaced, KnownTask())
        follows = self._linked.follows(work)
        memory = self._made if follows else self._tasks
        known = self._ask(work, memory)
        judgement = self._linked.stands_for_another(work, known) or judge(
            work,
            known,
            claimed_elsewhere=claimed or work.task_id in self._claimed,
            mode=self._settings.update_mode,
            skip_unchanged=self._settings.skip_unchanged,
            settle_seconds=self._settings.settle_seconds,
            approval=self._approval_of(work),
            refusal=None if work.task_id in memory else self._verdicts.refusal_of(work),
        )
        by_earlier = self._rests_on_a_planned_one(work, known, judgement)
        if judgement.need is Need.SEND:
            self._approvals.count(work)
            memory[work.task_id] = self._sent(work, known)._replace(detail=None)
        elif judgement.outcome is Outcome.HELD and not judgement.repeats:
            entry = work.entry
            self._held[work.task_id] = HeldExecution(
                entry.operation_id, entry.body_hash, entry.external_id, None
            )
        if work.operation is Operation.UPDATE and judgement.need is not Need.WAIT:
            self._mark(work.entry, rejected=judgement.outcome is Outcome.REJECTED)
        if judgement.outcome is not Outcome.REJECTED:
            self._linked.learn(work)
        return Foreseen(
            judgement,
            known,
            by_earlier,
            follows,
            self._linked.assumes(work),
            tuple(self._unknown(work)),
        )

    def _unknown(self, work: Work) -> Iterator[str]:
        user = work.user or self._settings.acting_user
        for member, kind in KINDS.items():
            address = work.record.body.get(member)
            if address is None:
                continue
            if self._connection is None:
                yield member
                continue
            with self._reading() as connection:
                key = LookUpKey(kind, address, self._digests[user])
                if known_lookup(connection, key) is None:
                    yield member

    def rejected(self, entry: Entry) -> None:
        """A record can't be read by the contract: of an update, its task keeps an older text."""
        if entry.operation is Operation.UPDATE:
            self._mark(entry, rejected=True)

    def _mark(self, entry: Entry, *, rejected: bool) -> None:
        if entry.task_id is not None:
            update = RejectedUpdate(entry.operation_id, entry.received_at)
            self._old_texts[entry.task_id] = update if rejected else None

    def _rests_on_a_planned_one(self, work: Work, known: KnownTask, judgement: Judgement) -> bool:
        match judgement.outcome, judgement.reason:
            case _, Reason.UPDATE_REJECTED:
                return work.task_id in self._old_texts
            case Outcome.HELD, _:
                return judgement.repeats and work.task_id in self._held
            case _:
                deletes = work.operation is Operation.DELETE
                earlier = known.deletion if deletes else known.execution
                return earlier is not None and earlier.operation_id in self._done

    def _ask(self, work: Work, memory: Mapping[int, KnownTask]) -> KnownTask:
        known = memory.get(work.task_id)
        if known is not None:
            known = known._replace(detail=self._details.get(work.task_id))
        if self._connection is not None:
            with self._reading() as connection:
                self._approvals.look_up(connection, [work])
                self._verdicts.look_up(connection, [work])
                if known is None:
                    asked = known_tasks(connection, [work.task_id], with_detail=True)
                    known = asked[work.task_id]
        known = known or KnownTask()
        if work.task_id in self._old_texts:
            known = known._replace(rejected_update=self._old_texts[work.task_id])
        return known

    def _approval_of(self, work: Work) -> Approval:
        approval = self._approvals.of(work)
        planned = self._held.get(work.task_id)
        if work.operation is not Operation.EXECUTE:
            return approval
        if planned is not None:
            return replace(approval, held=planned)
        if approval.held is not None and approval.held.operation_id in self._expired:
            return replace(approval, held=None)
        return approval

    def _sent(self, work: Work, known: KnownTask) -> KnownTask:
        """The task as it is once this record has been applied; of a creation, its key."""
        if work.operation in IRREVERSIBLE:
            return self._closed(work, known)
        if work.operation is Operation.ASSIGN:
            self._keep(work.task_id, known.detail)
            return known._replace(assignment_hash=work.entry.body_hash)
        after = body_after(work, known, self._settings.update_mode)
        hashed = None if after is None else body_hash(Operation.UPDATE, after)
        if after is not None:
            self._keep(work.task_id, detail_after(known.detail, work.task_id, after))
        return known._replace(body_hash=hashed, shaken=None)

    def _closed(self, work: Work, known: KnownTask) -> KnownTask:
        entry = work.entry
        done = Execution(entry.operation_id, Outcome.APPLIED, entry.body_hash, entry.external_id)
        self._done.add(entry.operation_id)
        self._keep(work.task_id, known.detail)
        match work.operation:
            case Operation.DELETE:
                return known._replace(deletion=done)
            case Operation.CREATE:
                body = work.record.body
                self._made[work.task_id] = KnownTask(body_hash(Operation.UPDATE, body))
                self._keep(work.task_id, detail_after(None, work.task_id, body))
        return known._replace(execution=done, shaken=None)

    def _keep(self, task_id: int, detail: Mapping[str, Any] | None) -> None:
        if detail is None:
            return
        self._details[task_id] = detail
        self._details.move_to_end(task_id)
        if len(self._details) > MOST_DETAILS:
            self._details.popitem(last=False)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """No transaction stays open while the next record is waited for."""
        if self._connection is None:  # pragma: no cover - a bug of ours
            raise AssertionError("there is no ledger")
        with clear_errors():
            yield self._connection
            self._connection.rollback()


def body_before(known: KnownTask) -> Body | None:
    """The body that would leave the task as it is; None where that is not known."""
    detail = None if known.detail is None else read_task_detail(known.detail)
    return None if detail is None else detail.update_body()


def body_after(work: Work, known: KnownTask, mode: UpdateMode) -> Body | None:
    """The body that an update would send; None where a merge depends on what is not known."""
    if mode is UpdateMode.REPLACE:
        return work.record.body
    before = body_before(known)
    return None if before is None else merge(before, work.record.body)
