"""The effects of a sender: all that it may do outside its record, handed in."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

from reply_tasks.api.answers import Answer
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Decision
from reply_tasks.api.reply_clock import ReplyClock
from reply_tasks.contract import TaskDetail
from reply_tasks.ledger import Attempt
from target_reply_tasks.steps import Reached, pass_by
from target_reply_tasks.work import Work


@dataclass(frozen=True, slots=True)
class Effects:
    """What a sender may do to the context, handed in.

    Attributes:
        client: Makes the calls.
        slot: Uses up the record's slot of the quota, or waits for one if it has none that is still
            good; False when the run is stopping and none is free.
        pause: Reply answered 429: no calls of that record's user for so many seconds.
        observe: An answer came: it may say what is left of the quota.
        note: Writes a claim's calls down, durably, before one more is sent; False when the claim
            is not ours any more.
        last_detail: The task of a record as Reply last returned it, by the ledger.
        refused_users: Users of records that Reply refuses in this run, and how.
        held: Whether this process's lease is safely ours.
        stopping: Set when the run stops: no more waiting.
        reached: Told of each step of a call.
        reply_clock: What time it is for Reply.
        backoff: How long to wait before a repeat.
        random: A number from 0 to 1.
        monotonic: Seconds.
        now: UTC.
    """

    client: ReplyClient
    slot: Callable[[Work], bool]
    pause: Callable[[Work, float], None]
    observe: Callable[[Work, Answer], None]
    note: Callable[[Work, tuple[Attempt, ...]], bool]
    last_detail: Callable[[Work], TaskDetail | None]
    refused_users: dict[str | None, Decision]
    held: Callable[[], bool]
    stopping: Event
    reached: Reached = pass_by
    reply_clock: ReplyClock = field(default_factory=ReplyClock)
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
