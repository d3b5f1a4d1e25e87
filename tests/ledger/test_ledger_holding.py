"""A person's word and the runs that use it, when they come at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

from entries import NOON, entry
from ledger_rows import claim_all, known_holder, row_of, settle_all, settlement, some_holder
from sqlalchemy import Connection

from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Entry, Ledger
from reply_tasks.ledger.approved import approved_operations, claim_approved, put_back_approved
from reply_tasks.ledger.claims import last_sequence
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import approve, change_held, decline, expire_held, supersede_held
from reply_tasks.ledger.orphans import take_over_orphans

#: How often each race is run.
RACES = 6


def hold(ledger: Ledger, task_id: int = 1) -> Entry:
    """An execution that waits for a person."""
    held = entry(task_id, record={"id": task_id, "content": {"body": "Hi."}})
    settle_all(ledger, settlement(held, Outcome.HELD, claimed=False))
    return held


def say_yes(ledger: Ledger, of: Entry) -> bool:
    with ledger.write() as connection:
        return _yes(connection, of)


def _yes(connection: Connection, of: Entry) -> bool:
    shown = held_operations(connection, operation_ids=[of.operation_id])
    return any(
        approve(connection, each, record=each.claim.entry.record, by="ann", at=datetime.now(UTC))
        for each in shown
    )


def say_no(ledger: Ledger, of: Entry) -> bool:
    with ledger.write() as connection:
        shown = held_operations(connection, operation_ids=[of.operation_id])
        return any(
            decline(connection, each, why="", by="bob", at=datetime.now(UTC)) for each in shown
        )


def use(ledger: Ledger, of: Entry) -> bool:
    """A run claims it, if it is approved."""
    with ledger.write() as connection:
        last_sequence(connection)
        entries = [claim.entry for claim in approved_operations(connection)]
        granted = claim_approved(
            connection,
            entries,
            holder=ledger.holder,
            run_id=ledger.holder.holder_id,
            at=NOON,
            reply_ahead=2.5,
        )
        return of.operation_id in granted


def at_once(one: Callable[[], object], two: Callable[[], object]) -> tuple[object, object]:
    """What both return, begun at the same moment."""
    start = Barrier(2)

    def run(what: Callable[[], object]) -> object:
        start.wait()
        return what()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, (one, two))
    return first, second


def test_an_approved_claim_is_dated_as_any_other(ledger: Ledger, other: Ledger) -> None:
    """By Reply's clock and by its machine's boot: whoever takes it over judges by the same."""
    held, read = hold(ledger, 1), entry(2)
    say_yes(ledger, held)
    assert use(ledger, held)
    claim_all(ledger, read)
    approved, ordinary = row_of(ledger.engine, held), row_of(ledger.engine, read)
    assert (approved.claimed_at, approved.reply_ahead) == (NOON, 2.5)
    assert abs(approved.claimed_moment - ordinary.claimed_moment) < 600
    with ledger.write() as connection:
        put_back_approved(connection, [held.operation_id], holder=ledger.holder)
    back = row_of(ledger.engine, held)
    assert back.outcome == Outcome.HELD
    assert (back.claimed_by, back.claimed_at, back.reply_ahead, back.claimed_moment) == (None,) * 4
    assert use(other, held)


def test_an_orphaned_approved_claim_knows_its_age(ledger: Ledger) -> None:
    """What a dead run claimed after a yes is read back as what it read itself."""
    held = hold(ledger)
    say_yes(ledger, held)
    dead = some_holder()
    with ledger.write() as connection:
        entries = [claim.entry for claim in approved_operations(connection)]
        claim_approved(connection, entries, holder=dead, run_id=dead.holder_id, at=NOON)
    known_holder(ledger, dead)
    with ledger.write() as connection:
        (claim,) = take_over_orphans(connection, holder=ledger.holder, run_id=None)
    assert claim.age is not None
    assert claim.age < 600


def test_of_two_runs_at_once_one_claims(ledger: Ledger, other: Ledger) -> None:
    """An approval is used once, whoever comes for it."""
    for task_id in range(RACES):
        held = hold(ledger, task_id)
        say_yes(ledger, held)
        first, second = at_once(lambda: use(ledger, held), lambda: use(other, held))  # noqa: B023
        assert first is not second
        owner = ledger if first else other
        assert row_of(ledger.engine, held).claimed_by == owner.holder.holder_id


def test_a_no_and_a_run_at_once_leave_one_of_them(ledger: Ledger, other: Ledger) -> None:
    """Declined and never claimed, or claimed and past declining."""
    for task_id in range(RACES):
        held = hold(ledger, task_id)
        say_yes(ledger, held)
        declined, claimed = at_once(lambda: say_no(other, held), lambda: use(ledger, held))  # noqa: B023
        assert declined is not claimed
        row = row_of(ledger.engine, held)
        assert row.reason == (Reason.NOT_APPROVED if declined else None)
        assert (row.claimed_by is None) == declined


def test_a_yes_and_a_later_record_at_once_send_no_text_that_was_replaced(
    ledger: Ledger, other: Ledger
) -> None:
    """What a later record replaced waits no more, also where a yes came at the same moment."""
    for task_id in range(RACES):
        held = hold(ledger, task_id)

        def replace(of: Entry = held) -> bool:
            with other.write() as connection:
                return supersede_held(connection, of.operation_id, by="later")

        _, replaced = at_once(lambda: say_yes(ledger, held), replace)  # noqa: B023
        assert replaced
        assert not use(ledger, held)
        assert row_of(ledger.engine, held).outcome == Outcome.SUPERSEDED


def test_a_yes_and_the_end_of_the_wait_at_once_leave_one_of_them(
    ledger: Ledger, other: Ledger
) -> None:
    """A yes that was taken does not expire, and what has expired takes none."""
    for task_id in range(RACES):
        held = hold(ledger, task_id)

        def expire() -> int:
            with other.write() as connection:
                return expire_held(connection, after=timedelta())

        approved, expired = at_once(lambda: say_yes(ledger, held), expire)  # noqa: B023
        assert approved is (expired == 0)
        row = row_of(ledger.engine, held)
        assert row.outcome == (Outcome.HELD if approved else Outcome.REJECTED)
        assert use(ledger, held) is approved


def test_a_yes_after_a_no_does_nothing(ledger: Ledger) -> None:
    """A person's no has no end: nobody's late yes lets the same record out."""
    held = hold(ledger)
    with ledger.read() as connection:
        (shown,) = held_operations(connection)
    assert say_no(ledger, held)
    with ledger.write() as connection:
        record, at = shown.claim.entry.record, datetime.now(UTC)
        assert not approve(connection, shown, record=record, by="ann", at=at)
    assert not use(ledger, held)
    row = row_of(ledger.engine, held)
    assert (row.reason, row.approved_by) == (Reason.NOT_APPROVED, "bob")


def test_writers_of_several_held_rows_wait_for_each_other(ledger: Ledger, other: Ledger) -> None:
    """One order of locks: a yes to many and a run that replaces many come to no deadlock."""
    held = [hold(ledger, task_id) for task_id in range(1, 41)]

    def approve_all() -> int:
        with ledger.write() as connection:
            return sum(_yes(connection, each) for each in held)

    def replace_all() -> int:
        with other.write() as connection:
            return sum(
                supersede_held(connection, each.operation_id, by="later") for each in reversed(held)
            )

    assert at_once(approve_all, replace_all)[1] == len(held)


def test_a_second_yes_changes_nothing(ledger: Ledger) -> None:
    """The first one counts: with its name, its time, its digest."""
    held = hold(ledger)
    with ledger.read() as connection:
        (shown,) = held_operations(connection)
    assert say_yes(ledger, held)
    with ledger.write() as connection:
        record, at = {"id": 1, "content": {"body": "Other."}}, datetime.now(UTC)
        assert not approve(connection, shown, record=record, by="bob", at=at)
    row = row_of(ledger.engine, held)
    assert (row.approved_by, row.record["content"]) == ("ann", {"body": "Hi."})


def test_a_yes_to_what_is_there_no_more_is_none(ledger: Ledger) -> None:
    """A record that is another one than was shown stays without a yes."""
    held = hold(ledger)
    with ledger.read() as connection:
        (shown,) = held_operations(connection)
    with ledger.write() as connection:
        change_held(connection, held.operation_id, record={"id": 1, "content": {"body": "Other."}})
    with ledger.write() as connection:
        record, at = shown.claim.entry.record, datetime.now(UTC)
        assert not approve(connection, shown, record=record, by="ann", at=at)
    assert not use(ledger, held)


def test_a_text_that_changed_after_the_yes_is_neither_taken_up_nor_claimed(ledger: Ledger) -> None:
    """Whoever asks what is approved is not given it, and whoever had it before can't claim it."""
    held = hold(ledger)
    say_yes(ledger, held)
    with ledger.read() as connection:
        before = [claim.entry for claim in approved_operations(connection)]
    assert before
    changed = [each._replace(record={**each.record, "content": {"body": "?"}}) for each in before]
    with ledger.write() as connection:
        last_sequence(connection)
        holder = ledger.holder
        assert not claim_approved(
            connection, changed, holder=holder, run_id=holder.holder_id, at=NOON
        )
        change_held(connection, held.operation_id, record=changed[0].record)
        assert not approved_operations(connection)


def test_what_is_approved_is_not_claimed_beside_another_claim_of_its_task(ledger: Ledger) -> None:
    """A task's calls never overlap: while a run works on it, the approved one waits."""
    held = hold(ledger)
    say_yes(ledger, held)
    claim_all(ledger, entry(1))
    assert not use(ledger, held)
    assert row_of(ledger.engine, held).outcome == Outcome.HELD
