"""The resolver: settles what is open on a ledger, one operation at a time."""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Claim, Entry, Ledger, Settlement
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.orphans import orphans, take_over_orphans
from reply_tasks.ledger.queries import (
    executions_in_wait,
    known_tasks,
    operations_named,
    uncertain_executions,
)
from reply_tasks.ledger.resettling import resettle
from reply_tasks.ledger.runs import close_dead_runs
from reply_tasks.ledger.settling import ClaimLostError, settle
from reply_tasks.resolving.judging import (
    LEFT_TO_THE_NEXT_RUN,
    NOT_READ,
    SHOWN_ID,
    OperatorVerdict,
    judge_execution,
    judge_update,
    judge_wait,
    judge_word,
)
from reply_tasks.resolving.read_back import ReadBack, ReadBackError

_ID = re.compile(r"[0-9a-f]{4,32}\Z")
_MOST_NAMED = 5


class ResolveError(Exception):
    """What was asked can't be done. The message says why, for a person."""


class OpenAs(StrEnum):
    """What an operation was before: claimed by a process that died, or settled as uncertain."""

    CLAIMED = "claimed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one operation.

    Attributes:
        operation_id: The operation.
        operation: Update or execute.
        task_id: Its task.
        was: What it was before.
        outcome: What it is now; None for an update that is left to the next run.
        reason: Why it is rejected.
        detail: One sentence for a person.
    """

    operation_id: str
    operation: Operation | None
    task_id: int | None
    was: OpenAs
    outcome: Outcome | None
    reason: Reason | None
    detail: str


class Resolver:
    """Settles what is open on a ledger.

    Args:
        ledger: Opened and held by this process.
        read_back: Reads a task back.
        dry_run: Read and tell, but write no outcome.
    """

    def __init__(
        self, ledger: Ledger, read_back: Callable[[Entry], ReadBack], *, dry_run: bool = False
    ) -> None:
        self._ledger = ledger
        self._read_back = read_back
        self._dry_run = dry_run

    def resolve(self, only: Collection[str] | None = None) -> Iterator[Fate]:
        """Settle every open operation that can be settled, each as soon as it is read.

        Args:
            only: Ids of operations; None for all that are open.

        Raises:
            ResolveError: One of them is in the hands of a live process.
            ReadBackError: No task can be read.
        """
        claims, uncertain = self._open_operations()
        found = {claim.entry.operation_id for claim in (*claims, *uncertain)}
        for operation_id in only or ():
            if operation_id not in found:
                raise ResolveError(_alive(operation_id))
        for claim in claims:
            if only is None or claim.entry.operation_id in only:
                yield self._of_a_claim(claim)
        for claim in uncertain:
            if only is None or claim.entry.operation_id in only:
                yield self._of_an_uncertain(claim)
        yield from self._those_in_wait()
        if only is None and not self._dry_run:
            with self._ledger.write() as connection:
                close_dead_runs(connection, seen_from=self._ledger.holder.host)

    def take_word(self, operation_id: str, word: OperatorVerdict) -> Iterator[Fate]:
        """Settle one execution as a person says.

        Raises:
            ResolveError: It is not an execution that is open.
        """
        claims, uncertain = self._open_operations()
        for was, of_that_kind in ((OpenAs.CLAIMED, claims), (OpenAs.UNCERTAIN, uncertain)):
            for claim in of_that_kind:
                if claim.entry.operation_id == operation_id:
                    yield self._by_word(claim, was, word)
                    yield from self._those_in_wait()
                    return
        raise ResolveError(_alive(operation_id))

    def _open_operations(self) -> tuple[list[Claim], list[Claim]]:
        """The claims of dead processes, which are ours from here on, and the uncertain ones."""
        holder = self._ledger.holder
        if self._dry_run:
            with self._ledger.read() as connection:
                claims = orphans(connection, seen_from=holder.host)
                return claims, uncertain_executions(connection)
        with self._ledger.write() as connection:
            claims = take_over_orphans(connection, holder=holder, run_id=None)
            return claims, uncertain_executions(connection)

    def _of_a_claim(self, claim: Claim) -> Fate:
        read = self._read_back(claim.entry)
        if claim.entry.operation is Operation.EXECUTE:
            return self._settle(judge_execution(claim, read, now=_now()), OpenAs.CLAIMED)
        settlement = judge_update(claim, read, now=_now())
        if settlement is None:
            return _fate(claim.entry, OpenAs.CLAIMED, None, None, LEFT_TO_THE_NEXT_RUN)
        return self._settle(settlement, OpenAs.CLAIMED)

    def _of_an_uncertain(self, claim: Claim) -> Fate:
        settlement = judge_execution(claim, self._read_back(claim.entry), now=_now())
        return self._settle(settlement, OpenAs.UNCERTAIN)

    def _by_word(self, claim: Claim, was: OpenAs, word: OperatorVerdict) -> Fate:
        read = NOT_READ
        if word is OperatorVerdict.SENT:
            with suppress(ReadBackError):  # the task is good to have, the word is enough
                read = self._read_back(claim.entry)
        return self._settle(judge_word(claim, word, read, now=_now()), was)

    def _settle(self, settlement: Settlement, was: OpenAs) -> Fate:
        """Write an outcome; an uncertain operation that stays so is left as it is."""
        entry = settlement.entry
        if not self._dry_run:
            try:
                with self._ledger.write() as connection:
                    if was is OpenAs.CLAIMED:
                        _settle_claim(connection, settlement, self._ledger.holder)
                    elif settlement.outcome is not Outcome.UNCERTAIN:
                        _settle_anew(connection, settlement)
            except ClaimLostError:
                return _fate(entry, was, None, None, "Another process has settled it meanwhile.")
        return _fate(entry, was, settlement.outcome, settlement.reason, settlement.detail or "")

    def _those_in_wait(self) -> Iterator[Fate]:
        """Settle executions that were never sent because of one that is no longer uncertain."""
        with self._ledger.read() as connection:
            waiting = executions_in_wait(connection)
        for claim in waiting:
            task_id = claim.entry.task_id
            if task_id is None:  # pragma: no cover - only valid records are ever in wait
                continue
            with self._ledger.read() as connection:
                execution = known_tasks(connection, [task_id])[task_id].execution
            settlement = judge_wait(claim, execution, now=_now())
            yield self._settle(settlement, OpenAs.UNCERTAIN)


def _settle_claim(connection: Connection, settlement: Settlement, holder: Holder) -> None:
    """Settle a claim that was taken over; it stays with the run that made it."""
    settle(connection, [settlement], holder=holder, run_id="")


def _settle_anew(connection: Connection, settlement: Settlement) -> None:
    if not resettle(connection, settlement):
        raise ClaimLostError


def _alive(operation_id: str) -> str:
    return f"Operation {operation_id} is under way in a process that lives: wait for it."


def find_operation(ledger: Ledger, prefix: str) -> str:
    """The id of the open execution that ``prefix`` names.

    Raises:
        ResolveError: It names none, several, or one of which nothing is to be said.
    """
    wanted = prefix.strip().lower()
    if not _ID.match(wanted):
        raise ResolveError(
            f"{prefix[:40]!r} is not an operation id: give at least four of its hexadecimal digits."
        )
    with ledger.read() as connection:
        found = operations_named(connection, wanted, most=_MOST_NAMED)
    if not found:
        raise ResolveError(f"No operation's id starts with {wanted}.")
    if len(found) > 1:
        ids = ", ".join(row["operation_id"][:SHOWN_ID] for row in found)
        raise ResolveError(f"Several operations' ids start with {wanted}: {ids}.")
    (row,) = found
    operation_id: str = row["operation_id"]
    if row["outcome"] not in {None, Outcome.UNCERTAIN}:
        raise ResolveError(f"Operation {operation_id} is settled already: {row['outcome']}.")
    if row["operation"] != Operation.EXECUTE:
        raise ResolveError(
            f"Operation {operation_id} is an update: the next run of the target repeats it, which "
            "does no harm."
        )
    if row["outcome"] is not None and row["claimed_at"] is None:
        raise ResolveError(
            f"Operation {operation_id} was never sent: it waits for another execution of task "
            f"{row['task_id']}, which is uncertain. Settle that one."
        )
    return operation_id


def _fate(
    entry: Entry, was: OpenAs, outcome: Outcome | None, reason: Reason | None, detail: str
) -> Fate:
    return Fate(entry.operation_id, entry.operation, entry.task_id, was, outcome, reason, detail)


def _now() -> datetime:
    return datetime.now(UTC)
