"""A world in which each execution needs a person, who says yes and no between runs that die."""

import random
from collections import Counter
from datetime import UTC, datetime

from crash_world import FINISHED, REPLAY, World
from sqlalchemy import func, select

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.tables import operations, runs, sequences
from reply_tasks.operator.approval import ApprovalResult, approve_as_shown, decline_held, what_waits
from reply_tasks.sandbox import Endpoint

Sent = tuple[int, str]


class ApprovalWorld(World):
    """The world of the crash tests, run with ``executions_without_approval: 0``."""

    def __post_init__(self) -> None:
        """Nobody has said anything yet."""
        super().__post_init__()
        self.settings = {**self.settings, "executions_without_approval": 0}
        #: What a person has approved and not taken back: task and text, by operation.
        self.approved: dict[str, Sent] = {}

    def say_yes(self, chance: random.Random | None = None, share: float = 1.0) -> None:
        """A person approves what waits, or some of it, as it is shown."""
        with writing(self.engine) as connection:
            shown = {
                each.operation_id: each
                for each in what_waits(connection, held_operations(connection))
                if chance is None or chance.random() < share
            }
            digests = {name: str(each.digest) for name, each in shown.items()}
            words = approve_as_shown(connection, digests, by="ann", at=datetime.now(UTC))
        assert set(words.values()) <= {ApprovalResult.TAKEN}
        for name, each in shown.items():
            record = each.held.claim.entry.record
            self.approved[name] = (record["id"], record["content"]["body"])

    def say_no(self, chance: random.Random, share: float) -> None:
        """A person declines some of what waits, also what was approved and is not sent."""
        with writing(self.engine) as connection:
            waiting = [each.operation_id for each in held_operations(connection)]
            some = [name for name in waiting if chance.random() < share]
            words = decline_held(connection, some, why="", by="bob", at=datetime.now(UTC))
        assert set(words.values()) <= {ApprovalResult.TAKEN}
        for name in some:
            self.approved.pop(name, None)

    def to_the_end(self) -> None:
        """Run until nothing is left, approve what waits, and see each yes used just once."""
        assert self.run().ending.exit_code in FINISHED, self.log()
        for _ in range(2):  # read anew, what an execution replaced that was declined waits again
            self.nothing_went_out_unasked()
            self.say_yes()
            self.state = 0
            assert self.run(REPLAY).ending.exit_code in FINISHED, self.log()
        calls = len(self.server.calls_of(Endpoint.EXECUTE))
        self.state = 0
        assert self.run(REPLAY).ending.exit_code in FINISHED, self.log()
        assert len(self.server.calls_of(Endpoint.EXECUTE)) == calls
        self._each_yes_was_used_once()
        self._updates_are_as_remembered()
        self._no_number_was_given_twice()

    def nothing_went_out_unasked(self) -> None:
        """Each message that left is, to the letter, one that a person approved; none left twice."""
        sent = Counter((each.task_id, each.body) for each in self.server.outbox)
        assert sent <= Counter(self.approved.values())
        assert max(Counter(each.task_id for each in self.server.outbox).values(), default=1) == 1

    def _each_yes_was_used_once(self) -> None:
        self.nothing_went_out_unasked()
        sent = Counter((each.task_id, each.body) for each in self.server.outbox)
        assert sent == Counter(self.approved.values())
        rows = self._rows(operations.c.approved_at.is_not(None))
        assert {row.operation_id for row in rows if row.outcome == Outcome.APPLIED} == set(
            self.approved
        )
        assert {row.reason for row in rows} <= {None, Reason.NOT_APPROVED}
        assert self._rows(operations.c.outcome.is_(None)) == []
        waits = operations.c.record.is_not(None)
        assert self._rows(operations.c.outcome == Outcome.HELD, waits) == []
        unasked = self._rows(
            operations.c.operation == Operation.EXECUTE,
            operations.c.outcome == Outcome.APPLIED,
            operations.c.approved_at.is_(None),
        )
        assert unasked == []
        with self.engine.connect() as connection:
            assert connection.execute(select(runs).where(runs.c.ended_at.is_(None))).all() == []

    def _no_number_was_given_twice(self) -> None:
        """A number that was taken back with a claim is not given again."""
        with self.engine.connect() as connection:
            given = connection.scalar(select(func.max(operations.c.sequence)))
            last = connection.scalar(
                select(sequences.c.value).where(sequences.c.name == "operations")
            )
        assert given <= last
