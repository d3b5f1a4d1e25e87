"""What is ready goes out in as few calls as it takes, and a lone record is not kept waiting."""

from collections.abc import Iterable
from typing import Any

from entries import entry

from reply_tasks.contract import body_hash
from reply_tasks.contract.kept import read_kept_record
from reply_tasks.contract.outcomes import Operation
from target_reply_tasks.batch import Batch
from target_reply_tasks.engine.ready import LOOK_AHEAD, MOST_REST, Ready, Rest
from target_reply_tasks.work import RECOVERED, Work

NOW = 1000.0
LONG_AGO = NOW - 60


def work(task_id: int, operation: Operation, *, received: float = LONG_AGO, **body: Any) -> Work:
    """A record that was read at this moment."""
    record = {"id": task_id, **body}
    asked = entry(
        task_id, operation, record=record, body_hash=body_hash(operation, body), stream="any"
    )
    return Work(task_id, asked, read_kept_record(operation, record), received)


def picked(works: Iterable[Work], *, room: int = 64, batched: bool = True) -> list[list[int]]:
    """The tasks of each call that leaves now."""
    return [
        [each.task_id for each in batch.works]
        for batch in _pick(_ready(works), room, batched=batched)
    ]


def _ready(works: Iterable[Work]) -> Ready:
    ready = Ready()
    for each in works:
        ready.add(each)
    return ready


def _pick(ready: Ready, room: int, *, batched: bool = True, joined: bool = False) -> list[Batch]:
    return ready.pick(
        None,
        lambda _: room,
        may_batch=lambda _: batched,
        rest=Rest(NOW - LOOK_AHEAD, others_join=joined),
        is_head=lambda _: True,
    )


COMPLETE, ASSIGN, DELETE = Operation.COMPLETE, Operation.ASSIGN, Operation.DELETE


def test_a_hundred_to_a_call() -> None:
    """250 completions are three calls, in the order read."""
    calls = picked(work(n, COMPLETE) for n in range(250))
    assert calls == [[*range(100)], [*range(100, 200)], [*range(200, 250)]]


def test_kinds_never_mix() -> None:
    """Operations, and users to whom tasks go, have calls of their own."""
    works = [
        work(1, COMPLETE),
        work(2, DELETE),
        work(3, ASSIGN, userId=1),
        work(4, COMPLETE),
        work(5, ASSIGN, userId=2),
        work(6, DELETE, deleteSequenceTask=True),
        work(7, ASSIGN, userId=1),
        work(8, Operation.EXECUTE),
        work(9, COMPLETE, callResolution=0),
    ]
    assert picked(works) == [[1, 4], [2, 6], [3, 7], [5], [8], [9]]
    assert picked(works, batched=False) == [[n] for n in range(1, 10)]


def test_what_a_dead_run_claimed_goes_alone() -> None:
    """It is looked into by itself; assignments are made again, with others of the dead run."""
    dead = [work(1, COMPLETE), work(2, DELETE)]
    dead += [work(n, ASSIGN, userId=1) for n in (3, 4)]
    for each in dead:
        each.index = RECOVERED
    ours = [work(5, COMPLETE), work(6, DELETE), work(7, ASSIGN, userId=1)]
    assert picked([*dead, *ours]) == [[1], [2], [3, 4], [5], [6], [7]]


def test_the_calls_that_are_saved_are_counted() -> None:
    """An estimate of the time that is left knows of batches."""
    works = [work(n, COMPLETE) for n in range(150)] + [work(200, Operation.EXECUTE)]
    assert _ready(works).shared() == 148


def test_calls_are_counted_and_not_records() -> None:
    """Room for one call is room for a hundred records."""
    works = [work(n, COMPLETE) for n in range(150)]
    ready = _ready(works)
    (first,) = _pick(ready, room=1)
    assert len(first.works) == 100
    ready.put_back(None, [first])
    assert [each.works[0].task_id for each in _pick(ready, room=2)] == [0, 100]


def test_a_lone_record_rests_for_a_moment_only() -> None:
    """Until nothing has joined it for a moment; it keeps nothing else waiting."""
    young = work(1, COMPLETE, received=NOW - LOOK_AHEAD / 2)
    ready = _ready([young, work(2, Operation.EXECUTE)])
    assert [batch.works[0].task_id for batch in _pick(ready, room=8)] == [2]
    assert ready.take_due() == young.received + LOOK_AHEAD
    assert picked([work(1, COMPLETE, received=NOW - LOOK_AHEAD)]) == [[1]]


def test_what_others_keep_joining_goes_after_all() -> None:
    """A hundred go at once; fewer wait no longer than the oldest of them may."""
    joining = [work(n, COMPLETE, received=NOW - 0.001 * n) for n in range(100)]
    assert picked(joining[:99]) == []
    assert picked(joining) == [[*range(100)]]
    oldest = work(200, COMPLETE, received=NOW - MOST_REST)
    assert picked([oldest, *joining[:2]]) == [[200, 0, 1]]


def test_while_calls_are_under_way_others_may_join() -> None:
    """Their ends make room for more records: fewer than a hundred wait for as long as they may."""
    few = [work(n, COMPLETE, received=NOW - MOST_REST / 2) for n in range(5)]
    ready = _ready(few)
    assert _pick(ready, 8, joined=True) == []
    assert ready.take_due() == few[0].received + MOST_REST
    assert len(_pick(ready, 8)) == 1
    many = [work(n, COMPLETE, received=NOW) for n in range(100)]
    assert len(_pick(_ready(many), 8, joined=True)) == 1
    assert len(_pick(_ready([work(1, COMPLETE)]), 8, joined=True)) == 1


def test_what_could_not_be_claimed_is_left_out() -> None:
    """The others keep their call; one of which nothing is left is not made."""
    works = [work(n, COMPLETE) for n in range(3)]
    (left,) = Batch(tuple(works)).of({works[0], works[2]})
    assert left.works == (works[0], works[2])
    assert list(left.of(set())) == []
