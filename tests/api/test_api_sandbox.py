"""The client and the decisions against the sandbox, in both dialects."""

from collections.abc import Iterator

import pytest
from api_calls import connect

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.answers import AnswerKind
from reply_tasks.api.calls import Call
from reply_tasks.api.client import ReplyClient
from reply_tasks.api.decisions import Action, decide
from reply_tasks.api.dialect import FORMS
from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.contract.outcomes import Reason
from reply_tasks.sandbox import DEFAULT_API_KEY, FaultKind, SandboxServer, User, When

UPDATE = {
    "taskType": 2,
    "startAt": "2026-09-01T10:00:00Z",
    "dueTo": "2026-09-02T10:00:00Z",
    "template": {"body": "Call about the renewal."},
    "contactId": 1001,
}


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        running.create_task(1)
        yield running


@pytest.fixture(params=list(FORMS))
def client(sandbox: SandboxServer, request: pytest.FixtureRequest) -> Iterator[ReplyClient]:
    connection = ReplyAccess(sandbox.url, DEFAULT_API_KEY, FORMS[request.param], request_timeout=5)
    with ReplyClient(connection) as connected:
        yield connected


def test_an_update_is_applied(client: ReplyClient, sandbox: SandboxServer) -> None:
    """Both dialects mean the same task."""
    made = decide(Call.UPDATE, client.update_task(1, UPDATE), task_id=1)
    assert made.action is Action.APPLIED
    assert made.task is not None
    assert made.task.task_type is TaskType.CALL
    assert sandbox.task(1).task_type is TaskType.CALL


def test_an_execution_is_applied_once(client: ReplyClient, sandbox: SandboxServer) -> None:
    """The second answer is the state check, a conflict."""
    first = decide(Call.EXECUTE, client.execute_task(1, {}), task_id=1)
    second = decide(Call.EXECUTE, client.execute_task(1, {}), task_id=1)
    assert first.action is Action.APPLIED
    assert first.task is not None
    assert first.task.status is TaskStatus.FINISHED
    assert (second.action, second.reason) == (Action.REJECTED, Reason.TASK_NOT_NEW)
    assert len(sandbox.outbox) == 1


def test_reads(client: ReplyClient, sandbox: SandboxServer) -> None:
    """A task, its content, pages and the user."""
    sandbox.create_task(2)
    assert client.get_task(1).data["content"] is None
    assert client.get_task(1, include_content=True).data["content"]["body"]
    page = client.list_tasks(1, 1).data
    assert [item["id"] for item in page["items"]] == [2]
    assert page["hasMore"] is False
    assert len(client.filter_tasks({"status": 0}, 10, 0).data["items"]) == 2
    assert client.filter_tasks({"status": 1}, 10, 0).data["items"] == []
    assert client.whoami().data["userId"] == 1


def test_refusals_have_their_reasons(client: ReplyClient, sandbox: SandboxServer) -> None:
    """As the sandbox words them."""
    sandbox.edit_task(1, status=TaskStatus.FINISHED)
    sandbox.create_task(2, task_type=TaskType.CALL)
    missing = decide(Call.UPDATE, client.update_task(99, UPDATE), task_id=99)
    finished = decide(Call.UPDATE, client.update_task(1, UPDATE), task_id=1)
    call = decide(Call.EXECUTE, client.execute_task(2, {}), task_id=2)
    assert missing.reason is Reason.TASK_NOT_FOUND
    assert finished.reason is Reason.TASK_NOT_NEW
    assert call.reason is Reason.NOT_EXECUTABLE


def test_a_wrong_key_stops(sandbox: SandboxServer) -> None:
    """With the advice to look at key and dialect."""
    with connect(sandbox.url) as client:
        made = decide(Call.EXECUTE, client.execute_task(1, {}), task_id=1)
    assert made.action is Action.STOP
    assert "api_dialect" in made.detail


def test_a_record_acts_as_its_user() -> None:
    """Each user of a key is somebody else."""
    users = [User(1, "one@example.com"), User(2, "two@example.com")]
    with SandboxServer(keys={DEFAULT_API_KEY: users}) as sandbox:
        sandbox.create_task(1)
        connection = ReplyAccess(sandbox.url, DEFAULT_API_KEY, user_email="one@example.com")
        with ReplyClient(connection) as client:
            client.get_task(1)
            client.get_task(1, act_as_user_id=2)
        assert [call.user_id for call in sandbox.calls] == [1, 2]


def test_the_quota_is_told(client: ReplyClient, sandbox: SandboxServer) -> None:
    """On every answer what is left, on a 429 how long to wait."""
    rate = client.whoami().rate
    assert rate is not None
    assert rate.remaining is not None
    assert rate.reset is not None
    sandbox.spend(100)
    refused = client.whoami()
    made = decide(Call.READ, refused, task_id=None)
    assert made.action is Action.WAIT
    assert made.wait is not None
    assert 0 < made.wait <= 60


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize(
    "kind",
    [
        *(FaultKind.DROP, FaultKind.RESET, FaultKind.TRUNCATE, FaultKind.GARBAGE),
        *(FaultKind.EMPTY, FaultKind.SERVER_ERROR, FaultKind.BAD_GATEWAY),
        *(FaultKind.UNAVAILABLE, FaultKind.GATEWAY_TIMEOUT),
    ],
)
def test_a_fault_makes_an_execution_lost_and_an_update_repeat(
    client: ReplyClient, sandbox: SandboxServer, kind: FaultKind, when: When
) -> None:
    """Before or after the effect looks the same from here, so both are doubt."""
    sandbox.fault(kind, times=2, when=when)
    execution = decide(Call.EXECUTE, client.execute_task(1, {}), task_id=1)
    update = decide(Call.UPDATE, client.update_task(1, UPDATE), task_id=1)
    assert (execution.action, update.action) == (Action.LOST, Action.REPEAT)
    assert execution.detail
    assert len(sandbox.calls) == 2
    assert len(sandbox.outbox) == (1 if when is When.AFTER else 0)


def test_a_sandbox_that_is_gone_received_nothing(sandbox: SandboxServer) -> None:
    """Even for a client that was connected a moment ago."""
    connection = ReplyAccess(sandbox.url, DEFAULT_API_KEY)
    with ReplyClient(connection) as client:
        client.get_task(1)
        sandbox.stop()
        assert client.execute_task(1, {}).kind is AnswerKind.NOT_CONNECTED
