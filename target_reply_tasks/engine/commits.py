"""Group commits: what one turn of the engine writes to the ledger, in one transaction.

A turn settles what has ended, then claims what may be sent. Only after its commit do STATEs leave
and calls go out, so that nothing is ever ahead of the ledger.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection

from reply_tasks.api.reply_clock import ReplyClock
from reply_tasks.ledger import Ledger, LedgerAwayError, LedgerError, Settlement
from reply_tasks.ledger.approved import claim_approved, put_back_approved
from reply_tasks.ledger.claims import claim, last_sequence, release, still_held
from reply_tasks.ledger.links import learn_links
from reply_tasks.ledger.rejected_updates import mark_updates
from reply_tasks.ledger.runs import last_turn, note_turn, renew_lease
from reply_tasks.ledger.settling import ClaimLostError, settle
from target_reply_tasks.work import Settled, Work

T = TypeVar("T")

#: Seconds that a database may be away before the run gives up; and once it was told to stop.
OUTAGE, OUTAGE_WHEN_STOPPING = 180.0, 10.0
#: Seconds between two checks whether it is back.
OUTAGE_CHECK = 1.0

Transaction = Callable[..., AbstractContextManager[Connection]]


class Commits:
    """Writes turns, and notices when another process writes to the same ledger."""

    def __init__(  # noqa: PLR0913 - all by name, but for what it writes to
        self,
        ledger: Ledger,
        run_id: str,
        transaction: Transaction,
        *,
        reply_clock: ReplyClock,
        keep_repeats: bool,
        log: Callable[[str], None],
        told_to_stop: Callable[[], bool],
    ) -> None:
        self._log = log
        self._told_to_stop = told_to_stop
        self._keep_repeats = keep_repeats
        self._ledger = ledger
        self._reply_clock = reply_clock
        self._run_id = run_id
        self._transaction = transaction
        self._counter = -1
        self._volatile = False
        self._turn = 0

    @contextmanager
    def begin(self, *, durable: bool) -> Iterator[Connection]:
        """The transaction of a turn; ``durable`` commits survive a loss of power."""
        self._volatile = not durable
        with self._transaction(durable=durable) as connection:
            yield connection
            note_turn(connection, self._ledger.holder, self._turn + 1)
        self._turn += 1

    def transact(self, write: Callable[[Connection], T], *, durable: bool = True) -> T:
        """One transaction, through an outage of the database: made once, whatever its answer.

        Args:
            write: Writes it, and once more where it turns out not to be committed.
            durable: Whether it must survive a loss of power.

        Raises:
            LedgerError: The database was away for too long, or refused.
        """
        while True:
            written: list[T] = []
            try:
                with self.begin(durable=durable) as connection:
                    written.append(write(connection))
            except LedgerAwayError as error:
                if not self._wait_out(error):
                    continue
            return written[0]

    def _wait_out(self, error: LedgerAwayError) -> bool:
        """Wait until the database is back; whether what it did not answer was committed."""
        self._log(f"{error} Waiting for the ledger, at most {OUTAGE:.0f} s.")
        ends = time.monotonic() + OUTAGE
        while True:
            time.sleep(OUTAGE_CHECK)
            if self._told_to_stop():
                ends = min(ends, time.monotonic() + OUTAGE_WHEN_STOPPING)
            try:
                committed = self.was_committed()
            except LedgerAwayError:
                if time.monotonic() >= ends:
                    raise
            else:
                self._log("The ledger is back.")
                return committed

    def was_committed(self) -> bool:
        """Whether the turn that failed was committed after all; and our lease is renewed.

        Raises:
            LedgerAwayError: The database is still away.
            LedgerError: It came back without what it had confirmed, or without us.
        """
        with self._transaction(durable=True) as connection:
            renew_lease(connection, self._ledger.holder)
            turn = last_turn(connection, self._ledger.holder)
        if turn is None:
            raise LedgerError(
                "Another run assumed that this one had died while the ledger was away: nothing "
                "more is sent. Run again."
            )
        if turn not in {self._turn, self._turn + 1}:
            raise LedgerError(
                "The ledger's database came back without what it had confirmed: nothing more is "
                "sent. See that it keeps what it commits, and run again."
            )
        committed = turn > self._turn
        self._turn = turn
        return committed

    @property
    def counter(self) -> int:
        """The last number that is known to be given."""
        return self._counter

    def set_back(self, counter: int) -> None:
        """A turn was not committed: its numbers were not given."""
        self._counter = counter

    def open_turn(self, connection: Connection) -> bool:
        """Lock the counter of settled operations, first of all in a turn.

        Returns:
            Whether another process has settled something since the last turn.
        """
        counter = last_sequence(connection)
        others_wrote = self._counter not in {-1, counter}
        self._counter = counter
        return others_wrote

    def settle(self, connection: Connection, settlements: Iterable[Settlement]) -> None:
        """Settle records; what only repeats leaves no row."""
        rows = self._rows(connection, settlements)
        settle(connection, rows, holder=self._ledger.holder, run_id=self._run_id)
        learn_links(connection, rows)
        self._counter += len(rows)

    def _rows(self, connection: Connection, settlements: Iterable[Settlement]) -> list[Settlement]:
        """What leaves a row; what only repeats does not, unless that is asked for."""
        every = list(settlements)
        rows = [each for each in every if self._keep_repeats or not each.repeats]
        if len(rows) < len(every):
            mark_updates(connection, (each for each in every if each.repeats))
        return rows

    def claim(self, connection: Connection, works: list[Work]) -> list[Work]:
        """Claim records' tasks; those that another run holds are left out."""
        if not works:
            return []
        now, moment = datetime.now(UTC), time.monotonic()
        reply_ahead = self._reply_clock.ahead_of(now, moment)
        granted = claim(
            connection,
            [work.entry for work in works if not work.recovered and not work.approved],
            holder=self._ledger.holder,
            run_id=self._run_id,
            at=now,
            reply_ahead=reply_ahead,
        )
        approved = [work.entry for work in works if work.approved]
        if approved:
            granted |= claim_approved(
                connection,
                approved,
                holder=self._ledger.holder,
                run_id=self._run_id,
                at=now,
                reply_ahead=reply_ahead,
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
            self.transact(lambda connection: renew_lease(connection, self._ledger.holder))


__all__ = ["ClaimLostError", "Commits", "Transaction"]
