"""The steps of an update: replace the task, or merge the record into it."""

from collections import OrderedDict
from threading import Lock

from reply_tasks.api.decisions import Action, Decision
from reply_tasks.contract import TaskDetail, body_hash, merge, violations_of_update
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Settlement
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.work import Work

#: How many TaskDetails of this run are kept, so that a second merge of a task needs no read.
CACHED_DETAILS = 500


def replace(calls: Calls, work: Work) -> Settlement:
    """The record is the whole body: one call."""
    if work.recovered and violations_of_update(work.record.body):
        return Merge()(calls, work)  # less than a whole body: a run in merge mode claimed it
    decision = calls.update(work, dict(work.record.body))
    if decision.action is Action.REJECTED:
        return _rejected(calls, work, decision)
    task = _task(decision)
    return work.settled(Outcome.APPLIED, calls.effects.now(), task_detail=task.raw)


class Merge:
    """Reads the task, lays the record's members over it, and sends only if something changes."""

    def __init__(self) -> None:
        self._details: OrderedDict[int, TaskDetail] = OrderedDict()
        self._lock = Lock()

    def __call__(self, calls: Calls, work: Work) -> Settlement:
        """Merge one record; one call or two."""
        base = self._cached(work.task_id)
        if base is None:
            read = calls.read(work)
            if read.action is Action.REJECTED:
                return _rejected(calls, work, read)
            base = _task(read)
            self._keep(base)
        before = base.update_body()
        body = merge(before, work.record.body)
        merged_hash = body_hash(Operation.UPDATE, body)
        if body == before:
            return work.settled(
                Outcome.UNCHANGED,
                calls.effects.now(),
                detail="The task, as Reply has it, is so already.",
                task_detail=base.raw,
                body_hash=merged_hash,
            )
        violations = violations_of_update(body)
        if violations:
            return work.settled(
                Outcome.REJECTED,
                calls.effects.now(),
                reason=Reason.INVALID_RECORD,
                detail="Merged into the task: "
                + " ".join(f"{violation.pointer}: {violation.message}" for violation in violations),
            )
        decision = calls.update(work, dict(body))
        if decision.action is Action.REJECTED:
            self._forget(work.task_id)
            return _rejected(calls, work, decision)
        task = _task(decision)
        self._keep(task)
        return work.settled(
            Outcome.APPLIED, calls.effects.now(), task_detail=task.raw, body_hash=merged_hash
        )

    def forget_all(self) -> None:
        """Another run has settled something: what is kept may be stale."""
        with self._lock:
            self._details.clear()

    def _cached(self, task_id: int) -> TaskDetail | None:
        with self._lock:
            return self._details.get(task_id)

    def _keep(self, task: TaskDetail) -> None:
        with self._lock:
            self._details[task.id] = task
            self._details.move_to_end(task.id)
            if len(self._details) > CACHED_DETAILS:
                self._details.popitem(last=False)

    def _forget(self, task_id: int) -> None:
        with self._lock:
            self._details.pop(task_id, None)


def _rejected(calls: Calls, work: Work, decision: Decision) -> Settlement:
    """Reply refused it: settled with what Reply said."""
    return work.settled(
        Outcome.REJECTED,
        calls.effects.now(),
        reason=decision.reason or Reason.API_REJECTED,
        detail=decision.detail,
        problem=decision.problem,
    )


def _task(decision: Decision) -> TaskDetail:
    if decision.task is None:  # pragma: no cover - a decision to apply always carries the task
        raise AssertionError("no task in a confirmed answer")
    return decision.task
