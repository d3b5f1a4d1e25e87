"""Numbers become visible in their order, so that whoever reads on from the last misses nothing."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from time import sleep

from entries import entry
from ledger_rows import claim_all, known_holder, settle_all, settlement, some_holder, unclaimed
from sqlalchemy import Connection, select

from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Ledger, RunTotals, new_id, open_engine
from reply_tasks.ledger.claims import last_sequence
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.orphans import take_over_orphans
from reply_tasks.ledger.queries import finished_runs, settled_operations
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.ledger.settling import settle
from reply_tasks.ledger.tables import operations

WRITERS, COMMITS = 3, 40


def _numbers(connection: Connection, after: int = 0) -> list[int]:
    return [row["sequence"] for row in settled_operations(connection, after=after)]


def test_numbers_are_given_in_the_order_settled(ledger: Ledger) -> None:
    """From 1 on, in the order given, over claimed and unclaimed ones alike."""
    claimed = entry(5)
    claim_all(ledger, claimed)
    batch = [*unclaimed(1, 2), settlement(claimed), *unclaimed(3)]
    settle_all(ledger, *batch)
    settle_all(ledger)
    settle_all(ledger, *unclaimed(4))
    with ledger.read() as connection:
        rows = list(settled_operations(connection, after=0))
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["operation_id"] for row in rows[:4]] == [s.entry.operation_id for s in batch]


def test_a_reader_on_its_way_misses_no_row_of_several_writers(ledger_url: str) -> None:
    """It never sees a number and later a smaller one, while writers commit at once."""
    open_engine(ledger_url).dispose()
    start, done = Barrier(WRITERS + 1), Event()

    def write(number: int) -> None:
        with Ledger.open(ledger_url) as ledger:
            start.wait()
            for turn in range(COMMITS):
                with ledger.write(durable=False) as connection:
                    batch = unclaimed(*range(turn % 3 + 1))
                    settle(connection, batch, holder=ledger.holder, run_id=str(number))
                    sleep(0.001)  # the commit comes later than the number

    def read() -> list[int]:
        seen: list[int] = []
        engine = open_engine(ledger_url)
        start.wait()
        last = False
        while not last:
            last = done.is_set()
            with engine.connect() as connection:
                seen += _numbers(connection, after=seen[-1] if seen else 0)
        engine.dispose()
        return seen

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reading = pool.submit(read)
        try:
            for writing_ in [pool.submit(write, number) for number in range(WRITERS)]:
                writing_.result()
        finally:
            done.set()
        seen = reading.result()
    each = sum(turn % 3 + 1 for turn in range(COMMITS))
    assert seen == list(range(1, WRITERS * each + 1))


def test_a_later_writer_waits_for_an_earlier_one(ledger: Ledger, other: Ledger) -> None:
    """A number that is given and not committed holds back every later one."""
    second = Thread(target=settle_all, args=(other, *unclaimed(2)))
    with ledger.write() as connection:
        settle(connection, unclaimed(1), holder=ledger.holder, run_id="a" * 32)
        second.start()
        second.join(0.3)
        assert second.is_alive()
        with other.read() as reading:
            assert _numbers(reading) == []
    second.join()
    with other.read() as reading:
        rows = {row["sequence"]: row["task_id"] for row in settled_operations(reading, after=0)}
    assert rows == {1: 1, 2: 2}


def test_what_was_rolled_back_was_never_numbered(ledger: Ledger) -> None:
    """No number names nothing, and none names two."""
    settle_all(ledger, *unclaimed(1))
    with ledger.write() as connection:
        settle(connection, unclaimed(2, 3), holder=ledger.holder, run_id="a" * 32)
        connection.rollback()
    settle_all(ledger, *unclaimed(4))
    with ledger.read() as connection:
        assert _numbers(connection) == [1, 2]


def test_a_number_is_not_given_again_after_its_row_is_gone(ledger: Ledger) -> None:
    """A warehouse that has seen number 3 must never get another number 3."""
    settle_all(ledger, *unclaimed(1, 2, 3))
    with ledger.write() as connection:
        connection.execute(operations.delete().where(operations.c.sequence == 3))
    settle_all(ledger, *unclaimed(4))
    with ledger.read() as connection:
        assert _numbers(connection) == [1, 2, 4]
        assert last_sequence(connection) == 4


def test_nobody_settles_between_a_judgement_and_the_claim_that_rests_on_it(
    ledger: Ledger, other: Ledger
) -> None:
    """A run that has read what is known may claim by it: the others wait for its commit."""
    held = entry(1)
    claim_all(other, held)
    settling = Thread(target=settle_all, args=(other, settlement(held)))
    with ledger.write() as connection:
        last_sequence(connection)
        settling.start()
        settling.join(0.3)
        assert settling.is_alive()
    settling.join()


def test_a_run_that_looks_for_orphans_and_one_that_settles_do_not_block_each_other_for_good(
    ledger: Ledger, other: Ledger
) -> None:
    """Whatever the order in which their rows are written."""
    entries = [entry(task_id) for task_id in range(1, 40)]
    claim_all(ledger, *entries)
    known_holder(ledger, gone := some_holder())
    orphans = [entry(task_id) for task_id in range(50, 60)]
    claim_all(ledger, *orphans, holder=gone)
    found: list[int] = []

    def look() -> None:
        with other.write() as connection:
            taken = take_over_orphans(connection, holder=other.holder, run_id=None)
            found.append(len(taken))

    looking = Thread(target=look)
    with ledger.write() as connection:
        late = [settlement(claimed) for claimed in reversed(entries[20:])]
        settle(connection, late, holder=ledger.holder, run_id="a" * 32)
        looking.start()
        looking.join(0.3)
        early = [settlement(claimed) for claimed in entries[:20]]
        settle(connection, early, holder=ledger.holder, run_id="a" * 32)
    looking.join()
    assert found == [len(orphans)]


def test_runs_are_numbered_as_they_end(ledger: Ledger) -> None:
    """In a counter of their own; a run that goes on has no number."""
    first, second, third = (new_id() for _ in range(3))
    with ledger.write() as connection:
        for run_id in (first, second, third):
            start_run(connection, run_id)
        end_run(connection, second, exit_code=0, totals=RunTotals(api_calls=7))
        end_run(connection, first, exit_code=143, totals=RunTotals(quota_wait_seconds=1.23456))
    with ledger.read() as connection:
        rows = list(finished_runs(connection, after=0))
        assert [row["run_id"] for row in finished_runs(connection, after=1)] == [first]
    assert [(row["run_id"], row["sequence"], row["exit_code"]) for row in rows] == [
        (second, 1, 0),
        (first, 2, 143),
    ]
    assert (rows[0]["api_calls"], rows[1]["quota_wait_seconds"]) == (7, 1.235)
    assert not any(row["crashed"] for row in rows)


def test_a_long_read_comes_in_pages_and_holds_no_lock(ledger: Ledger, other: Ledger) -> None:
    """More rows than a page come in order, and a writer need not wait for the reader."""
    settle_all(ledger, *unclaimed(*range(2500)))
    with ledger.read() as connection:
        rows = settled_operations(connection, after=100)
        read = [next(rows)["sequence"]]
        settle_all(other, *unclaimed(1))
        read += [row["sequence"] for row in rows]
    assert read == list(range(101, 2502))


def test_only_applied_operations_have_a_task_to_show(ledger: Ledger) -> None:
    """The rows that the tap makes task details of hold the detail; the others leave it out."""
    applied = entry(1, Operation.UPDATE)
    settle_all(
        ledger,
        settlement(applied, claimed=False, task_detail={"id": 1}),
        *unclaimed(2),
        settlement(entry(3, Operation.UPDATE), claimed=False),
    )
    with ledger.read() as connection:
        rows = list(settled_operations(connection, after=0, applied_only=True))
        others = list(settled_operations(connection, after=0))
    assert [(row["operation_id"], row["task_detail"]) for row in rows] == [
        (applied.operation_id, {"id": 1})
    ]
    assert len(others) == 3
    assert all("task_detail" not in row and "record" not in row for row in others)


def test_the_last_number_tells_that_another_settled(ledger: Ledger, other: Ledger) -> None:
    """The engine doubts what it has judged when this has moved."""
    with ledger.write() as connection:
        before = last_sequence(connection)
    settle_all(other, *unclaimed(1, 2))
    with writing(ledger.engine) as connection:
        assert last_sequence(connection) == before + 2
        stored = connection.scalar(select(operations.c.sequence).order_by(operations.c.sequence))
    assert stored == 1
