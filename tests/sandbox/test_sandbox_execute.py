"""POST /v3/tasks/{id}/execute: what is sent, once, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sandbox_client import client_of, sandbox

from reply_tasks.contract.enums import EXECUTABLE, CreationSource, TaskStatus, TaskType
from reply_tasks.sandbox import Dialect, Endpoint, Template


def test_an_execution_sends_the_rendered_template_and_finishes_the_task() -> None:
    """The outbox has the email, the task its final content."""
    with sandbox(clock=lambda: 1_800_000_000.25) as api:
        task = api.server.create_task()
        answer = api.execute(task.id)
        sent = api.server.outbox
    assert answer.status_code == 200
    finished = answer.json()
    assert (finished["status"], finished["isFailed"]) == (1, False)
    assert finished["finishedAt"] == "2027-01-15T08:00:00.25+00:00"
    assert finished["template"] == {
        "subject": "A question",
        "body": "Hello Bo",
        "attachmentIdList": None,
    }
    assert len(sent) == 1
    assert (sent[0].task_id, sent[0].kind, sent[0].to) == (
        task.id,
        "email",
        "bo.abbott.1001@example.com",
    )
    assert (sent[0].subject, sent[0].body) == ("A question", "Hello Bo")
    assert sent[0].sent_at == datetime(2027, 1, 15, 8, 0, 0, 250_000, UTC)
    assert (sent[0].user_id, sent[0].email_account_id) == (1, 1)


def test_an_sms_goes_to_the_phone() -> None:
    """An SMS has neither subject nor mailbox."""
    with sandbox(Dialect.CURRENT) as api:
        task = api.server.create_task(task_type=TaskType.SMS, template=Template("Hi", "unused"))
        assert api.execute(task.id).json()["status"] == "finished"
        (sent,) = api.server.outbox
    assert (sent.kind, sent.to, sent.subject) == ("sms", "+15550001001", None)
    assert sent.email_account_id is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"body": "B {{x}}", "subject": "S"}, ("S", "B {{x}}")),
        ({"body": "B"}, ("A question", "B")),
        ({"subject": "S"}, ("S", "Hello Bo")),
        (None, ("A question", "Hello Bo")),
    ],
)
def test_content_given_is_sent_as_it_is(
    content: dict[str, Any] | None, expected: tuple[str, str]
) -> None:
    """What the content lacks comes from the template."""
    with sandbox() as api:
        task = api.server.create_task()
        assert api.execute(task.id, {"content": content}).status_code == 200
        (sent,) = api.server.outbox
    assert (sent.subject, sent.body) == expected


@pytest.mark.parametrize(("source", "account"), [("USER", 2**40), ("SEQUENCE", 2)])
def test_the_mailbox_of_a_sequence_wins(source: str, account: int) -> None:
    """A 64-bit emailAccountId counts, except for a sequence task."""
    with sandbox() as api:
        task = api.server.create_task(creation_source=CreationSource[source])
        assert api.execute(task.id, {"emailAccountId": 2**40}).status_code == 200
        assert api.server.outbox[0].email_account_id == account


@pytest.mark.parametrize("task_type", sorted(set(TaskType) - EXECUTABLE))
def test_only_emails_and_sms_can_be_executed(task_type: TaskType) -> None:
    """Any other type is a validation problem of the whole body, without a code."""
    with sandbox() as api:
        task = api.server.create_task(task_type=task_type)
        answer = api.execute(task.id)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"pointer": "", "detail": "Task type does not support execution."}
    ]
    assert "code" not in answer.json()


@pytest.mark.parametrize("status", [status for status in TaskStatus if status != TaskStatus.NEW])
def test_only_a_new_task_can_be_executed(status: TaskStatus) -> None:
    """Any other status is 409 task.cannotComplete, and nothing is sent."""
    with sandbox() as api:
        task = api.server.create_task(status=status)
        answer = api.execute(task.id)
        assert api.server.outbox == []
    assert (answer.status_code, answer.json()["code"]) == (409, "task.cannotComplete")
    assert answer.json()["detail"] == "Task is already finished or in an invalid state."


@pytest.mark.parametrize(
    "task", [{"template": Template("{{Nickname}}")}, {"contact_id": None, "template": Template("")}]
)
def test_what_cannot_be_rendered_is_not_sent(task: dict[str, Any]) -> None:
    """An unknown variable, or nobody to send to, is 409 task.renderError; the task stays New."""
    with sandbox() as api:
        number = api.server.create_task(**task).id
        answer = api.execute(number)
        assert api.server.outbox == []
        assert api.server.task(number).status is TaskStatus.NEW
    assert (answer.status_code, answer.json()["code"]) == (409, "task.renderError")
    assert answer.json()["detail"] == "Failed to render the task template before execution."


def test_a_delivery_that_fails_is_a_200_with_is_failed() -> None:
    """The task is finished and failed, and the outbox stays empty."""
    with sandbox() as api:
        task = api.server.create_task(fails_delivery=True)
        answer = api.execute(task.id)
        assert api.server.outbox == []
    assert answer.status_code == 200
    assert (answer.json()["isFailed"], answer.json()["status"]) == (True, 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"content": "text"}, "/content"),
        ({"content": {"body": 1}}, "/content/body"),
        ({"content": {"subject": []}}, "/content/subject"),
        ({"emailAccountId": "1"}, "/emailAccountId"),
        ({"emailAccountId": -1}, "/emailAccountId"),
        ([], ""),
    ],
)
def test_a_wrong_body_sends_nothing(body: object, pointer: str) -> None:
    """A validation problem names the member."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.execute(task.id, body)
        assert api.server.outbox == []
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_body_is_required() -> None:
    """An empty object will do, no body will not."""
    with sandbox() as api:
        task = api.server.create_task()
        answer = api.call("POST", f"/tasks/{task.id}/execute")
    assert answer.json()["errors"] == [
        {"pointer": "", "detail": "The request body is required and cannot be empty."}
    ]


def test_executions_at_the_same_time_send_once() -> None:
    """Of many simultaneous executions of a task exactly one gets through."""
    with sandbox() as api:
        for _ in range(20):
            task = api.server.create_task()

            def execute(_: int, task_id: int = task.id) -> int:
                with client_of(api.server) as mine:
                    return mine.execute(task_id).status_code

            with ThreadPoolExecutor(4) as pool:
                statuses = sorted(pool.map(execute, range(4)))
            assert statuses == [200, 409, 409, 409]
        assert len(api.server.outbox) == 20
        assert sum(call.effect for call in api.server.calls_of(Endpoint.EXECUTE)) == 20
