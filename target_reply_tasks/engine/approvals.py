"""Approvals: which executions may go, which wait for a person, and what a person has approved."""

import time
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Connection

from reply_tasks.contract.kept import read_kept_record
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger.approved import approved_operations
from reply_tasks.ledger.held import PeopleAsked, asked_about, held_too_long
from reply_tasks.ledger.holding import expire_held, supersede_held
from target_reply_tasks.engine.judgements import FREE_TO_GO, Approval
from target_reply_tasks.work import APPROVED, Work

_NOBODY = PeopleAsked({}, {})


class Approvals:
    """The brake on executions: the first so many of a run go out, the rest wait.

    Args:
        unapproved: How many executions this run may send that nobody approved; None means all.
        hold: How long an execution waits before it is rejected.
    """

    def __init__(self, *, unapproved: int | None, hold: timedelta) -> None:
        self._left = unapproved
        self._hold = hold
        self._asked = _NOBODY

    def begin(self, connection: Connection) -> tuple[list[Work], int]:
        """At the start of a run: what was approved, to be sent, and how many have expired."""
        expired = expire_held(connection, after=self._hold)
        return self.approved(connection), expired

    def approved(self, connection: Connection) -> list[Work]:
        """What people have approved and no run has claimed yet."""
        return [
            Work(
                index=APPROVED,
                entry=claim.entry,
                record=read_kept_record(Operation.EXECUTE, claim.entry.record),
                received=time.monotonic(),
                attempts=list(claim.attempts),
                made_before=len(claim.attempts),
            )
            for claim in approved_operations(connection)
        ]

    def expired(self, connection: Connection) -> frozenset[str]:
        """The operations that nobody approved in time; ``begin`` rejects them."""
        return frozenset(held_too_long(connection, after=self._hold))

    def look_up(self, connection: Connection, heads: Iterable[Work]) -> None:
        """Ask the ledger what people have said of these tasks' executions."""
        tasks = {work.task_id for work in heads if _asks(work)}
        self._asked = asked_about(connection, tasks) if tasks else _NOBODY

    def of(self, work: Work) -> Approval:
        """What stands between this record and its send."""
        if not _asks(work):
            return FREE_TO_GO
        return Approval(
            held=self._asked.held.get(work.task_id),
            declined=tuple(self._asked.declined.get(work.task_id, ())),
            may_go=work.let_out or self._left is None or self._left > 0,
            asked=self._left is not None,
        )

    def let_out(self, connection: Connection, work: Work, replaces: str | None) -> None:
        """This record may be sent: it counts, and what it replaces waits no more."""
        if replaces is not None:
            supersede_held(connection, replaces, by=work.entry.operation_id)
        self.count(work)

    def count(self, work: Work) -> None:
        """One more that may be sent, if nobody approved it."""
        if _asks(work) and not work.approved and not work.let_out:
            work.let_out = True
            if self._left is not None:
                self._left -= 1


def _asks(work: Work) -> bool:
    return work.operation is Operation.EXECUTE and not work.recovered
