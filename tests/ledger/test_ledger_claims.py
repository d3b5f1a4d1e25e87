"""One claim a task, settled only by who holds it, taken over only from the dead."""

from datetime import timedelta
from typing import Any

import pytest
from entries import NOON, entry
from ledger_rows import (
    claim_all,
    known_holder,
    row_of,
    run_row,
    set_lease,
    settle_all,
    settlement,
    some_holder,
    unclaimed,
)

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Attempt, Ledger
from reply_tasks.ledger.claims import note_attempts, release, still_held
from reply_tasks.ledger.liveness import LEASE
from reply_tasks.ledger.orphans import take_over_orphans
from reply_tasks.ledger.queries import finished_runs, known_tasks, tasks_claimed
from reply_tasks.ledger.runs import close_dead_runs, forget_holder, renew_lease, start_run
from reply_tasks.ledger.settling import ClaimLostError


def test_a_task_has_one_claim(ledger: Ledger, other: Ledger) -> None:
    """Of two claims of a task, whoever makes them, the second is refused; other tasks are free."""
    first, second, third = entry(1), entry(1), entry(2)
    assert claim_all(ledger, first) == {first.operation_id}
    assert claim_all(other, second, third) == {third.operation_id}
    assert claim_all(ledger, entry(1)) == frozenset()
    assert claim_all(ledger) == frozenset()
    settle_all(ledger, settlement(first))
    assert claim_all(other, second) == {second.operation_id}


def test_a_claim_is_an_intent_with_everything_needed_to_settle_it(ledger: Ledger) -> None:
    """The row names its holder and its run and holds the record; it has no outcome yet."""
    claimed = entry(1, record={"id": 1, "content": {"body": "Hi"}})
    claim_all(ledger, claimed)
    row = row_of(ledger.engine, claimed)
    assert (row.claimed_by, row.run_id) == (ledger.holder.holder_id, ledger.holder.holder_id)
    assert (row.outcome, row.sequence, row.settled_at) == (None, None, None)
    assert row.record == {"id": 1, "content": {"body": "Hi"}}
    assert (row.claimed_at, row.received_at) == (NOON, NOON)
    with ledger.read() as connection:
        assert tasks_claimed(connection) == {1}
        assert tasks_claimed(connection, but_by=ledger.holder.holder_id) == set()
        assert tasks_claimed(connection, but_by=some_holder().holder_id) == {1}


def test_only_the_holder_settles_a_claim(ledger: Ledger, other: Ledger) -> None:
    """A claim that another took over can't be settled any more, nor anything along with it."""
    taken, kept, free = entry(1), entry(2), entry(3)
    known_holder(ledger, gone := some_holder())
    claim_all(ledger, taken, kept, holder=gone)
    with other.write() as connection:
        take_over_orphans(connection, holder=other.holder, run_id="b" * 32)
    batch = (settlement(free, claimed=False), settlement(kept), settlement(taken))
    with pytest.raises(ClaimLostError):
        settle_all(ledger, *batch, holder=gone)
    assert row_of(ledger.engine, kept).outcome is None
    with ledger.read() as connection:
        ids = [taken.operation_id, kept.operation_id]
        assert still_held(connection, ids, holder=gone) == frozenset()
        assert still_held(connection, ids, holder=other.holder) == set(ids)
    settle_all(other, settlement(taken))
    assert row_of(ledger.engine, taken).sequence == 1
    with pytest.raises(ClaimLostError):
        settle_all(other, settlement(kept), settlement(taken))
    assert row_of(ledger.engine, kept).outcome is None


def test_a_settled_claim_is_settled_once(ledger: Ledger) -> None:
    """A second settlement of one operation is refused, also by its holder."""
    claimed = entry(1)
    claim_all(ledger, claimed)
    settle_all(ledger, settlement(claimed))
    with pytest.raises(ClaimLostError):
        settle_all(ledger, settlement(claimed, Outcome.REJECTED))
    row = row_of(ledger.engine, claimed)
    assert (row.outcome, row.reason, row.claimed_by) == (Outcome.APPLIED, None, None)


def test_attempts_are_noted_only_by_the_holder(ledger: Ledger, other: Ledger) -> None:
    """Who can't write a call down must not make it; who takes over knows of the calls made."""
    claimed, sent = entry(1), Attempt(at=NOON, call="execute", error="timed out", seconds=1.5)
    known_holder(ledger, gone := some_holder())
    claim_all(ledger, claimed, holder=gone)
    with ledger.write() as connection:
        assert note_attempts(connection, claimed.operation_id, [sent], holder=gone)
        assert not note_attempts(connection, claimed.operation_id, [], holder=ledger.holder)
    with other.write() as connection:
        (adopted,) = take_over_orphans(connection, holder=other.holder, run_id=None)
        assert adopted.attempts == (sent,)
        assert not note_attempts(connection, claimed.operation_id, [], holder=gone)


def test_a_released_claim_never_was(ledger: Ledger, other: Ledger) -> None:
    """Only its holder gives a claim back, and a settled operation is none."""
    claimed, settled = entry(1), entry(2)
    claim_all(ledger, claimed, settled)
    settle_all(ledger, settlement(settled))
    ids = [claimed.operation_id, settled.operation_id]
    with other.write() as connection:
        release(connection, ids, holder=other.holder)
    assert claim_all(other, entry(1)) == frozenset()
    with ledger.write() as connection:
        release(connection, ids, holder=ledger.holder)
        release(connection, [], holder=ledger.holder)
    assert row_of(ledger.engine, settled).outcome == Outcome.APPLIED
    assert len(claim_all(other, entry(1))) == 1


def test_the_claims_of_the_dead_are_taken_over_once_oldest_first(
    ledger: Ledger, other: Ledger
) -> None:
    """Who looks second finds them held; the record and the claim's time come with them."""
    known_holder(ledger, gone := some_holder())
    entries = [entry(9 - number, record={"id": 9 - number, "n": 1}) for number in range(4)]
    for number, claimed in enumerate(entries):
        claim_all(ledger, claimed, holder=gone, at=NOON - timedelta(minutes=number))
    with ledger.write() as connection:
        taken = take_over_orphans(connection, holder=ledger.holder, run_id="b" * 32)
    with other.write() as connection:
        assert take_over_orphans(connection, holder=other.holder, run_id="c" * 32) == []
    assert [claim.entry for claim in taken] == entries[::-1]
    assert taken[0].claimed_at == NOON - timedelta(minutes=3)
    row = row_of(ledger.engine, entries[0])
    assert (row.claimed_by, row.run_id) == (ledger.holder.holder_id, "b" * 32)
    settle_all(ledger, *(settlement(claim.entry) for claim in taken))


def test_a_claim_of_a_process_that_said_goodbye_is_an_orphan(ledger_url: str) -> None:
    """Leaving the ledger ends the lease: what is still claimed is free at once, on any host."""
    with Ledger.open(ledger_url) as leaving:
        claim_all(leaving, entry(1))
    with Ledger.open(ledger_url) as here, here.write() as connection:
        assert len(take_over_orphans(connection, holder=here.holder, run_id=None)) == 1


@pytest.mark.parametrize(
    ("host", "alive", "lease", "taken"),
    [
        ("here", True, 60, False),
        ("here", True, -3600, False),
        ("here", False, 60, True),
        ("elsewhere", True, 60, False),
        ("elsewhere", False, 60, False),
        ("elsewhere", True, -1, True),
    ],
)
def test_who_is_held_for_dead(
    ledger: Ledger, host: str, *, alive: bool, lease: float, taken: bool
) -> None:
    """On this host the process tells, and nothing else; on another one the lease."""
    start = ledger.holder.process_start if alive else "never"
    holder = some_holder(host=None if host == "here" else host, start=start)
    known_holder(ledger, holder, lease=lease)
    claim_all(ledger, entry(1), holder=holder)
    with ledger.write() as connection:
        found = take_over_orphans(connection, holder=ledger.holder, run_id=None)
        closed = close_dead_runs(connection, seen_from=ledger.holder.host)
    assert (len(found) == 1, closed == [holder.holder_id]) == (taken, taken)


def test_a_renewed_lease_keeps_a_claim(ledger: Ledger) -> None:
    """The lease is counted from the renewal; a holder that was struck off learns of it."""
    far = some_holder(host="elsewhere")
    known_holder(ledger, far, lease=-1)
    claim_all(ledger, entry(1), holder=far)
    with ledger.write() as connection:
        assert renew_lease(connection, far)
        assert take_over_orphans(connection, holder=ledger.holder, run_id=None) == []
        set_lease(connection, far, -LEASE.total_seconds())
        assert len(take_over_orphans(connection, holder=ledger.holder, run_id=None)) == 1
        forget_holder(connection, far)
        assert not renew_lease(connection, far)


def test_a_dead_run_is_closed_with_what_it_did(ledger: Ledger) -> None:
    """Its counts are those of what it settled; what was taken over counts for the new run."""
    known_holder(ledger, gone := some_holder())
    done, lost = entry(1), entry(2)
    claim_all(ledger, done, lost, holder=gone)
    call = Attempt(at=NOON, call="execute", status=200, seconds=0.1)
    settle_all(
        ledger,
        *unclaimed(7, 8),
        settlement(entry(1), Outcome.UNCHANGED, claimed=False),
        settlement(done, attempts=(call, call)),
        holder=gone,
    )
    with ledger.write() as connection:
        start_run(connection, ledger.holder.holder_id)
        (orphan,) = take_over_orphans(
            connection, holder=ledger.holder, run_id=ledger.holder.holder_id
        )
        assert close_dead_runs(connection, seen_from=ledger.holder.host) == [gone.holder_id]
        assert close_dead_runs(connection, seen_from=ledger.holder.host) == []
    settle_all(ledger, settlement(orphan.entry))
    row = run_row(ledger.engine, gone.holder_id)
    assert (row.crashed, row.exit_code, row.sequence, row.api_calls) == (True, None, 1, 2)
    assert (row.applied, row.unchanged, row.superseded, row.rejected, row.uncertain) == (
        *(1, 1, 0),
        *(2, 0),
    )
    assert row.ended_at >= row.started_at
    with ledger.read() as connection:
        assert [run["run_id"] for run in finished_runs(connection, after=0)] == [gone.holder_id]


def test_an_execution_is_remembered_so_that_it_is_never_repeated(ledger: Ledger) -> None:
    """Applied, failed after it was sent, or uncertain: it stands; refused or never sent: not."""
    outcomes: dict[int, tuple[Outcome, dict[str, Any]]] = {
        1: (Outcome.APPLIED, {}),
        2: (Outcome.UNCERTAIN, {}),
        3: (Outcome.REJECTED, {"reason": Reason.EXECUTION_FAILED, "task_detail": {"id": 3}}),
        4: (Outcome.REJECTED, {"reason": Reason.TASK_NOT_NEW}),
    }
    for task_id, (outcome, members) in outcomes.items():
        claimed = entry(task_id, external_id=f"crm-{task_id}")
        claim_all(ledger, claimed)
        settle_all(ledger, settlement(claimed, outcome, **members))
    later = entry(2)
    settle_all(ledger, settlement(later, Outcome.UNCERTAIN, claimed=False))
    with ledger.read() as connection:
        known = known_tasks(connection, range(1, 7))
    executions = {task_id: task.execution for task_id, task in known.items() if task.execution}
    assert {task_id: found.outcome for task_id, found in executions.items()} == {
        task_id: outcomes[task_id][0] for task_id in (1, 2, 3)
    }
    assert executions[1].external_id == "crm-1"
    assert executions[2].operation_id != later.operation_id


def test_the_last_body_of_a_task_is_remembered(ledger: Ledger) -> None:
    """In the order settled, also within one commit; what was not applied leaves no trace."""
    first, second, refused = (
        entry(1, Operation.UPDATE, body_hash=letter * 64) for letter in ("a", "b", "c")
    )
    for update in (first, second):
        claim_all(ledger, update)
        settle_all(ledger, settlement(update, task_detail={"id": 1, "by": update.body_hash}))
    settle_all(
        ledger,
        settlement(refused, Outcome.REJECTED, claimed=False),
        settlement(entry(2, Operation.UPDATE), Outcome.SUPERSEDED, claimed=False),
        settlement(entry(3, Operation.UPDATE, body_hash="d" * 64), claimed=False),
        settlement(
            entry(3, Operation.UPDATE, body_hash="e" * 64), claimed=False, body_hash="f" * 64
        ),
    )
    with ledger.read() as connection:
        known = known_tasks(connection, {1, 2, 3}, with_detail=True)
    assert (known[1].body_hash, known[1].detail) == ("b" * 64, {"id": 1, "by": "b" * 64})
    assert known[2].body_hash is None
    assert known[3].body_hash == "f" * 64


def test_many_tasks_are_known_at_once(ledger: Ledger) -> None:
    """More than a database takes as bound values of one query."""
    settle_all(
        ledger,
        *(settlement(entry(id_, Operation.UPDATE), claimed=False) for id_ in range(1, 1202)),
    )
    with ledger.read() as connection:
        known = known_tasks(connection, range(1, 1301))
    assert sum(task.body_hash is not None for task in known.values()) == 1201
    assert len(known) == 1300
