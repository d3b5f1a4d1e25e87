"""Refusals that say nothing of a record: of a user, of a gateway, of the key."""

import pytest
from console_script import run_command
from messages import execution, state, update
from target_runs import KEY, Stage, ledger_bytes

from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, User, When

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

HTML = "<html><body>404 Not Found</body></html>"
PAGE = "<html><p>squid on proxy-7.corp says: login jane, password hunter22</p></html>"
BLIND = User(2, "second@example.com", denied=frozenset({"ManageTask"}))


def test_a_gateway_s_404_rejects_nothing(stage: Stage) -> None:
    """Without a code of Reply's, and with a list that can't be read either, the run stops."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault("404", body=HTML, times=None)
    ended = stage.script(
        update(1), execution(2), execution(3), state({"at": 1}), concurrency=1, max_retries=1
    )
    assert ended.exit_code == 1
    assert ended.states == []
    assert "Check api_url" in ended.log
    assert stage.operations() == []
    assert stage.claims() == []


def test_a_proxy_s_page_is_quoted_nowhere(stage: Stage) -> None:
    """What stands between may name hosts, people and passwords: no log, row or table has it."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault("502", body=PAGE, endpoint=Endpoint.EXECUTE, times=None)
    stage.sandbox.fault("415", body=PAGE, endpoint=Endpoint.UPDATE, task_id=2)
    stage.sandbox.fault("503", body={"message": PAGE}, endpoint=Endpoint.UPDATE, task_id=3, times=9)
    ended = stage.script(
        *(execution(1), update(2), update(3)), max_retries=1, on_lost_answer="hold", concurrency=1
    )
    assert ended.exit_code == 1
    fates = {task: outcome for task, outcome, _ in stage.fates()}
    assert fates == {1: "uncertain", 2: "rejected"}
    shown = [run_command(stage, *words).stdout for words in (["rejected"], ["find", "1"])]
    assert "502" in shown[1]
    for text in (ended.log, *shown, ledger_bytes(stage.settings["ledger_url"]).decode("latin-1")):
        for secret in ("hunter22", "proxy-7", "jane", "squid"):
            assert secret not in text


@pytest.mark.parametrize("status", ["404", "405", "415"])
def test_a_bare_refusal_is_believed_once_the_list_was_read(stage: Stage, status: str) -> None:
    """Then it is Reply that says so; the list is read once a run."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
        stage.sandbox.fault(status, body=HTML, endpoint=Endpoint.UPDATE, task_id=task_id)
    ended = stage.run(update(1), update(2), state({"at": 1}), concurrency=1)
    assert ended.states == [{"at": 1}]
    assert {outcome for _, outcome, _ in stage.fates()} == {"rejected"}
    assert len(stage.sandbox.calls_of(Endpoint.LIST)) == 1


def test_reply_s_own_404_is_believed_at_once(stage: Stage) -> None:
    """Its code says that it comes from Reply: no further call."""
    stage.run(update(99))
    assert stage.fates() == [(99, "rejected", "task_not_found")]
    assert len(stage.sandbox.calls) == 1


def test_a_refused_user_stops_nobody_else(stage: Stage) -> None:
    """One call finds it out; its records are rejected, and the others go through."""
    with SandboxServer(
        keys={KEY: (User(1), BLIND)}, requests_per_minute=None, requests_per_hour=None
    ) as server:
        for task_id in range(1, 13):
            server.create_task(task_id)
        ended = stage.script(
            *(execution(task_id, actAsUserId=2) for task_id in range(1, 7)),
            *(execution(task_id, actAsUserId=99) for task_id in range(7, 10)),
            *(execution(task_id) for task_id in range(10, 13)),
            state({"at": 1}),
            api_url=server.url,
        )
        assert ended.exit_code == 0, ended.log
        assert ended.states == [{"at": 1}]
        calls = server.calls_of(Endpoint.EXECUTE)
    fates = {task: (outcome, reason) for task, outcome, reason in stage.fates()}
    refused = dict.fromkeys(range(1, 10), ("rejected", "user_refused"))
    assert fates == refused | dict.fromkeys(range(10, 13), ("applied", None))
    assert sum(call.task_id in range(1, 7) for call in calls) == 1
    assert sum(call.task_id in range(7, 10) for call in calls) == 1


def test_the_run_s_own_user_stops_the_run(stage: Stage) -> None:
    """A record that names the run's own user says nothing new of it."""
    with SandboxServer(keys={KEY: (User(1), BLIND)}) as server:
        server.create_task(1)
        ended = stage.run(execution(1, actAsUserId=2), api_url=server.url, user_id=2)
    assert ended.exit_code == 1
    assert stage.operations() == []


def test_a_hollow_success_is_no_success(stage: Stage) -> None:
    """A 200 whose task is still New is read back, and never counts as sent by itself."""
    stage.sandbox.create_task(1)
    stage.sandbox.fault(FaultKind.HOLLOW, endpoint=Endpoint.EXECUTE, when=When.BEFORE)
    ended = stage.script(execution(1), on_lost_answer="hold")
    assert ended.exit_code == 0
    assert stage.fates() == [(1, "uncertain", None)]
    assert stage.sandbox.outbox == []
