"""The steps of an update: replace the task, or merge the record into it."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from reply_tasks.api.decisions import Action, Decision
from reply_tasks.contract import TaskDetail, body_hash, merge, violations_of_update
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.resolving.evidence import has_body
from target_reply_tasks.sending.calls import Calls

#: How many TaskDetails of this run are kept, so that a second merge of a task needs no read.
CACHED_DETAILS = 500
ALREADY_SO = "The task in Reply already matches this record."


def replace(calls: Calls) -> Settlement:
    """The record is the whole body: one call, and a read first where late effects are possible."""
    work = calls.work
    if work.recovered and violations_of_update(calls.wire_body):
        return Merge()(calls)  # less than a whole body: a run in merge mode claimed it
    if work.shaken is not None:
        read = calls.read()
        if read.action is Action.REJECTED:
            return calls.refused(read)
        base = _task(read)
        if has_body(base, calls.wire_body):
            return calls.settled(Outcome.UNCHANGED, detail=ALREADY_SO, task=base)
    decision = calls.update(calls.wire_body)
    if decision.action is Action.REJECTED:
        return calls.refused(decision)
    return calls.settled(Outcome.APPLIED, task=_task(decision))


class Merge:
    """Reads the task, lays the record's members over it, and sends only if something changes."""

    def __init__(self) -> None:
        self._details: OrderedDict[int, TaskDetail] = OrderedDict()
        self._lock = Lock()

    def __call__(self, calls: Calls) -> Settlement:
        """Merge one record; one call or two."""
        work = calls.work
        base = self._base(calls)
        if base is None:
            read = calls.read()
            if read.action is Action.REJECTED:
                return calls.refused(read)
            base = _task(read)
            self._keep(base)
        before = base.update_body()
        body = merge(before, calls.wire_body)
        merged_hash = body_hash(Operation.UPDATE, body)
        if body == before:
            return calls.settled(
                Outcome.UNCHANGED, detail=ALREADY_SO, task=base, body_hash=merged_hash
            )
        violations = [
            violation
            for violation in violations_of_update(body)
            if violation.pointer != "/template/body" or _text(body) != _text(before)
        ]
        if violations:
            return calls.settled(
                Outcome.REJECTED,
                reason=Reason.INVALID_RECORD,
                detail="Merged into the task: "
                + " ".join(f"{violation.pointer}: {violation.message}" for violation in violations),
            )
        decision = calls.update(body)
        if decision.action is Action.REJECTED:
            self._forget(work.task_id)
            return calls.refused(decision)
        task = _task(decision)
        self._keep(task)
        return calls.settled(Outcome.APPLIED, task=task, body_hash=merged_hash)

    def forget_all(self) -> None:
        """Another run has settled something: what is kept may be stale."""
        with self._lock:
            self._details.clear()

    def _base(self, calls: Calls) -> TaskDetail | None:
        """The task as this run last saw it; None where it must be read: it may be another now."""
        work = calls.work
        if not calls.settings.skip_unchanged or work.recovered or work.shaken is not None:
            return None
        with self._lock:
            return self._details.get(work.task_id)

    def _keep(self, task: TaskDetail) -> None:
        with self._lock:
            self._details[task.id] = task
            self._details.move_to_end(task.id)
            if len(self._details) > CACHED_DETAILS:
                self._details.popitem(last=False)

    def _forget(self, task_id: int) -> None:
        with self._lock:
            self._details.pop(task_id, None)


def _text(body: Mapping[str, Any]) -> object:
    """The template's text; one that Reply already has is not this record's mistake."""
    template = body.get("template")
    return template.get("body") if isinstance(template, Mapping) else None


def _task(decision: Decision) -> TaskDetail:
    if decision.task is None:  # pragma: no cover - a decision to apply always carries the task
        raise AssertionError("no task in a confirmed answer")
    return decision.task
