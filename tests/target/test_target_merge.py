"""Merge mode: read the task, lay the record over it, send only what changes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from messages import execution, merge, record, schema
from target_runs import Stage

from reply_tasks.contract import Operation
from reply_tasks.contract.enums import LinkedInTaskType, TaskType
from reply_tasks.sandbox import Call, Endpoint, FaultKind, Template

START, DUE = datetime(2027, 3, 1, 9, tzinfo=UTC), datetime(2027, 3, 5, 17, tzinfo=UTC)
#: What the task of these tests is, as an update's body.
AS_IT_IS: dict[str, Any] = {
    "taskType": 7,
    "startAt": "2027-03-01T09:00:00Z",
    "dueTo": "2027-03-05T17:00:00Z",
    "template": {"body": "Hello", "subject": "Hi", "attachmentIdList": None},
    "contactId": 1001,
}


@pytest.fixture
def merging(stage: Stage) -> Stage:
    """A stage in merge mode, with task 1."""
    stage.settings["update_mode"] = "merge"
    stage.sandbox.create_task(1, start_at=START, due_to=DUE, template=Template("Hello", "Hi"))
    return stage


def _updates(stage: Stage) -> list[Call]:
    return stage.sandbox.calls_of(Endpoint.UPDATE)


def _endpoints(stage: Stage) -> list[str]:
    return [str(call.endpoint) for call in stage.sandbox.calls]


def test_a_member_is_laid_over_the_task_that_reply_has(merging: Stage) -> None:
    """One read, one full body: the task's own members, and the record's over them."""
    merging.run(merge(1, dueTo="2027-04-01"))
    assert _endpoints(merging) == ["get", "update"]
    assert merging.bodies() == [{**AS_IT_IS, "dueTo": "2027-04-01T00:00:00Z"}]
    assert merging.fate()["outcome"] == "applied"


def test_a_template_is_merged_member_by_member(merging: Stage) -> None:
    """A new subject leaves the body alone."""
    merging.run(merge(1, template={"subject": "News"}))
    assert merging.bodies() == [
        {**AS_IT_IS, "template": AS_IT_IS["template"] | {"subject": "News"}}
    ]


def test_a_merge_that_changes_nothing_sends_nothing(merging: Stage) -> None:
    """One read, no update; the task that was read is kept."""
    merging.run(merge(1, contactId=1001, startAt="2027-03-01T10:00:00+01:00"))
    assert _endpoints(merging) == ["get"]
    row = merging.fate()
    assert (row["outcome"], row["api_calls"]) == ("unchanged", 1)
    assert row["task_detail"]["id"] == 1


def test_a_merge_replayed_makes_no_call(merging: Stage) -> None:
    """The task as Reply last returned it is in the ledger."""
    merging.run(merge(1, contactId=7))
    calls = len(merging.sandbox.calls)
    merging.run(merge(1, contactId=7), keep_repeats=True)
    assert len(merging.sandbox.calls) == calls
    assert merging.fates() == [(1, "applied", None), (1, "unchanged", None)]


def test_without_skip_unchanged_the_task_is_read_each_time(merging: Stage) -> None:
    """So a colleague's edit is found and overwritten."""
    merging.run(merge(1, contactId=7), skip_unchanged=False)
    merging.sandbox.edit_task(1, contact_id=8)
    merging.run(merge(1, contactId=7), skip_unchanged=False)
    assert merging.sandbox.task(1).contact_id == 7
    assert _endpoints(merging) == ["get", "update"] * 2


def test_a_second_merge_of_a_task_needs_no_second_read(merging: Stage) -> None:
    """What the first update returned is the base of the second; both are applied, in order."""
    merging.run(merge(1, contactId=7), merge(1, dueTo="2027-04-01"), merge(1, contactId=8))
    assert _endpoints(merging) == ["get", "update", "update", "update"]
    assert merging.fates() == [(1, "applied", None)] * 3
    last = merging.bodies()[-1]
    assert (last["contactId"], last["dueTo"]) == (8, "2027-04-01T00:00:00Z")


def test_a_merge_that_was_refused_forgets_what_it_read(merging: Stage) -> None:
    """A refusal may mean that the task has changed: the next merge reads it anew."""
    merging.run(merge(1, template={"body": "{{Nobody}}"}), merge(1, contactId=8))
    assert _endpoints(merging) == ["get", "update", "get", "update"]
    assert merging.fates() == [(1, "rejected", "render_error"), (1, "applied", None)]


@pytest.mark.parametrize(
    ("nulls", "endpoints", "contact"), [("keep", ["get"], 1001), ("clear", ["get", "update"], None)]
)
def test_a_null_keeps_or_clears(
    merging: Stage, nulls: str, endpoints: list[str], contact: int | None
) -> None:
    """``merge_nulls`` says what a null member means."""
    merging.run(merge(1, contactId=None), merge_nulls=nulls)
    assert _endpoints(merging) == endpoints
    assert merging.sandbox.task(1).contact_id == contact


def test_a_merge_that_would_break_the_contract_is_rejected(merging: Stage) -> None:
    """The record alone is valid; over this task it isn't: nothing is sent."""
    merging.run(merge(1, dueTo="2027-02-01"))
    row = merging.fate()
    assert (row["outcome"], row["reason"]) == ("rejected", "invalid_record")
    assert row["detail"].startswith("Merged into the task: /dueTo")
    assert _endpoints(merging) == ["get"]


def test_a_text_that_is_empty_in_reply_stops_no_merge(merging: Stage) -> None:
    """Nobody's mistake now: it is sent as it is, and only emptying a text is a violation."""
    for task_id in (2, 3):
        merging.sandbox.create_task(task_id, start_at=START, due_to=DUE, template=Template(""))
    merging.sandbox.create_task(4, start_at=START, due_to=DUE, template=Template(" \n", "Hi"))
    merging.run(
        *(merge(2, dueTo="2027-04-01"), merge(3, template={"subject": "News"})),
        *(merge(4, contactId=None), merge(1, template={"body": " "})),
        merge_nulls="clear",
    )
    assert {call.task_id: call.body["template"] for call in _updates(merging)} == {
        2: {"body": "", "subject": None, "attachmentIdList": None},
        3: {"body": "", "subject": "News", "attachmentIdList": None},
        4: {"body": " \n", "subject": "Hi", "attachmentIdList": None},
    }
    reasons = {task_id: reason for task_id, _, reason in merging.fates()}
    assert reasons.pop(1) == "invalid_record"
    assert "invalid_record" not in reasons.values(), "what Reply says of it counts"


def test_a_merge_into_no_task_is_rejected_by_the_read(merging: Stage) -> None:
    """No update follows a 404."""
    merging.run(merge(2, contactId=7))
    assert merging.fates() == [(2, "rejected", "task_not_found")]
    assert _endpoints(merging) == ["get"]


def test_merges_of_one_task_never_supersede_each_other(merging: Stage) -> None:
    """Each carries other members: leaving one out would lose them."""
    merging.sandbox.create_task(9)
    merging.sandbox.fault(FaultKind.LATENCY, task_id=9, seconds=0.2)
    merging.run(
        merge(9, contactId=5), merge(1, contactId=7), merge(1, dueTo="2027-04-01"), concurrency=1
    )
    assert merging.sandbox.task(1).contact_id == 7
    assert merging.sandbox.task(1).due_to == datetime(2027, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("dialect", ["preview", "current"])
def test_a_merge_speaks_the_dialect(merging: Stage, dialect: str) -> None:
    """What was read in one form is sent in the dialect's, with the documented members only."""
    merging.sandbox.create_task(
        2, task_type=TaskType.LINKED_IN, linked_in_task_type=LinkedInTaskType.CONNECT
    )
    merging.run(merge(2, contactId=7), api_dialect=dialect)
    (body,) = merging.bodies(task_id=2)
    assert set(body) == {*AS_IT_IS, "linkedInTaskType"}
    named = dialect == "current"
    assert body["taskType"] == ("linkedIn" if named else 5)
    assert body["linkedInTaskType"] == ("connect" if named else 1)


def test_a_task_that_is_no_longer_for_linkedin_loses_its_action(merging: Stage) -> None:
    """Reply would refuse a call with a LinkedIn action."""
    merging.sandbox.create_task(
        2, task_type=TaskType.LINKED_IN, linked_in_task_type=LinkedInTaskType.CONNECT
    )
    merging.run(merge(2, taskType="call"))
    (body,) = merging.bodies(task_id=2)
    assert "linkedInTaskType" not in body
    assert merging.sandbox.task(2).linked_in_task_type is None


def test_a_merge_after_an_execution_of_the_same_run_is_judged_by_reply(merging: Stage) -> None:
    """The task is finished: the merge is refused, and not called applied."""
    merging.run(merge(1, contactId=7), execution(1), merge(1, contactId=8))
    fates: list[Any] = merging.fates()
    assert fates == [
        (1, "applied", None),
        (1, "applied", None),
        (1, "rejected", "task_not_new"),
    ]


def test_a_merge_without_an_id_is_rejected(merging: Stage) -> None:
    """Merge mode asks for no member but the task."""
    merging.run(record("task_updates", {"contactId": 7}))
    assert merging.fates() == [(None, "rejected", "invalid_record")]
    assert not merging.sandbox.calls


def test_a_merge_can_name_its_operation_in_any_stream(merging: Stage) -> None:
    """A row of a view with ``operation`` merges too."""
    merging.run(
        schema("rows", "id", "operation"),
        record("rows", {"id": 1, "operation": "update", "contact_id": "7"}),
    )
    assert merging.bodies(Endpoint.UPDATE)[0]["contactId"] == 7


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_merge_that_a_dead_run_claimed_stays_a_merge(merging: Stage, mode: str) -> None:
    """The next run may be in replace mode, and a merge's record is less than a whole body."""
    merging.left_by_the_dead(1, Operation.UPDATE, {"contactId": 7})
    merging.run(update_mode=mode)
    assert _endpoints(merging) == ["get", "update"]
    assert merging.bodies() == [{**AS_IT_IS, "contactId": 7}]
    assert merging.fates() == [(1, "applied", None)]


def test_an_update_that_a_dead_run_claimed_is_repeated(merging: Stage) -> None:
    """A full replacement does no harm twice; what was read since comes after it."""
    body = {**AS_IT_IS, "template": {"body": "A"}}
    merging.left_by_the_dead(1, Operation.UPDATE, body)
    merging.run(record("task_updates", {"id": 1, **body, "contactId": 9}), update_mode="replace")
    assert [sent["contactId"] for sent in merging.bodies()] == [1001, 9]
    assert merging.fates() == [(1, "applied", None)] * 2
