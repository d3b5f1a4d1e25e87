"""What careless people, crashing machines and a Reply without a lock do to the first two promises.

Everything goes through the console script. The sandbox lets every execution send that arrives
while another one of the same task is under way: nothing on Reply's side helps.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from messages import Message, execution, record, update
from scripted_server import ScriptedServer, Step, http
from target_process import TargetProcess
from target_runs import KEY, USERS, Stage

from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, When
from reply_tasks.sandbox.assumptions import read_assumptions

TASKS = range(1, 21)

pytestmark = pytest.mark.e2e


@pytest.fixture
def world(quick_folder: Path) -> Iterator[Stage]:
    """A stage on a sandbox where nothing but the ledger keeps a message from going out twice."""
    with SandboxServer(
        keys={KEY: USERS},
        requests_per_minute=None,
        requests_per_hour=None,
        latency=0.2,
        assumed=read_assumptions(["at-once=each-sends"]),
    ) as sandbox:
        for task_id in TASKS:
            sandbox.create_task(task_id)
        made = Stage(sandbox, quick_folder)
        yield made
        made.close()


def sent(stage: Stage) -> Counter[int]:
    """How many messages left, by task."""
    return Counter(each.task_id for each in stage.sandbox.outbox)


def test_one_task_in_every_spelling_is_one_message(world: Stage) -> None:
    """Ids as numbers, digits and fractions, in any stream, by any user, again and again."""
    spellings: list[Message] = [
        execution(1),
        execution("1"),
        execution(1.0),
        record("task_executions", {"task_id": 1, "external_id": "x"}),
        record("task_executions", {"taskId": "1", "content": {}}),
        execution(1, actAsUserId=2),
        execution(1, actAsUserId="1"),
        record("task_updates", {"operation": "execute", "id": 1}),
        record("task_executions", {"id": 1, "content__body": "Hi", "content__subject": "S"}),
    ]
    ended = world.script(*spellings * 40, concurrency=32)
    assert ended.exit_code == 0, ended.log
    assert sent(world) == {1: 1}
    assert len(world.sandbox.calls_of(Endpoint.EXECUTE)) == 1


def test_a_stop_during_a_slow_call_and_the_next_run_at_once(world: Stage) -> None:
    """34 seconds, a graceful SIGTERM, all defaults: the next run waits for what is in the air."""
    del world.settings["settle_seconds"]
    world.sandbox.fault(FaultKind.LATENCY, endpoint=Endpoint.EXECUTE, when=When.BEFORE, seconds=34)
    with TargetProcess(world, request_timeout=60) as first:
        first.write(execution(1))
        world.sandbox.wait_for_calls(1, Endpoint.EXECUTE)
        first.signal(SIGTERM)
        assert first.exit_code(60) == 143
    (claim,) = world.claims()
    assert claim["task_id"] == 1
    assert sent(world) == {}, "it is in the air"
    with TargetProcess(world) as second:
        second.write(execution(1))
        second.close()
        assert second.exit_code(150) == 0
    assert sent(world) == {1: 1}
    assert len(world.sandbox.calls_of(Endpoint.EXECUTE)) == 1


def test_four_runs_at_once_of_which_two_are_killed(world: Stage) -> None:
    """The same input for all: whoever is left settles everything, each message left once."""
    everything = [execution(task_id) for task_id in TASKS]
    settings: dict[str, Any] = {"settle_seconds": 4, "concurrency": 3}
    survivors = []
    with ExitStack() as ended_by_us:
        with ExitStack() as killed:
            for number in range(4):
                stack = killed if number < 2 else ended_by_us
                run = stack.enter_context(TargetProcess(world, **settings))
                run.write(*(everything if number % 2 else reversed(everything)))
                run.close()
                survivors += [run] if stack is ended_by_us else []
            world.sandbox.wait_for_calls(4, Endpoint.EXECUTE, seconds=60)
        assert [run.exit_code(120) for run in survivors] == [0, 0]
    ended = world.script(*everything, **settings)
    assert ended.exit_code == 0, ended.log
    assert sent(world) == dict.fromkeys(TASKS, 1)
    assert world.claims() == []


def test_a_ledger_that_is_swapped_under_a_run(world: Stage) -> None:
    """An old copy takes its place while calls are under way: nothing more is sent with it."""
    ledger = world.folder / "ledger.db"
    assert world.script(execution(1)).exit_code == 0
    copy = world.folder / "copy.db"
    with sqlite3.connect(ledger) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    with TargetProcess(world, concurrency=1) as run:
        run.write(*(execution(task_id) for task_id in TASKS))
        world.sandbox.wait_for_calls(5, Endpoint.EXECUTE)
        for side in ("-wal", "-shm"):
            ledger.with_name(ledger.name + side).unlink(missing_ok=True)
        shutil.move(copy, ledger)
        arrived = len(world.sandbox.calls)
        assert run.exit_code(30) == 1
    assert len(world.sandbox.calls) <= arrived + 1
    assert max(sent(world).values()) == 1


@pytest.mark.parametrize("status", ["302", "408", "500"])
def test_an_answer_that_hides_what_was_done(world: Stage, status: str) -> None:
    """A redirect, a time-out, an error, each after the effect: no run sends it again."""
    world.sandbox.fault(status, endpoint=Endpoint.EXECUTE, when=When.AFTER, times=None)
    for _ in range(3):
        world.script(*(execution(task_id) for task_id in (1, 2, 3)), on_lost_answer="verify")
    assert set(sent(world).values()) == {1}
    world.sandbox.faults.clear()
    assert world.script(*(execution(task_id) for task_id in (1, 2, 3))).exit_code == 0
    assert sent(world) == {1: 1, 2: 1, 3: 1}


def test_a_success_that_is_about_another_task(world: Stage) -> None:
    """A cache on the way answers for task 2: it confirms nothing of task 1."""
    another = {"id": 2, "taskType": 7, "status": 1, "finishedAt": "2026-01-01T00:00:00Z"}
    own = {"id": 1, "taskType": 7, "status": 3}
    with ScriptedServer() as reply:
        reply.script(*(Step(http(body=json.dumps(task).encode())) for task in (another, own)))
        ended = world.script(execution(1), api_url=reply.url)
        assert [seen.method for seen in reply.seen] == ["POST", "GET"]
    assert ended.exit_code == 2, ended.log
    assert world.fates() == [(1, "rejected", "task_not_new")]


def test_records_that_nobody_can_have_meant(world: Stage) -> None:
    """Each would send a text that its author never saw, or to somebody else: none does."""
    mistakes: list[dict[str, Any]] = [
        {"id": 1, "content": {"body": "Hi &#123;&#123;firstName&#125;&#125;", "subject": "S"}},
        {"id": 2, "content": {"body": "<p>&nbsp;</p>\u200b", "subject": "S"}},
        {"id": 3, "content": {"body": "Hi {{\u00a0first\nName }}", "subject": "S"}},
        {"id": 4, "content": {"body": "Hi", "subject": "For {{company}}"}},
        {"id": 6, "task_id": 7},
        {"id": 8, "content": '{"body": "Hi {{firstName}}"}'},
        {"id": 9, "content__body": "Hi", "content": {"body": "Ho"}},
        {"id": 10, "contents": {"body": "Hi"}},
        {"id": 11, "actAsUserID": 1},
        {"id": 12, "content": ["Hi"]},
        {"id": True},
        {"id": "1e1"},
        {"id": "0x0e"},
        {"id": -15},
        {"id": None, "content": {"body": "Hi"}},
    ]
    ended = world.script(*(record("task_executions", each) for each in mistakes), execution(20))
    assert ended.exit_code == 0, ended.log
    assert sent(world) == {20: 1}, ended.log
    assert [row["reason"] for row in world.operations()].count("invalid_record") == len(mistakes)


def test_what_one_record_says_and_the_next_takes_back(world: Stage) -> None:
    """A bad update, then its execution: the old text must not go, in this run or in the next."""
    text = {"body": "The new text", "subject": "S"}
    messages = [
        update(1, taskType="manualEmail", template=text, dueTo="2020-01-01"),
        execution(1),
        update(2, taskType="manualEmail", template={"body": "Dear {{nickname}}", "subject": "S"}),
        execution(2),
        update(3, taskType="manualEmail", template=text),
        execution(3),
    ]
    for _ in range(2):
        world.script(*messages)
    assert [(each.task_id, each.body) for each in world.sandbox.outbox] == [(3, "The new text")]
