"""Group commits: what one turn of the engine writes to the ledger, in one transaction.

A turn settles what has ended, then claims what may be sent. Only after its commit do STATEs leave
and calls go out, so that nothing is ever ahead of the ledger.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from sqlalchemy import Connection

from reply_tasks.api.reply_clock import ReplyClock
from reply_tasks.ledger import Ledger, Settlement
from reply_tasks.ledger.claims import claim, last_sequence, release, still_held
from reply_tasks.ledger.holding import claim_approved, put_back_approved
from reply_tasks.ledger.runs import renew_lease
from reply_tasks.ledger.settling import ClaimLostError, settle
from target_reply_tasks.work import Settled, Work

Transaction = Callable[..., AbstractContextManager[Connection]]


class Commits:
    """Writes turns, and notices when another process writes to the same ledger."""

    def __init__(
        self,
        ledger: Ledger,
        run_id: str,
        transaction: Transaction,
        *,
        reply_clock: ReplyClock,
        keep_repeats: bool,
    ) -> None:
        self._keep_repeats = keep_repeats
        self._ledger = ledger
        self._reply_clock = reply_clock
        self._run_id = run_id
        self._transaction = transaction
        self._counter = -1
        self._volatile = False

    def begin(self, *, durable: bool) -> AbstractContextManager[Connection]:
        """The transaction of a turn; ``durable`` commits survive a loss of power."""
        self._volatile = not durable
        return self._transaction(durable=durable)

    def settle(self, connection: Connection, settlements: Iterable[Settlement]) -> bool:
        """Settle records; True: another process has settled something since the last turn."""
        batch = self._rows(settlements)
        settle(connection, batch, holder=self._ledger.holder, run_id=self._run_id)
        counter = last_sequence(connection)
        others_wrote = self._counter not in {-1, counter - len(batch)}
        self._counter = counter
        return others_wrote

    def settle_more(self, connection: Connection, settlements: Iterable[Settlement]) -> None:
        """Settle what was judged in this same transaction; what only repeats leaves no row."""
        batch = self._rows(settlements)
        settle(connection, batch, holder=self._ledger.holder, run_id=self._run_id)
        self._counter += len(batch)

    def _rows(self, settlements: Iterable[Settlement]) -> list[Settlement]:
        """What leaves a row: not what only repeats, unless that is asked for."""
        return [each for each in settlements if self._keep_repeats or not each.repeats]

    def claim(self, connection: Connection, works: list[Work]) -> list[Work]:
        """Claim records' tasks; those that another run holds are left out."""
        if not works:
            return []
        now, moment = datetime.now(UTC), time.monotonic()
        granted = claim(
            connection,
            [work.entry for work in works if not work.recovered and not work.approved],
            holder=self._ledger.holder,
            run_id=self._run_id,
            at=now,
            reply_ahead=self._reply_clock.ahead_of(now, moment),
        )
        approved = [work.entry for work in works if work.approved]
        if approved:
            granted |= claim_approved(
                connection, approved, holder=self._ledger.holder, run_id=self._run_id, at=now
            )
        claimed = []
        for work in works:
            if work.recovered:
                claimed.append(work)
            elif work.entry.operation_id in granted:
                work.claimed_at, work.claimed_moment, work.intent_at = now, moment, moment
                claimed.append(work)
        return claimed

    def release(self, connection: Connection, works: Iterable[Work]) -> None:
        """Give back claims that were never sent."""
        given_back = list(works)
        holder = self._ledger.holder
        read = [work.entry.operation_id for work in given_back if not work.approved]
        approved = [work.entry.operation_id for work in given_back if work.approved]
        release(connection, read, holder=holder)
        put_back_approved(connection, approved, holder=holder)
        self._counter += len(approved)

    def keep_what_is_ours(self, settled: list[Settled]) -> list[Settled]:
        """Those whose claims another process has not taken over."""
        with self._transaction(durable=False) as connection:
            ids = [s.settlement.entry.operation_id for s in settled if s.settlement.claimed]
            held = still_held(connection, ids, holder=self._ledger.holder)
        return [
            each
            for each in settled
            if not each.settlement.claimed or each.settlement.entry.operation_id in held
        ]

    def make_durable(self) -> None:
        """See that what was committed survives a loss of power, before a STATE says so."""
        if self._volatile:
            with self.begin(durable=True) as connection:
                renew_lease(connection, self._ledger.holder)


__all__ = ["ClaimLostError", "Commits", "Transaction"]
