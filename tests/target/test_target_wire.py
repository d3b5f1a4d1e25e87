"""What is on the wire: the documented members, in the dialect's form, and nothing beside."""

import re
from typing import Any

import pytest
from messages import BODY, execution, merge, state, update
from target_runs import KEY, USERS, Stage

from reply_tasks.contract import schema
from reply_tasks.contract.enums import EXECUTABLE, LinkedInTaskType, TaskType
from reply_tasks.sandbox import Dialect, Endpoint, SandboxServer

DIALECTS = ("preview", "current")
DOCUMENTED = set(schema("task_update")["properties"]) - {"id", "actAsUserId", "externalId"}

#: One record of every task type, each member in a spelling of its own.
OF_EACH_TYPE: dict[TaskType, dict[str, Any]] = {
    TaskType.TO_DO: {"taskType": 0, "contactId": None},
    TaskType.CALL: {"taskType": "2"},
    TaskType.MEETING: {"taskType": "meeting"},
    TaskType.LINKED_IN: {"taskType": "LINKED_IN", "linkedInTaskType": "inMail"},
    TaskType.MANUAL_EMAIL: {
        "taskType": "manualEmail",
        "template": {"body": "Hi", "subject": "Hello", "attachmentIdList": [4, "5"]},
    },
    TaskType.SMS: {"taskType": "sms"},
    TaskType.WHATS_APP: {"taskType": "whats_app"},
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_task_type_goes_through_update_and_execute(stage: Stage, dialect: str) -> None:
    """A record of each type is applied; emails and SMS are executed, the others refused as such."""
    for task_type in TaskType:
        stage.sandbox.create_task(task_type.value + 1, task_type=TaskType.CALL)
    updates = [update(each.value + 1, **members) for each, members in OF_EACH_TYPE.items()]
    executions = [execution(each.value + 1, emailAccountId=3) for each in TaskType]
    assert set(OF_EACH_TYPE) == set(TaskType)
    stage.run(*updates, *executions, api_dialect=dialect)
    for task_type in TaskType:
        number = task_type.value + 1
        assert stage.sandbox.task(number).task_type is task_type
        (body,) = stage.bodies(task_id=number)
        written = task_type.wire_name if dialect == "current" else task_type.value
        assert body["taskType"] == written
        assert set(body) <= DOCUMENTED
        fates = [(outcome, reason) for task, outcome, reason in stage.fates() if task == number]
        can = task_type in EXECUTABLE
        expected = ("applied", None) if can else ("rejected", "not_executable")
        assert fates == [("applied", None), expected]
    assert len(stage.sandbox.outbox) == len(EXECUTABLE)
    linked_in = stage.bodies(task_id=TaskType.LINKED_IN.value + 1)[0]["linkedInTaskType"]
    action = LinkedInTaskType.IN_MAIL
    assert linked_in == (action.wire_name if dialect == "current" else action.value)
    assert stage.bodies(Endpoint.EXECUTE) == [{"emailAccountId": 3}] * len(TaskType)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_update_carries_exactly_the_members_of_the_record(stage: Stage, dialect: str) -> None:
    """No id, no keys of ours, no member that the record does not have."""
    stage.sandbox.create_task(1)
    stage.run(update(1, externalId="crm-1", actAsUserId=2, unknownMember="x"), api_dialect=dialect)
    assert stage.bodies() == [{**BODY, "taskType": "call" if dialect == "current" else 2}]


def test_date_times_are_sent_in_utc(stage: Stage) -> None:
    """Whatever offset or precision they came in, they end in Z."""
    stage.sandbox.create_task(1)
    stage.run(update(1, startAt="2027-03-01T10:00:00.5+01:00", dueTo="2027-03-05 12:00-05:00"))
    (body,) = stage.bodies()
    assert body["dueTo"] == "2027-03-05T17:00:00Z"
    assert re.fullmatch(r"2027-03-01T09:00:00\.50*Z", body["startAt"])


@pytest.mark.parametrize(
    ("zone", "start"),
    [("UTC", "2027-07-01T09:00:00Z"), ("Europe/Berlin", "2027-07-01T07:00:00Z")],
)
def test_a_date_time_without_an_offset_is_in_the_time_zone(
    stage: Stage, zone: str, start: str
) -> None:
    """``timezone`` says where the source's wall clock hangs, summer time included."""
    stage.sandbox.create_task(1)
    stage.run(update(1, startAt="2027-07-01 09:00", dueTo="2027-07-02"), timezone=zone)
    assert stage.bodies()[0]["startAt"] == start


def test_a_record_acts_as_its_own_user(stage: Stage) -> None:
    """``actAsUserId`` is a header, wins over the settings' user, and is in no body."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    stage.run(
        update(1, actAsUserId=2),
        execution(2, actAsUserId="2"),
        update(3),
        user_id=1,
        team_id=1,
    )
    by_task = {call.task_id: call for call in stage.sandbox.calls}
    assert {task: call.headers["x-user-id"] for task, call in by_task.items()} == {
        1: "2",
        2: "2",
        3: "1",
    }
    assert all(call.headers["x-team-id"] == "1" for call in stage.sandbox.calls)
    assert not any("actAsUserId" in (call.body or {}) for call in stage.sandbox.calls)
    assert [row["act_as_user_id"] for row in stage.operations()].count(2) == 2


def test_reading_back_and_merging_act_as_the_record_s_user_too(stage: Stage) -> None:
    """A task that only that user may see is read as that user."""
    stage.sandbox.create_task(1)
    stage.run(merge(1, contactId=7, actAsUserId=2), update_mode="merge")
    assert [call.headers["x-user-id"] for call in stage.sandbox.calls] == ["2", "2"]


@pytest.mark.parametrize("key", ["00Q-1", 17])
def test_the_external_id_is_kept_and_never_sent(stage: Stage, key: str | int) -> None:
    """It is in the ledger as text, for the CRM to find its record again."""
    stage.sandbox.create_task(1)
    stage.run(update(1, externalId=key), execution(1, external_id=key))
    assert [row["external_id"] for row in stage.operations()] == [str(key)] * 2
    assert all("xternal" not in str(call.body) for call in stage.sandbox.calls)


def test_an_execution_sends_only_what_it_was_given(stage: Stage) -> None:
    """Nulls say nothing; without content Reply renders the task's own template."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(
        execution(1, content__body=None, content__subject=None, emailAccountId=None),
        execution(2, content={"body": "Hi Ada"}),
    )
    assert stage.bodies(Endpoint.EXECUTE, 1) == [{}]
    assert stage.bodies(Endpoint.EXECUTE, 2) == [{"content": {"body": "Hi Ada"}}]


@pytest.mark.parametrize(("dialect", "other"), [("preview", "current"), ("current", "preview")])
def test_a_key_sent_in_the_wrong_dialect_stops_the_run(
    stage: Stage, dialect: str, other: str
) -> None:
    """401: one line says what to do, the record stays unsettled, state stays before it."""
    with SandboxServer(keys={KEY: USERS}, dialect=Dialect(other)) as strict:
        ended = stage.run(
            state({"at": 0}),
            update(1),
            state({"at": 1}),
            api_url=strict.url,
            api_dialect=dialect,
        )
    assert (ended.exit_code, ended.states) == (1, [{"at": 0}])
    assert "api_dialect" in ended.log
    assert not stage.operations()
    assert not stage.claims(), "a 401 is certain: its claim is given back"
