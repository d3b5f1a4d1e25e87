"""Batches: the records that go out in one call. Most calls carry one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from reply_tasks.api.batches import MOST_TASKS
from reply_tasks.contract import TaskDetail
from reply_tasks.contract.enums import CreationSource
from reply_tasks.contract.outcomes import Operation
from target_reply_tasks.work import Work

__all__ = ["MOST_TASKS", "Batch", "Kind", "kind_of", "may_go_unread", "means_sequences"]

#: What records must have in common to go out in one call.
Kind = tuple[Operation, str | None, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records of one user and kind, each of another task: one call, and one slot of the quota.

    Attributes:
        works: They, in the order in which they were judged.
    """

    works: tuple[Work, ...]

    @property
    def user(self) -> str | None:
        """The Reply user whose quota the call spends."""
        return self.works[0].user

    def of(self, works: Collection[Work]) -> Iterator["Batch"]:
        """What is left of it when only these may go; nothing if none of them may."""
        left = tuple(work for work in self.works if work in works)
        if left:
            yield Batch(left)


def kind_of(work: Work) -> Kind | None:
    """With which others a record may go out; None: it goes alone.

    A batch takes no members but the tasks, and of an assignment the user. What a dead run has
    claimed is first looked into by itself, unless it may simply be repeated: with others of its
    kind, whose user was found when theirs was.
    """
    body, operation = work.record.body, work.operation
    match operation:
        case Operation.ASSIGN:
            return operation, work.entry.body_hash, work.recovered
        case Operation.COMPLETE if not (
            work.recovered
            or body.get("callResolution") is not None
            or body.get("finishProspectInSequence")
        ):
            return operation, None, False
        case Operation.DELETE if not work.recovered:
            return operation, None, False
    return None


def means_sequences(deletion: Work) -> bool:
    """Whether a deletion is meant for a sequence's task, too."""
    return deletion.record.body.get("deleteSequenceTask") is True


def may_go_unread(deletion: Work, known: TaskDetail | None) -> bool:
    """Whether it is certain that no sequence's task is deleted which nobody meant to delete.

    Args:
        deletion: The record.
        known: The task as Reply last returned it: where it came from never changes.
    """
    source = None if known is None else known.creation_source
    return means_sequences(deletion) or source not in {None, CreationSource.SEQUENCE}
