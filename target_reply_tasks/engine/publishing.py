"""Publishing: what is committed may be known. It is counted and logged, and STATEs leave."""

from reply_tasks.contract.outcomes import Outcome
from target_reply_tasks.context import Context
from target_reply_tasks.engine.checkpoint import Checkpoint
from target_reply_tasks.engine.commits import Commits
from target_reply_tasks.engine.gate import Gate
from target_reply_tasks.engine.rejections import RejectionLines
from target_reply_tasks.engine.state_writer import StateWriter
from target_reply_tasks.inbox import Inbox
from target_reply_tasks.result import RunResult
from target_reply_tasks.steps import Step
from target_reply_tasks.work import Settled


class Publishing:
    """Tells of what the engine has committed, and makes room for more."""

    def __init__(
        self, context: Context, inbox: Inbox, gate: Gate, checkpoint: Checkpoint, result: RunResult
    ) -> None:
        self._context = context
        self._gate = gate
        self._checkpoint = checkpoint
        self._result = result
        self._states = StateWriter(context.write_state, inbox, reached=context.reached)
        self._rejections = RejectionLines(context.log)

    def start(self) -> None:
        """Begin: from now on STATEs may leave."""
        self._states.start()

    def publish(self, settled: list[Settled]) -> int:
        """Count what is settled, and let the reader go on.

        Returns:
            How many of these operations an earlier run has read.
        """
        if settled:
            self._context.reached(Step.SETTLED)
        read = size = 0
        for each in settled:
            self._result.totals.count(each.settlement)
            rejected = each.settlement.outcome is Outcome.REJECTED
            if rejected:
                self._rejections.log(each.settlement)
            if each.index < 0:
                continue
            self._checkpoint.settle(each.index)
            self._result.rejected += rejected
            read += 1
            size += each.size
        self._gate.make_room(read, size)
        return len(settled) - read

    def let_states_leave(self, commits: Commits) -> None:
        """Write each STATE before which everything is settled, once that is durable."""
        if self._checkpoint.has_safe_state:
            commits.make_durable()
            for state in self._checkpoint.safe_states():
                self._states.put(state)

    def state_left(self, size: int) -> None:
        """A STATE of so many bytes was written, or never will be."""
        self._states.left()
        self._gate.make_room(0, size)

    @property
    def states_leaving(self) -> bool:
        """Whether a STATE is about to be written."""
        return self._states.leaving > 0

    def end_log(self) -> None:
        """The run ends: tell how many more records were rejected."""
        self._rejections.end()

    def close(self) -> None:
        """No more STATE will leave."""
        self._states.close()
