"""What the ledger answers to an operator, asked after real runs against the sandbox."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from messages import execution, update
from sqlalchemy import Connection
from target_runs import Stage

from reply_tasks.contract import Outcome, Reason, TaskStatus, TaskType
from reply_tasks.ledger import open_engine
from reply_tasks.operator import (
    Delivered,
    KeyKind,
    RejectionFilter,
    RunState,
    WhoseQuota,
    all_waiting,
    history,
    last_runs,
    outcomes_over_time,
    overview,
    rejected_by_reason,
    rejections,
    uncertain_operations,
)
from reply_tasks.sandbox import Endpoint, FaultKind
from reply_tasks.sandbox.contacts import contact_of

ALICE = contact_of(1001)
BOB = contact_of(1002)


@contextmanager
def asked(stage: Stage) -> Iterator[Connection]:
    """A connection to ask on."""
    engine = open_engine(stage.settings["ledger_url"], create=False, migrate=False)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_only_the_latest_verdict_on_a_record_counts(stage: Stage) -> None:
    """What was rejected and is applied later is rejected no more; what is rejected again is, once.

    Another record of the same task, by its own external id, is no verdict on this one.
    """
    for task_id in (1, 2, 3, 4):
        stage.sandbox.create_task(task_id)
    stage.run(
        update(1, template=None),
        update(2, template=None, externalId="mine"),
        update(3, template=None),
        update("no id", externalId="lost"),
    )
    with asked(stage) as connection:
        assert rejected_by_reason(connection) == {Reason.INVALID_RECORD: 4}
    stage.run(
        update(1),
        update(2, externalId="another"),
        update(3, taskType="meeting", dueTo="2020-01-01T00:00:00Z"),
        update(4, externalId="lost"),
    )
    with asked(stage) as connection:
        left = [(row.task_id, row.external_id) for row in rejections(connection)]
        assert left == [(2, "mine"), (3, None)]
        first, second = reversed(last_runs(connection))
        assert (first.state, first.outcomes[Outcome.REJECTED]) == (RunState.ALL_REJECTED, 4)
        assert (second.state, second.records) == (RunState.FINISHED, 4)
        of_the_first = RejectionFilter(run_id=first.run_id)
        assert [row.task_id for row in rejections(connection, of_the_first)] == [2]
        later = RejectionFilter(since=datetime.now(UTC) + timedelta(minutes=1))
        assert not rejected_by_reason(connection, later)
        other = RejectionFilter(reasons=[Reason.TASK_NOT_FOUND])
        assert not [*rejections(connection, other)]


def test_every_way_to_name_a_customer_finds_what_was_sent(stage: Stage) -> None:
    """Task, external id, contact, address in any case, and operation lead to text and recipient."""
    stage.sandbox.create_task(41, contact_id=ALICE.id)
    text = {"body": "Shall we talk?\nAda", "subject": "Hello"}
    stage.run(execution(41, content=text, externalId="crm-7"))
    operation_id = stage.fate()["operation_id"]
    keys = {
        "41": KeyKind.TASK,
        "crm-7": KeyKind.EXTERNAL_ID,
        str(ALICE.id): KeyKind.CONTACT,
        ALICE.email.upper(): KeyKind.ADDRESS,
        operation_id[:12]: KeyKind.OPERATION,
    }
    with asked(stage) as connection:
        for key, kind in keys.items():
            found = history(connection, key)
            assert found.answer.delivered is Delivered.YES, key
            (task,) = found.tasks
            assert task.found_as == (kind,)
            (row,) = task.operations
            assert row.message is not None
            assert (row.message.subject, row.message.body) == (text["subject"], text["body"])
            assert task.recipient.address == ALICE.email
            assert [(each.call, each.status) for each in row.attempts] == [("execute", 200)]
        nobody = history(connection, "nobody@example.com")
        assert (nobody.tasks, nobody.answer.delivered) == ((), Delivered.UNKNOWN)


def test_a_contact_is_found_in_json_of_earlier_versions(stage: Stage) -> None:
    """They wrote a space behind each colon; what they wrote stays as it is."""
    stage.sandbox.create_task(41, contact_id=ALICE.id)
    stage.run(execution(41))
    with asked(stage) as connection:
        told = connection.exec_driver_sql("SELECT task_detail FROM operations").scalar_one()
        earlier = json.dumps(json.loads(told))
        assert f'"contactId": {ALICE.id}' in earlier
        connection.exec_driver_sql("UPDATE operations SET task_detail = ?", (earlier,))
        assert history(connection, str(ALICE.id)).answer.delivered is Delivered.YES


def test_a_phone_number_is_found_however_it_is_written(stage: Stage) -> None:
    """A number with spaces, brackets and hyphens is the same number."""
    stage.sandbox.create_task(5, task_type=TaskType.SMS, contact_id=ALICE.id)
    stage.run(execution(5, content={"body": "Hi"}))
    number = ALICE.phone
    with asked(stage) as connection:
        for key in (number, f"{number[:2]} ({number[2:5]}) {number[5:8]}-{number[8:]}"):
            assert [task.task_id for task in history(connection, key).tasks] == [5], key
        assert not history(connection, f"{number}0").tasks


def test_a_mail_to_the_contact_before_is_no_mail_to_this_one(stage: Stage) -> None:
    """The task was executed for Bob; Alice, for whom it was meant before, got nothing."""
    stage.sandbox.create_task(6, contact_id=ALICE.id)
    stage.run(update(6, taskType="manualEmail", contactId=ALICE.id))
    stage.run(update(6, taskType="manualEmail", contactId=BOB.id), execution(6))
    with asked(stage) as connection:
        assert history(connection, BOB.email).answer.delivered is Delivered.YES
        for key in (ALICE.email, str(ALICE.id)):
            answer = history(connection, key).answer
            assert (answer.delivered, "another contact" in answer.why) == (Delivered.NO, True)
        assert history(connection, "6").answer.delivered is Delivered.YES


def test_what_is_not_known_is_never_called_no(stage: Stage) -> None:
    """An execution that is claimed or uncertain may have reached the customer."""
    for task_id in (1, 2, 3, 4):
        stage.sandbox.create_task(task_id)
    stage.sandbox.edit_task(3, status=TaskStatus.FINISHED)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=1)
    stage.run(execution(1), execution(3), update(4), on_lost_answer="hold")
    stage.left_by_the_dead(2)
    with asked(stage) as connection:
        answers = {key: history(connection, key).answer.delivered for key in "1234"}
        assert answers == {
            "1": Delivered.UNKNOWN,
            "2": Delivered.UNKNOWN,
            "3": Delivered.NO,
            "4": Delivered.NO,
        }
        waiting = all_waiting(connection)
        assert (waiting.claimed.count, waiting.held.count, waiting.uncertain.count) == (1, 0, 1)
        assert [row.task_id for row in uncertain_operations(connection)] == [1]


def test_outcomes_over_time_have_a_place_for_every_stretch(stage: Stage) -> None:
    """The runs' own counts, in stretches of equal length, those without a run included."""
    stage.sandbox.create_task(1)
    stage.run(update(1), update(2))
    now = datetime.now(UTC)
    with asked(stage) as connection:
        periods = outcomes_over_time(
            connection,
            since=now - timedelta(hours=3),
            until=now + timedelta(minutes=30),
            step=timedelta(hours=1),
        )
    counted = [
        (period.outcomes[Outcome.APPLIED], period.outcomes[Outcome.REJECTED], period.api_calls)
        for period in periods
    ]
    assert sum(period[2] for period in counted) >= 2
    assert [period[:2] for period in counted] in (
        [(0, 0), (0, 0), (1, 1), (0, 0)],
        [(0, 0), (0, 0), (0, 0), (1, 1)],
    )
    assert [b.begins - a.begins for a, b in pairwise(periods)] == [timedelta(hours=1)] * 3


@pytest.mark.parametrize("key", ["", "%", "_", "' OR 1=1 --", "\x00", "9" * 30])
def test_a_strange_key_finds_nothing(stage: Stage, key: str) -> None:
    """No key is a pattern, and none is an error."""
    stage.sandbox.create_task(1)
    stage.run(update(1, externalId="a"))
    with asked(stage) as connection:
        assert not history(connection, key).tasks


def test_postgresql_answers_the_same(stage: Stage, postgres_url: str) -> None:
    """Every question, asked of the other database: texts in JSON, phone numbers, quota, counts."""
    stage.settings["ledger_url"] = postgres_url
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id, contact_id=ALICE.id)
    stage.sandbox.create_task(3, task_type=TaskType.SMS, contact_id=BOB.id)
    limits = {"requests_per_minute": 100, "requests_per_hour": 3000}
    stage.run(execution(1), execution(3, content={"body": "Hi"}), update("x", externalId="e"))
    stage.run(update(2, template=None), update(9), **limits)
    stage.run(
        update(2, taskType="manualEmail", contactId=ALICE.id), update(8, externalId="e"), **limits
    )
    with asked(stage) as connection:
        assert rejected_by_reason(connection) == {Reason.TASK_NOT_FOUND: 2}
        assert {row.task_id for row in rejections(connection)} == {8, 9}
        for key in (ALICE.email.upper(), str(ALICE.id)):
            found = history(connection, key)
            assert [task.task_id for task in found.tasks] == [1, 2], key
            assert found.answer.delivered is Delivered.YES
        number = f"{BOB.phone[:5]} {BOB.phone[5:]}"
        assert [task.task_id for task in history(connection, number).tasks] == [3]
        seen = overview(connection, WhoseQuota(100, 3000))
        assert (seen.waiting.claimed.count, seen.waiting.held.count, len(seen.runs)) == (0, 0, 3)
        (user,) = seen.quota
        assert user.left is not None
        assert 80 < user.left < 100
