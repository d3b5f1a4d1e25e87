"""Judging: what a record needs, given what the ledger knows of its task. Pure; it calls nothing."""

from dataclasses import dataclass
from enum import StrEnum

from reply_tasks.contract import UpdateMode, merge, read_task_detail
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Execution, KnownTask
from target_reply_tasks.work import Work


class Need(StrEnum):
    """What is to be done with a record."""

    SEND = "send"
    WAIT = "wait"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a record needs; the outcome and its reason where it can be settled without a call."""

    need: Need
    outcome: Outcome | None = None
    reason: Reason | None = None
    detail: str | None = None


SEND = Judgement(Need.SEND)
WAIT = Judgement(Need.WAIT)
_SAME_BODY = Judgement(
    Need.SETTLE, Outcome.UNCHANGED, detail="The same body was the last one applied to this task."
)
_NOTHING_TO_MERGE = Judgement(
    Need.SETTLE, Outcome.UNCHANGED, detail="The task, as Reply last returned it, is so already."
)


def judge(
    work: Work,
    known: KnownTask,
    *,
    claimed_elsewhere: bool,
    mode: UpdateMode,
    skip_unchanged: bool,
) -> Judgement:
    """What ``work`` needs.

    Args:
        work: The head of its lane.
        known: What the ledger knows of its task, with the last TaskDetail in merge mode.
        claimed_elsewhere: Whether another run has claimed its task.
        mode: Whether updates replace or merge.
        skip_unchanged: Whether an update that changes nothing makes no call.
    """
    if work.recovered:
        return SEND
    if claimed_elsewhere:
        return WAIT
    if work.operation is Operation.EXECUTE:
        return SEND if known.execution is None else _after(known.execution, work)
    if not skip_unchanged:
        return SEND
    if mode is UpdateMode.REPLACE:
        return _SAME_BODY if known.body_hash == work.entry.body_hash else SEND
    return _NOTHING_TO_MERGE if _changes_nothing(work, known) else SEND


def _after(execution: Execution, work: Work) -> Judgement:
    """A task is executed at most once: what that means for another record that asks for it."""
    if execution.outcome is Outcome.UNCERTAIN:
        return Judgement(
            Need.SETTLE,
            Outcome.UNCERTAIN,
            detail=f"Whether operation {execution.operation_id} executed this task could not be "
            "established, so it is not sent again: `reply-tasks resolve` settles it.",
        )
    same = (
        execution.body_hash == work.entry.body_hash
        and execution.external_id == work.entry.external_id
    )
    if same and execution.outcome is Outcome.APPLIED:
        return Judgement(
            Need.SETTLE,
            Outcome.UNCHANGED,
            detail=f"Executed by operation {execution.operation_id} from the same record.",
        )
    ending = "" if execution.outcome is Outcome.APPLIED else ", and the execution failed"
    return Judgement(
        Need.SETTLE,
        Outcome.REJECTED,
        Reason.ALREADY_EXECUTED,
        f"Operation {execution.operation_id} executed this task{ending}.",
    )


def _changes_nothing(work: Work, known: KnownTask) -> bool:
    """Whether a merge, laid over the task as Reply last returned it, leaves it as it is."""
    detail = None if known.detail is None else read_task_detail(known.detail)
    if detail is None:
        return False
    base = detail.update_body()
    return bool(merge(base, work.record.body) == base)
