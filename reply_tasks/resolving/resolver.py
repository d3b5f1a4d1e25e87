"""The resolver: settles what is open on a ledger, one operation at a time."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Claim, Entry, Ledger, Settlement
from reply_tasks.ledger.links import learn_links
from reply_tasks.ledger.liveness import Holder
from reply_tasks.ledger.orphans import orphans, take_over_orphans
from reply_tasks.ledger.queries import (
    claims_in_wait,
    known_tasks,
    uncertain_claims,
)
from reply_tasks.ledger.resettling import resettle
from reply_tasks.ledger.runs import close_dead_runs
from reply_tasks.ledger.settling import ClaimLostError, settle
from reply_tasks.resolving.chosen import ResolveError, check_task
from reply_tasks.resolving.judging import (
    OperatorVerdict,
    for_a_person,
    judge_assignment,
    judge_creation,
    judge_deletion,
    judge_execution,
    judge_update,
    judge_wait,
    judge_word,
    left_to_the_next_run,
)
from reply_tasks.resolving.read_back import NOT_READ, ReadBack, ReadBackError
from reply_tasks.resolving.search import Search


class OpenAs(StrEnum):
    """What an operation was before: claimed by a process that died, or settled as uncertain."""

    CLAIMED = "claimed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one operation.

    Attributes:
        operation_id: The operation.
        operation: What it asks for.
        task_id: Its task; None for a creation of which it is not known.
        external_id: The CRM's own key.
        was: What it was before.
        outcome: What it is now; None for what is left to the next run.
        reason: Why it is rejected.
        detail: One sentence for a person.
    """

    operation_id: str
    operation: Operation | None
    task_id: int | None
    external_id: str | None
    was: OpenAs
    outcome: Outcome | None
    reason: Reason | None
    detail: str


class Looks(Protocol):
    """Looks in Reply for what an operation has done. Each raises ``ReadBackError`` if it can't."""

    def read_back(self, entry: Entry) -> ReadBack:
        """Read the task of an operation."""

    def look_for(self, entry: Entry) -> Search:
        """Look for the task of a creation."""


class Resolver:
    """Settles what is open on a ledger.

    Args:
        ledger: Opened and held by this process.
        looks: Looks in Reply.
        dry_run: Read and tell, but write no outcome.
    """

    def __init__(self, ledger: Ledger, looks: Looks, *, dry_run: bool = False) -> None:
        self._ledger = ledger
        self._looks = looks
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

    def take_word(
        self, operation_id: str, word: OperatorVerdict, *, task_id: int | None = None
    ) -> Iterator[Fate]:
        """Settle one operation as a person says.

        Args:
            operation_id: The operation.
            word: Whether it was sent.
            task_id: The task that a creation made.

        Raises:
            ResolveError: It is not open, or the word does not fit it.
        """
        claims, uncertain = self._open_operations()
        for was, of_that_kind in ((OpenAs.CLAIMED, claims), (OpenAs.UNCERTAIN, uncertain)):
            for claim in of_that_kind:
                if claim.entry.operation_id == operation_id:
                    with self._ledger.read() as connection:
                        check_task(connection, claim.entry, word, task_id)
                    yield self._by_word(claim, was, word, task_id)
                    yield from self._those_in_wait()
                    return
        raise ResolveError(_alive(operation_id))

    def _open_operations(self) -> tuple[list[Claim], list[Claim]]:
        """The claims of dead processes, which are ours from here on, and the uncertain ones."""
        holder = self._ledger.holder
        if self._dry_run:
            with self._ledger.read() as connection:
                claims = orphans(connection, seen_from=holder.host)
                return claims, uncertain_claims(connection)
        with self._ledger.write() as connection:
            claims = take_over_orphans(connection, holder=holder, run_id=None)
            return claims, uncertain_claims(connection)

    def _of_a_claim(self, claim: Claim) -> Fate:
        settlement = self._look(claim)
        if settlement is None:
            sentence = left_to_the_next_run(claim.entry.operation)
            return _fate(claim.entry, OpenAs.CLAIMED, None, None, sentence)
        return self._settle(settlement, OpenAs.CLAIMED)

    def _of_an_uncertain(self, claim: Claim) -> Fate:
        settlement = self._look(claim)
        if settlement is None:
            sentence = "The ledger does not know for certain whom its address stood for."
            sentence = for_a_person(claim, sentence)
            return _fate(claim.entry, OpenAs.UNCERTAIN, Outcome.UNCERTAIN, None, sentence)
        return self._settle(settlement, OpenAs.UNCERTAIN)

    def _look(self, claim: Claim) -> Settlement | None:
        """What one look says of an operation; None if it does not tell, and need not."""
        if claim.entry.operation is Operation.CREATE:
            return judge_creation(claim, self._looks.look_for(claim.entry), now=_now())
        read = self._looks.read_back(claim.entry)
        match claim.entry.operation:
            case Operation.EXECUTE | Operation.COMPLETE:
                return judge_execution(claim, read, now=_now())
            case Operation.DELETE:
                return judge_deletion(claim, read, now=_now())
            case Operation.ASSIGN:
                return judge_assignment(claim, read, now=_now())
        return judge_update(claim, read, now=_now())

    def _by_word(
        self, claim: Claim, was: OpenAs, word: OperatorVerdict, task_id: int | None
    ) -> Fate:
        read, entry = NOT_READ, claim.entry
        if word is OperatorVerdict.SENT:
            asked = entry if task_id is None else entry._replace(task_id=task_id)
            with suppress(ReadBackError):  # the task is good to have, the word is enough
                read = self._looks.read_back(asked)
        if task_id is not None and read.not_found:
            raise ResolveError(f"Reply has no task {task_id}.")
        return self._settle(judge_word(claim, word, read, now=_now(), created=task_id), was)

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
        sentence = settlement.detail or ""
        known = entry._replace(task_id=settlement.task_id)
        return _fate(known, was, settlement.outcome, settlement.reason, sentence)

    def _those_in_wait(self) -> Iterator[Fate]:
        """Settle operations that were never sent because of one that is no longer uncertain."""
        with self._ledger.read() as connection:
            waiting = claims_in_wait(connection)
        for claim in waiting:
            task_id = claim.entry.task_id
            if task_id is None:  # pragma: no cover - only valid records are ever in wait
                continue
            with self._ledger.read() as connection:
                known = known_tasks(connection, [task_id])[task_id]
            deletes = claim.entry.operation is Operation.DELETE
            earlier = known.deletion if deletes else known.execution
            settlement = judge_wait(claim, earlier, now=_now())
            yield self._settle(settlement, OpenAs.UNCERTAIN)


def _settle_claim(connection: Connection, settlement: Settlement, holder: Holder) -> None:
    """Settle a claim that was taken over; it stays with the run that made it."""
    settle(connection, [settlement], holder=holder, run_id="")
    learn_links(connection, [settlement])


def _settle_anew(connection: Connection, settlement: Settlement) -> None:
    if not resettle(connection, settlement):
        raise ClaimLostError


def _alive(operation_id: str) -> str:
    return f"Operation {operation_id} is under way in a process that lives: wait for it."


def _fate(
    entry: Entry, was: OpenAs, outcome: Outcome | None, reason: Reason | None, detail: str
) -> Fate:
    return Fate(
        entry.operation_id,
        entry.operation,
        None if entry.task_id is None or entry.task_id < 0 else entry.task_id,
        entry.external_id,
        was,
        outcome,
        reason,
        detail,
    )


def _now() -> datetime:
    return datetime.now(UTC)
