"""A record that brings the CRM's key alone finds its task, in the order read."""

import pytest
from life_records import HEADS, NEW, creation, keyed
from messages import record, update
from target_runs import Stage

from reply_tasks.sandbox import Endpoint, FaultKind, When


def test_a_whole_life_by_the_crms_key(stage: Stage) -> None:
    """Created, changed, executed in one input, by a key that gets its id on the way."""
    ended = stage.run(
        *HEADS,
        creation("crm-1"),
        keyed("task_updates", "crm-1", **{**NEW, "contactId": 1002}),
        keyed("task_executions", "crm-1"),
    )
    assert ended.exit_code == 0, ended.log
    ids = {row["task_id"] for row in stage.operations()}
    assert [(row["operation"], row["outcome"]) for row in stage.operations()] == [
        ("create", "applied"),
        ("update", "applied"),
        ("execute", "applied"),
    ]
    assert len(ids) == 1
    assert [call.method for call in stage.sandbox.calls] == ["POST", "PUT", "POST"]
    again = stage.run(
        *HEADS,
        creation("crm-1"),
        keyed("task_updates", "crm-1", **{**NEW, "contactId": 1002}),
        keyed("task_executions", "crm-1"),
    )
    assert again.exit_code == 0
    assert len(stage.sandbox.calls) == 3
    assert len(stage.operations()) == 3


def test_a_key_that_nothing_is_known_of_is_not_linked(stage: Stage) -> None:
    """It is rejected without a call; once a record carries both keys, it goes."""
    stage.sandbox.create_task(7)
    ended = stage.run(*HEADS, keyed("task_updates", "crm-1", **NEW))
    assert ended.exit_code == 2
    assert stage.fates() == [(None, "rejected", "not_linked")]
    assert stage.sandbox.calls == []
    stage.run(*HEADS, update(7, externalId="crm-1"), keyed("task_executions", "crm-1"))
    assert stage.fates()[1:] == [(7, "applied", None), (7, "rejected", "not_executable")]


def test_what_is_missing_is_created(stage: Stage) -> None:
    """With create_missing an update of an unknown key makes the task, once."""
    for _ in range(2):
        ended = stage.run(*HEADS, keyed("task_updates", "a", **NEW), create_missing=True)
        assert ended.exit_code == 0, ended.log
    assert [call.method for call in stage.sandbox.calls] == ["POST"]
    stage.run(*HEADS, keyed("task_updates", "a", **{**NEW, "contactId": 5}), create_missing=True)
    assert [call.method for call in stage.sandbox.calls] == ["POST", "PUT"]


def test_a_creation_whose_answer_was_lost_is_found_again(stage: Stage) -> None:
    """It took effect: the task is found by what it is, and is not made twice."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=When.AFTER)
    ended = stage.run(*HEADS, creation("crm-1"), keyed("task_executions", "crm-1"))
    assert ended.exit_code == 0, ended.log
    assert [row["outcome"] for row in stage.operations()] == ["applied", "applied"]
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 1


def test_a_creation_that_did_not_arrive_is_sent_once_more(stage: Stage) -> None:
    """No such task is there after the window: it goes again, and there is one."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=When.BEFORE)
    ended = stage.run(*HEADS, creation("crm-1"))
    assert ended.exit_code == 0, ended.log
    assert [row["outcome"] for row in stage.operations()] == ["applied"]
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 2


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_completed_assigned_and_deleted(dialect: str, stage: Stage) -> None:
    """Each reaches its endpoint, and a replay makes no call."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    records = [
        record("task_completions", {"id": 1}),
        record("task_assignments", {"id": 2, "assignedUserEmail": "second@example.com"}),
        record("task_deletions", {"id": 3}),
    ]
    ended = stage.run(*HEADS, *records, api_dialect=dialect)
    assert ended.exit_code == 0, ended.log
    assert {fate[:2] for fate in stage.fates()} == {(n, "applied") for n in (1, 2, 3)}
    assert stage.sandbox.task(2).assigned_user_id == 2
    calls = len(stage.sandbox.calls)
    assert stage.run(*HEADS, *records).exit_code == 0
    assert len(stage.sandbox.calls) == calls


def test_a_contact_is_looked_up_once(stage: Stage) -> None:
    """Many records of one address cost one look-up; an unknown one is a rejection."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.sandbox.create_task(1)
    stage.sandbox.create_task(2)
    stage.sandbox.create_task(3)
    by_address = {**NEW, "contactId": None}
    ended = stage.run(
        *(update(n, **by_address, contactEmail="Ada@example.com ") for n in (1, 2)),
        update(3, **by_address, contactEmail="nobody@example.com"),
    )
    assert ended.exit_code == 0, ended.log
    assert sorted(stage.fates()) == [
        (1, "applied", None),
        (2, "applied", None),
        (3, "rejected", "contact_not_found"),
    ]
    assert len(stage.sandbox.calls_of(Endpoint.CONTACTS)) == 2
    assert [body["contactId"] for body in stage.bodies()] == [1001, 1001]
