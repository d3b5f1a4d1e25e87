"""What a run works with: its dependencies, handed in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.reply_clock import ReplyClock
from reply_tasks.ledger import Ledger
from target_reply_tasks.pacing import Pacing
from target_reply_tasks.steps import Reached, pass_by


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the engine works with.

    Attributes:
        ledger: Opened and held.
        client: Makes the calls.
        pacing: The quota of each user.
        backoff: How long to wait before a repeat.
        reply_clock: What time it is for Reply, as its answers tell.
        write_state: Writes one STATE to standard output.
        close_input: Called when nothing more shall be read: it must wake a reader that blocks.
        log: Takes one line for a person.
        reached: Told of each step of the run.
    """

    ledger: Ledger
    client: ReplyClient
    pacing: Pacing
    backoff: Backoff
    write_state: Callable[[str], None]
    close_input: Callable[[], None]
    log: Callable[[str], None]
    reached: Reached = pass_by
    reply_clock: ReplyClock = field(default_factory=ReplyClock)
