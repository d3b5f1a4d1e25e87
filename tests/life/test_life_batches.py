"""Up to a hundred records that need no member of their own share a call; each ends by itself."""

import sqlite3
from collections.abc import Iterator

import pytest
from batch_records import (
    HEADS,
    assignments,
    batches,
    completions,
    counted,
    deletions,
    effects,
    make_tasks,
    names_batches,
)
from messages import Message, update
from target_runs import Stage

from reply_tasks.contract.enums import CreationSource, TaskStatus
from reply_tasks.sandbox import Call, EffectKind, Endpoint, Fault
from reply_tasks.sandbox.faults import Faults

pytestmark = pytest.mark.usefixtures("unhurried")

MANY = range(1, 251)
FEW = range(1, 6)


def test_many_completions_take_few_calls(stage: Stage) -> None:
    """250 tasks are completed a hundred at a time, each once; rows and run count each call once."""
    make_tasks(stage, MANY)
    ended = stage.run(*HEADS, *completions(MANY), requests_per_minute=100)
    assert ended.exit_code == 0, ended.log
    sizes = [len(ids) for ids in batches(stage, Endpoint.BATCH_COMPLETE)]
    assert sorted(sizes) == [50, 100, 100]
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(MANY, 1)
    assert len({*counted(stage)}) == 1, counted(stage)
    assert {fate[1] for fate in stage.fates()} == {"applied"}
    calls = len(stage.sandbox.calls)
    again = stage.run(*HEADS, *completions(MANY))
    assert again.exit_code == 0
    assert len(stage.sandbox.calls) == calls


def test_one_record_goes_in_a_call_of_its_own(stage: Stage) -> None:
    """A batch of one is a plain call, and its row keeps the task that Reply returned."""
    make_tasks(stage, [1])
    stage.run(*HEADS, *completions([1]))
    assert [call.endpoint for call in stage.sandbox.calls] == [Endpoint.COMPLETE]
    assert stage.fate()["task_detail"]["id"] == 1


@pytest.mark.parametrize("members", [{"callResolution": 0}, {"finishProspectInSequence": True}])
def test_what_a_batch_can_not_say_goes_alone(members: dict[str, object], stage: Stage) -> None:
    """A completion with a member of its own has a call of its own."""
    make_tasks(stage, FEW)
    ended = stage.run(*HEADS, *completions(FEW, **members))
    assert ended.exit_code == 0, ended.log
    assert not names_batches(stage)
    assert len(stage.sandbox.calls_of(Endpoint.COMPLETE)) == len(FEW)


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_each_record_has_the_reason_of_its_own_failure(dialect: str, stage: Stage) -> None:
    """In numbers or in names: as single calls would have had it; the others are applied."""
    make_tasks(stage, [1, 2, 3])
    stage.sandbox.edit_task(2, status=TaskStatus.FINISHED)
    ended = stage.run(*HEADS, *completions([1, 2, 3, 900]), api_dialect=dialect)
    assert ended.exit_code == 0, ended.log
    assert sorted(stage.fates()) == [
        (1, "applied", None),
        (2, "rejected", "task_not_new"),
        (3, "applied", None),
        (900, "rejected", "task_not_found"),
    ]
    assert effects(stage, EffectKind.COMPLETED) == {1: 1, 3: 1}
    assert len(stage.sandbox.calls) == 1
    rejected = next(row for row in stage.operations() if row["task_id"] == 900)
    assert rejected["problem"].keys() == {"error", "errorDetails"}
    assert rejected["record"] == {"id": 900}


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_assignments_share_a_call_by_their_user(dialect: str, stage: Stage) -> None:
    """Each user's tasks go in one call; an address is looked up once, a stranger refused once."""
    make_tasks(stage, range(1, 11))
    ended = stage.run(
        *HEADS,
        *assignments([1, 2, 3], userId=1),
        *assignments([4, 5, 6, 900], assignedUserEmail="second@example.com"),
        *assignments([7, 8], userId=77),
        api_dialect=dialect,
    )
    assert ended.exit_code == 0, ended.log
    assert sorted(batches(stage, Endpoint.BATCH_ASSIGN)) == [[1, 2, 3], [4, 5, 6, 900], [7, 8]]
    assert [stage.sandbox.task(n).assigned_user_id for n in (3, 4, 6)] == [1, 2, 2]
    assert {fate[0]: fate[2] for fate in stage.fates() if fate[1] == "rejected"} == {
        7: "user_refused",
        8: "user_refused",
        900: "task_not_found",
    }
    assert len(stage.sandbox.calls) == 4


def test_records_of_two_users_never_share_a_call(stage: Stage) -> None:
    """Each call acts as one user, and spends that user's quota."""
    make_tasks(stage, range(1, 9), assigned_user_id=2)
    records = [
        *completions(range(1, 5), actAsUserId=1),
        *completions(range(5, 9), actAsUserId=2),
    ]
    ended = stage.run(*HEADS, *records[::2], *records[1::2])
    assert ended.exit_code == 0, ended.log
    calls = stage.sandbox.calls_of(Endpoint.BATCH_COMPLETE)
    assert {(call.user_id, frozenset(call.body["ids"])) for call in calls} == {
        (1, frozenset(range(1, 5))),
        (2, frozenset(range(5, 9))),
    }


def test_the_order_within_a_task_is_kept(stage: Stage) -> None:
    """A task is completed, then deleted: in two calls, however many others go with it."""
    make_tasks(stage, FEW)
    stage.run(*(update(n) for n in FEW))
    stage.run(*HEADS, *completions(FEW), *deletions(FEW))
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
    assert {stage.sandbox.task(n).status.wire_name for n in FEW} == {"archived"}
    assert {fate[1] for fate in stage.fates()} == {"applied"}
    changing = [call.endpoint for call in stage.sandbox.calls[len(FEW) :]]
    assert changing == [Endpoint.BATCH_COMPLETE, Endpoint.BULK_DELETE]


def test_a_deletion_reads_only_what_the_ledger_does_not_know(stage: Stage) -> None:
    """Known as nobody's sequence, or meant for one: unread. Else it is read, then goes along."""
    make_tasks(stage, [1, 2, 3, 4])
    make_tasks(stage, [5, 6], creation_source=CreationSource.SEQUENCE)
    stage.run(update(1), update(2))
    ended = stage.run(
        *HEADS,
        *deletions([1, 2, 3, 4, 5]),
        *deletions([6], deleteSequenceTask=True),
    )
    assert ended.exit_code == 0, ended.log
    assert sorted(stage.fates()[2:]) == [
        *((n, "applied", None) for n in (1, 2, 3, 4)),
        (5, "rejected", "sequence_immutable"),
        (6, "applied", None),
    ]
    assert sorted(call.task_id or 0 for call in stage.sandbox.calls_of(Endpoint.GET)) == [3, 4, 5]
    assert batches(stage, Endpoint.BULK_DELETE) == [[1, 2, 3, 4, 6]]


def test_a_deletion_that_fails_unread_is_read_then(stage: Stage) -> None:
    """A task that somebody deleted already is unchanged, as it would be by itself."""
    make_tasks(stage, [1, 2])
    stage.run(update(1), update(2))
    stage.sandbox.edit_task(2, status=TaskStatus.CANCELLED)
    ended = stage.run(*HEADS, *deletions([1, 2]))
    assert ended.exit_code == 0, ended.log
    assert sorted(stage.fates()[2:]) == [(1, "applied", None), (2, "unchanged", None)]


def test_what_reply_refuses_as_a_whole_is_asked_for_one_by_one(stage: Stage) -> None:
    """One record may be the cause: the others must not pay for it."""
    make_tasks(stage, FEW)
    stage.sandbox.fault("404", endpoint=Endpoint.BATCH_COMPLETE, body={"code": "task.unknown"})
    ended = stage.run(*HEADS, *completions([*FEW, 900]))
    assert ended.exit_code == 0, ended.log
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(FEW, 1)
    assert {fate[1:] for fate in stage.fates()} == {
        ("applied", None),
        ("rejected", "task_not_found"),
    }


def test_a_reply_without_batches_is_asked_for_one_once(stage: Stage) -> None:
    """Where there is no such endpoint, all others of the run go alone."""
    make_tasks(stage, range(1, 7))
    stage.sandbox.fault("404", endpoint=Endpoint.BATCH_COMPLETE, times=None)

    def records() -> Iterator[Message]:
        yield from (*HEADS, *completions([1, 2, 3]))
        stage.sandbox.wait_for_calls(3, Endpoint.COMPLETE)
        yield from completions([4, 5, 6])

    ended = stage.run_while(records())
    assert ended.exit_code == 0, ended.log
    assert batches(stage, Endpoint.BATCH_COMPLETE) == [[1, 2, 3]]
    assert effects(stage, EffectKind.COMPLETED) == dict.fromkeys(range(1, 7), 1)


def test_a_dry_run_of_many_calls_nothing(stage: Stage) -> None:
    """Planned record by record, as always."""
    make_tasks(stage, FEW)
    ended = stage.plan(*HEADS, *completions(FEW), dry_run=True)
    assert ended.exit_code == 0, ended.log
    assert stage.sandbox.calls == []


def test_every_record_of_a_batch_is_claimed_when_its_call_arrives(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens the ledger then finds all of them in it."""
    make_tasks(stage, MANY)
    unclaimed: set[int] = set()
    strike = Faults.strike

    def look(self: Faults, call: Call) -> Fault | None:
        ledger = sqlite3.connect(stage.folder / "ledger.db", timeout=30)
        claims = ledger.execute("SELECT task_id FROM operations WHERE outcome IS NULL").fetchall()
        ledger.close()
        unclaimed.update({*call.body["ids"]} - {task_id for (task_id,) in claims})
        return strike(self, call)

    monkeypatch.setattr(Faults, "strike", look)
    ended = stage.run(*HEADS, *completions(MANY))
    assert ended.exit_code == 0, ended.log
    assert stage.sandbox.calls
    assert unclaimed == set()
