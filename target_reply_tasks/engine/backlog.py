"""The backlog: what dead runs left claimed and what people approved, done before input is read."""

import time

from sqlalchemy import Connection

from target_reply_tasks.context import Context
from target_reply_tasks.engine.adoption import adopt
from target_reply_tasks.engine.approvals import Approvals
from target_reply_tasks.engine.commits import Commits
from target_reply_tasks.engine.plan import Plan
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Work

#: Seconds between two checks for claims that a dead run left while we wait for them.
ORPHAN_CHECK = 5.0


class Backlog:
    """Operations of earlier runs; they go through their lanes before anything that is read.

    Attributes:
        open: How many of them are not settled.
    """

    def __init__(self, context: Context, run_id: str, *, plan: Plan, approvals: Approvals) -> None:
        self._context = context
        self._run_id = run_id
        self._plan = plan
        self._approvals = approvals
        self._next_check = 0.0
        self.open = 0

    def take_up(self, commits: Commits) -> None:
        """Begin with what earlier runs have left."""
        self._adopt_orphans(commits)
        self._take_up_approved(commits)

    def check_for_orphans(self, commits: Commits) -> None:
        """A record waits for a claim of another run, which may have died: check now and then."""
        if time.monotonic() > self._next_check:
            self._adopt_orphans(commits)

    def _adopt_orphans(self, commits: Commits) -> None:
        """Take over the claims of dead runs."""
        works, closed = commits.transact(self._take_over)
        self._add(works)
        if works or closed:
            self._context.log(
                f"Found {len(closed)} run(s) that died, and {len(works)} claim(s) without an "
                "outcome: they are settled first."
            )
        self._next_check = time.monotonic() + ORPHAN_CHECK
        self._context.reached(Step.TAKEN_OVER)

    def _take_over(self, connection: Connection) -> tuple[list[Work], list[str]]:
        works, closed = adopt(connection, self._context.ledger.holder, self._run_id)
        if works or closed:
            self._context.reached(Step.TAKING_OVER)
        return works, closed

    def _take_up_approved(self, commits: Commits) -> None:
        """What people have approved is sent before anything is read."""
        works, expired = commits.transact(self._approvals.begin)
        self._add(works)
        if works:
            self._context.log(f"Found {len(works)} approved execution(s): they are sent first.")
        if expired:
            self._context.log(
                f"{expired} execution(s) were rejected: nobody approved them in time."
            )

    def _add(self, works: list[Work]) -> None:
        for work in works:
            self.open += 1
            self._plan.add(work)
