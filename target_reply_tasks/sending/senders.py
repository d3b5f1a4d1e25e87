"""The senders of all users: claimed records are handed out to them, and taken in again."""

from collections.abc import Iterable
from threading import Event
from typing import TYPE_CHECKING

from reply_tasks.contract import UpdateMode
from reply_tasks.contract.outcomes import Operation
from reply_tasks.settings import TargetSettings
from target_reply_tasks.batch import Batch
from target_reply_tasks.context import Context
from target_reply_tasks.inbox import Inbox
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.pool import Pools
from target_reply_tasks.sending.sender import Sender
from target_reply_tasks.sending.threads import SenderThreads
from target_reply_tasks.sending.update import Merge, replace
from target_reply_tasks.work import Work

if TYPE_CHECKING:
    from reply_tasks.api.decisions import Decision


class Senders:
    """Hands claimed records to senders: each Reply user has its share of them."""

    def __init__(
        self, context: Context, settings: TargetSettings, inbox: Inbox, stopping: Event
    ) -> None:
        self._pools = Pools(settings)
        self._merge = Merge()
        #: Users of records that Reply refuses in this run, and how.
        self.refused_users: dict[str | None, Decision] = {}
        self._effects = Effects(context, inbox, self._pools, stopping, self.refused_users)
        sender = Sender(
            self._effects,
            settings,
            update=self._merge if settings.update_mode is UpdateMode.MERGE else replace,
        )
        self._threads = SenderThreads(sender.apply, inbox)

    def room(self, user: str | None, operation: Operation, *, promised: int = 0) -> int:
        """How many more calls of a user may be handed out.

        Args:
            user: Whose quota their calls spend.
            operation: Of which kind.
            promised: How many calls of other users are about to be handed out.
        """
        return self._pools.of(user).room(operation, max(0, self._threads.free - promised))

    def in_flight(self, user: str | None) -> int:
        """How many calls of a user are in senders' hands."""
        return self._pools.of(user).outstanding

    def due(self, users: Iterable[str | None]) -> float | None:
        """When one of these users, for whom there is work, may get one more sender."""
        if not self._threads.free:
            return None
        due = [self._pools.of(user).grows_at for user in users]
        return min((at for at in due if at is not None), default=None)

    @property
    def busy(self) -> bool:
        """Whether any call is in a sender's hands."""
        return self._pools.busy

    def may_batch(self, operation: Operation) -> bool:
        """Whether records of an operation may go out in one call, as far as Reply has told."""
        return operation not in self._effects.unbatched

    def hand_out(self, batches: Iterable[Batch]) -> None:
        """Give the claimed records of calls, each with a slot, to senders."""
        for batch in batches:
            self._threads.hand_out(self._pools.of(batch.user), batch)

    def take_in(self, user: str | None) -> None:
        """A sender is done with a call of this user."""
        self._pools.of(user).outstanding -= 1

    def take_back(self) -> list[Work]:
        """Records that no sender has begun: the run stops."""
        return [work for batch in self._threads.take_back(self._pools) for work in batch.works]

    def forget_tasks(self) -> None:
        """Another run has settled something: what is kept of tasks may be stale."""
        self._merge.forget_all()

    def dismiss(self) -> None:
        """Let every sender end when it is done."""
        self._threads.dismiss()
