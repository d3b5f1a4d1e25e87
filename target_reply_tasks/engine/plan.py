"""Planning: which record of each lane is next, what it needs, and what may be sent now."""

from collections.abc import Callable, Collection, Iterator, Mapping

from sqlalchemy import Connection

from reply_tasks.api.decisions import Decision
from reply_tasks.contract import UpdateMode
from reply_tasks.contract.outcomes import IRREVERSIBLE, Operation, Outcome
from reply_tasks.ledger import KnownTask, RejectedUpdate
from reply_tasks.ledger.queries import known_tasks, tasks_claimed
from target_reply_tasks.batch import Batch
from target_reply_tasks.engine.approvals import Approvals
from target_reply_tasks.engine.judge import judge, superseded_by, user_refused
from target_reply_tasks.engine.judgements import Judgement, Need
from target_reply_tasks.engine.lanes import Lanes
from target_reply_tasks.engine.placing import Placing
from target_reply_tasks.engine.ready import Ready, Rest
from target_reply_tasks.engine.verdicts import Verdicts
from target_reply_tasks.work import Work

#: Seconds until a task that another run has claimed is looked at again.
CLAIMED_ELSEWHERE = 0.5


class Plan:
    """The lanes' heads, sorted by what they wait for.

    A head is ``fresh`` until it is judged; then it is settled without a call, or is ``sendable``,
    or waits for another run's claim. A judgement holds while no other process has settled anything;
    when one has, ``doubt`` makes every head fresh again.
    """

    def __init__(  # noqa: PLR0913 - all that a judgement rests on
        self,
        *,
        mode: UpdateMode,
        skip_unchanged: bool,
        settle_seconds: int,
        holder_id: str,
        approvals: Approvals,
        verdicts: Verdicts,
        placing: Placing,
        refused_users: Mapping[str | None, Decision],
    ) -> None:
        self._placing = placing
        self._refused_users = refused_users
        self._mode = mode
        self._skip_unchanged = skip_unchanged
        self._settle_seconds = settle_seconds
        self._holder_id = holder_id
        self._approvals = approvals
        self.verdicts = verdicts
        self._lanes = Lanes(supersedes=mode is UpdateMode.REPLACE)
        self._fresh: dict[int, None] = {}
        self._ready = Ready()
        self._elsewhere: dict[int, float] = {}

    def remember(self) -> Callable[[], None]:
        """What restores the plan as it is now: for a turn that may not be committed."""
        fresh, elsewhere, ready = dict(self._fresh), dict(self._elsewhere), self._ready.copy()
        parts = (self._placing.remember(), self._lanes.remember())

        def put_back() -> None:
            for part in parts:
                part()
            self._fresh, self._elsewhere, self._ready = fresh, elsewhere, ready

        return put_back

    def add(self, work: Work) -> Work | None:
        """A record was read, or a claim taken over; the update that it supersedes, if any."""
        return None if self._placing.keeps(work) else self._add(work)

    def _add(self, work: Work) -> Work | None:
        superseded, task_id = self._lanes.add(work), work.task_id
        if self._lanes.head(task_id) is work:
            self._judge_next(task_id)
        return superseded

    def finish(self, work: Work) -> None:
        """A record that was under way has ended: its lane goes on."""
        if self._lanes.finish(work):
            self._judge_next(work.task_id)

    def give_back(self, work: Work) -> None:
        """A record that was under way was refused by a 429, and waits again: first in its lane."""
        work.given_back()
        self._lanes.give_back(work)
        self._judge_next(work.task_id)

    def doubt(self) -> None:
        """Another process has settled something: judge again what was judged."""
        for work in self._ready.clear():
            self._judge_next(work.task_id)

    def wait_for_another(self, work: Work, now: float, seconds: float = CLAIMED_ELSEWHERE) -> None:
        """Another call, of this run or another, may still act on this task: come back later."""
        self._elsewhere[work.task_id] = now + seconds

    def judge(self, connection: Connection, now: float) -> Iterator[tuple[Work, Judgement]]:
        """Judge every fresh head; those that need no call leave their lanes and are yielded."""
        yield from self._place(connection)
        self._come_back(now)
        claimed = tasks_claimed(connection, but_by=self._holder_id) if self._fresh else ()
        judged_now: dict[int, RejectedUpdate | None] = {}
        after_held: list[int] = []
        while self._fresh:
            heads = [head for head in map(self._lanes.head, self._fresh) if head is not None]
            self._fresh = {}
            asked = {work.task_id for work in heads if not work.recovered}
            known = known_tasks(connection, asked, with_detail=self._mode is UpdateMode.MERGE)
            self._approvals.look_up(connection, heads)
            self.verdicts.look_up(connection, heads)
            self._placing.look_up(connection, heads)
            for task_id in known.keys() & judged_now.keys():
                known[task_id] = known[task_id]._replace(rejected_update=judged_now[task_id])
            for work in heads:
                if self._has_joined_another(work, claimed):
                    continue
                task_id = work.task_id
                found = known.get(task_id)
                judgement = self._judge(
                    work, found or _UNASKED, claimed_elsewhere=task_id in claimed
                )
                match judgement.need:
                    case Need.SETTLE | Need.DROP:
                        _add_mark(judged_now, work, judgement, found or _UNASKED)
                        work.marked = found is None or found.rejected_update is not None
                        if self._lanes.drop_head(work):
                            held = judgement.outcome is Outcome.HELD
                            (after_held.append if held else self._judge_next)(task_id)
                        yield work, judgement
                    case Need.WAIT:
                        self.wait_for_another(work, now, judgement.seconds or CLAIMED_ELSEWHERE)
                    case Need.SEND:
                        self._approvals.let_out(connection, work, judgement.replaces)
                        work.shaken = judgement.shaken
                        self._ready.add(work)
        for task_id in after_held:  # judged in the next turn, when the ledger has what is held
            self._judge_next(task_id)

    def _place(self, connection: Connection) -> Iterator[tuple[Work, Judgement]]:
        """Give what was read a lane, in the order read; the updates that are superseded by it."""
        for work in self._placing.place(connection, self._lanes):
            superseded = self._add(work)
            if superseded is not None:
                yield superseded, superseded_by(work)

    def _has_joined_another(self, work: Work, claimed: Collection[int]) -> bool:
        """Whether a head is none any more: its task was found, or one read before it joined it."""
        key = work.task_id
        if self._lanes.head(key) is not work:
            return True
        if not work.waits_for_id or key in claimed:
            return False
        waiting = self._lanes.waiting(key)
        task_id = self._placing.found(work, self._lanes)
        if task_id is None:
            return False
        for lane in (key, task_id):
            if self._lanes.head(lane) in waiting:  # else its head was judged already
                self._judge_next(lane)
        return True

    def _come_back(self, now: float) -> None:
        """Look again at the tasks whose wait is over."""
        for task_id, again in list(self._elsewhere.items()):
            if again <= now:
                del self._elsewhere[task_id]
                self._judge_next(task_id)

    def _judge(self, work: Work, known: KnownTask, *, claimed_elsewhere: bool) -> Judgement:
        if work.task_id < 0 and not work.recovered and not claimed_elsewhere:
            unlinked = self._placing.judge(work, known, self._lanes)
            if unlinked is not None:
                return unlinked
        judgement = judge(
            work,
            known,
            claimed_elsewhere=claimed_elsewhere,
            mode=self._mode,
            skip_unchanged=self._skip_unchanged,
            approval=self._approvals.of(work),
            settle_seconds=self._settle_seconds,
            refusal=self.verdicts.refusal_of(work),
        )
        if judgement.need is not Need.SEND or work.recovered:
            return judgement
        refusal = self._refused_users.get(work.user)
        return judgement if refusal is None else user_refused(refusal.detail)

    def users_with_work(self) -> list[str | None]:
        """The users for whom something could be sent."""
        return self._ready.users()

    @property
    def shared(self) -> int:
        """How many of the records that may be sent need no call of their own."""
        return self._ready.shared()

    def pick(
        self,
        user: str | None,
        room: Callable[[Operation], int],
        *,
        may_batch: Callable[[Operation], bool],
        rest: Rest,
    ) -> list[Batch]:
        """The calls to make next for a user, as ``Ready.pick`` has it."""
        return self._ready.pick(
            user,
            room,
            may_batch=may_batch,
            rest=rest,
            is_head=lambda work: self._lanes.head(work.task_id) is work,
        )

    def put_back(self, user: str | None, batches: list[Batch]) -> None:
        """What was picked and can't be sent yet stays first."""
        self._ready.put_back(user, batches)

    def start(self, work: Work) -> None:
        """A picked record is claimed and goes out."""
        self._lanes.start(work)

    def due(self) -> float | None:
        """When something is to be looked at again: a rested update, a task claimed elsewhere."""
        looks = (self._ready.take_due(), *self._elsewhere.values())
        return min((look for look in looks if look is not None), default=None)

    @property
    def unjudged(self) -> bool:
        """Whether a head waits to be judged."""
        return bool(self._fresh) or self._placing.any_wait

    @property
    def waits_elsewhere(self) -> bool:
        """Whether a record waits for another run's claim."""
        return bool(self._elsewhere)

    def executions_wait(self) -> bool:
        """Whether the next commit may hold the claim of what can't be undone."""
        return (
            self._placing.any_wait
            or self._ready.holds_irreversible()
            or any(
                head is not None and head.operation in IRREVERSIBLE
                for head in map(self._lanes.head, self._fresh)
            )
        )

    def _judge_next(self, task_id: int) -> None:
        if task_id not in self._elsewhere:
            self._fresh[task_id] = None


def _add_mark(
    marks: dict[int, RejectedUpdate | None], work: Work, judgement: Judgement, known: KnownTask
) -> None:
    """Add what later records of a task must know, before a judgement of it is in the ledger."""
    if work.operation is not Operation.UPDATE:
        return
    if judgement.outcome is not Outcome.REJECTED:
        marks[work.task_id] = None
        return
    repeated = known.rejected_update if judgement.repeats else None
    named = work.entry.operation_id if repeated is None else repeated.operation_id
    marks[work.task_id] = RejectedUpdate(named, work.entry.received_at)


_UNASKED = KnownTask()
