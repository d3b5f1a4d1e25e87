"""Verdicts: a record that says the same as one that came to nothing is answered from memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from reply_tasks.contract import UpdateMode
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.database import clock
from reply_tasks.ledger.verdicts import (
    Verdict,
    any_verdicts,
    forget_verdicts,
    known_verdicts,
    remember_verdicts,
    verdict_key,
)
from target_reply_tasks.engine.judgements import Refusal
from target_reply_tasks.work import Settled, Work

_REMEMBERED = frozenset({Outcome.REJECTED, Outcome.UNCERTAIN})


class Verdicts:
    """What this run asks of, and adds to, the ledger's memory of records that came to nothing.

    Args:
        mode: The update mode.
        retry_after: For how long Reply is not asked again about what it refused.
    """

    def __init__(self, *, mode: UpdateMode, retry_after: timedelta) -> None:
        self._mode = mode
        self._retry_after = retry_after
        self._found: Mapping[str, Verdict] = {}
        self._now: datetime | None = None
        #: Whether the ledger remembers anything; None while it has to be asked.
        self._any: bool | None = None

    def look_up(self, connection: Connection, heads: Iterable[Work]) -> None:
        """Ask the ledger what it remembers of these records."""
        self._found = {}
        if self._retry_after and self._are_any(connection):
            keys = {self._key_of(work) for work in heads}
            self._found = known_verdicts(connection, keys)
            self._now = clock(connection)

    def refusal_of(self, work: Work) -> Refusal | None:
        """What Reply said to this same record lately, so that it is not asked again."""
        if not self._found or self._now is None:
            return None
        verdict = self._found.get(self._key_of(work))
        if verdict is None or not verdict.asked:
            return None
        again = verdict.at + self._retry_after
        if self._now >= again:
            return None
        return Refusal(verdict.reason, verdict.detail, verdict.at, again)

    def mark(self, connection: Connection, settled: list[Settled]) -> list[Settled]:
        """Mark what only repeats a verdict, and remember what is new.

        Args:
            connection: Of the turn's transaction.
            settled: What ended, in order.
        """
        applied: set[int] = set()
        keys: dict[int, str] = {}
        for index, each in enumerate(settled):
            settlement = each.settlement
            entry, outcome = settlement.entry, settlement.outcome
            if outcome is Outcome.APPLIED and entry.task_id is not None:
                applied.add(entry.task_id)
            elif outcome in _REMEMBERED and not settlement.repeats:
                keys[index] = verdict_key(entry, mode=self._mode)
        if not keys and not (applied and self._are_any(connection)):
            return settled
        forget_verdicts(connection, applied)
        known = known_verdicts(connection, set(keys.values()))
        now = clock(connection)
        marked, new = list(settled), dict[str, Verdict]()
        for index, key in keys.items():
            settlement = settled[index].settlement
            verdict = known.get(key)
            asked = bool(settlement.attempts)
            if verdict is not None and not asked and verdict.says_the_same(settlement):
                again = settlement._replace(repeats=True)
                marked[index] = replace(settled[index], settlement=again)
                continue
            known[key] = new[key] = Verdict(
                key,
                settlement.entry.operation_id,
                settlement.entry.task_id,
                settlement.outcome,
                settlement.reason,
                settlement.detail,
                asked and settlement.outcome is Outcome.REJECTED,
                now,
            )
        remember_verdicts(connection, new.values())
        if new:
            self._any = True
        return marked

    def doubt(self) -> None:
        """Another process has settled something: it may have left the first verdict."""
        self._any = self._any or None

    def _are_any(self, connection: Connection) -> bool:
        """Whether the ledger remembers anything at all: most ledgers are not asked again."""
        if self._any is None:
            self._any = any_verdicts(connection)
        return self._any

    def _key_of(self, work: Work) -> str:
        return verdict_key(work.entry, mode=self._mode)
