"""Completing tasks, one by one and in batches: once, and with what it does to the contact."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sandbox_client import client_of, sandbox

from reply_tasks.contract.enums import CreationSource, TaskStatus, TaskType
from reply_tasks.sandbox import Dialect, EffectKind, Endpoint, Task, Template, User

CALL = Task(1, task_type=TaskType.CALL, template=Template("Call {{fullName}}"))
STEP = Task(2, creation_source=CreationSource.SEQUENCE, sequence_id=3, sequence_step_id=301)
CLOSED = [
    Task(number, status=status)
    for number, status in enumerate(TaskStatus, 10)
    if status is not TaskStatus.NEW
]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_completed_task_is_finished_and_nothing_is_sent(dialect: Dialect) -> None:
    """200 with the task as it now is, whose template holds its final text."""
    with (
        sandbox(tasks=[CALL], clock=lambda: 1_800_000_000.0) as api,
        client_of(api.server, dialect) as client,
    ):
        answer = client.call("POST", "/tasks/1/complete", json={"callResolution": 2})
        (effect,) = api.server.effects
        assert api.server.outbox == []
    done = answer.json()
    assert answer.status_code == 200
    assert done["status"] == (1 if dialect is Dialect.PREVIEW else "finished")
    assert (done["finishedAt"], done["isFailed"]) == ("2027-01-15T08:00:00+00:00", False)
    assert done["template"]["body"] == "Call Bo Abbott"
    assert (effect.kind, effect.task.id, effect.call_resolution) == (EffectKind.COMPLETED, 1, 2)


@pytest.mark.parametrize("task", CLOSED)
def test_only_a_new_task_can_be_completed(task: Task) -> None:
    """409 task.cannotComplete, and nothing changes."""
    with sandbox(tasks=[task]) as api:
        answer = api.call("POST", f"/tasks/{task.id}/complete", json={})
        assert (api.server.task(task.id), api.server.effects) == (task, [])
    assert (answer.status_code, answer.json()["code"]) == (409, "task.cannotComplete")


def test_the_second_of_two_completions_is_refused() -> None:
    """Of twenty at the same moment, one gets through."""
    with sandbox(tasks=[CALL]) as api, ThreadPoolExecutor(8) as pool:
        url, headers = f"{api.server.url}/tasks/1/complete", dict(api.session.headers)
        answers = [
            pool.submit(requests.post, url, json={}, headers=headers, timeout=10) for _ in range(20)
        ]
        statuses = sorted(answer.result().status_code for answer in answers)
        assert len(api.server.effects_of(EffectKind.COMPLETED)) == 1
    assert statuses == [200] + [409] * 19


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, EffectKind.MOVED_ON),
        ({"finishProspectInSequence": False}, EffectKind.MOVED_ON),
        ({"finishProspectInSequence": True}, EffectKind.LEFT_SEQUENCE),
    ],
)
def test_a_completed_step_moves_its_contact(body: dict[str, Any], kind: EffectKind) -> None:
    """On to the next step, or out of the sequence; the effect names the call that did it."""
    with sandbox(tasks=[CALL, STEP]) as api:
        api.call("POST", "/tasks/1/complete", json=body)
        api.call("POST", "/tasks/2/complete", json=body)
        done, _, moved = api.server.effects
        assert (done.task.id, moved.kind, moved.task.id) == (1, kind, 2)
        assert (moved.task.contact_id, moved.task.sequence_step_id) == (1001, 301)
        assert moved.call == api.server.calls_of(Endpoint.COMPLETE, 2)[0].number


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"callResolution": 3}, "/callResolution"),
        ({"callResolution": -1}, "/callResolution"),
        ({"callResolution": "positive"}, "/callResolution"),
        ({"callResolution": True}, "/callResolution"),
        ({"finishProspectInSequence": None}, "/finishProspectInSequence"),
        ({"finishProspectInSequence": 1}, "/finishProspectInSequence"),
    ],
)
def test_a_completion_that_is_wrong_is_named(body: dict[str, Any], pointer: str) -> None:
    """The resolution is an integer from 0 to 2 in either dialect."""
    with sandbox(Dialect.CURRENT, tasks=[CALL]) as api:
        answer = api.call("POST", "/tasks/1/complete", json=body)
        assert api.server.effects == []
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_resolution_matters_for_calls_only() -> None:
    """Another type takes it and makes nothing of it; null is as if it were not there."""
    with sandbox(tasks=[CALL, STEP, Task(3)]) as api:
        statuses = [
            api.call("POST", f"/tasks/{number}/complete", json={"callResolution": resolution})
            for number, resolution in ((1, None), (3, 0))
        ]
        assert [answer.status_code for answer in statuses] == [200, 200]
        assert [effect.call_resolution for effect in api.server.effects] == [None, None]


@pytest.mark.parametrize(
    ("dialect", "errors"),
    [(Dialect.PREVIEW, {1, 7}), (Dialect.CURRENT, {"notFound", "cannotComplete"})],
)
def test_a_batch_completes_what_it_can(dialect: Dialect, errors: set[object]) -> None:
    """200 with what failed, by id; each task by itself, an id named twice once."""
    with (
        sandbox(tasks=[CALL, STEP, *CLOSED[:1]]) as api,
        client_of(api.server, dialect) as client,
    ):
        ids = [1, 99, CLOSED[0].id, 2, 1]
        answer = client.call("POST", "/tasks/batch/complete", json={"ids": ids})
        done = [effect.task.id for effect in api.server.effects_of(EffectKind.COMPLETED)]
        moved = [effect.task.id for effect in api.server.effects_of(EffectKind.MOVED_ON)]
        again = client.call("POST", "/tasks/batch/complete", json={"ids": [1, 2]}).json()
        assert len(api.server.effects) == 3
    failed = answer.json()
    assert (answer.status_code, done, moved) == (200, [1, 2], [2])
    assert {item["error"] for item in failed.values()} == errors
    assert set(failed) == {"99", str(CLOSED[0].id)}
    assert all(type(item["errorDetails"]) is str for item in failed.values())
    assert set(again) == {"1", "2"}


@pytest.mark.parametrize(
    ("ids", "pointer"),
    [
        ([], "/ids"),
        (list(range(1, 102)), "/ids"),
        (None, "/ids"),
        (["1"], "/ids"),
        ([1, 0], "/ids/1"),
        ([2**31], "/ids/0"),
    ],
)
@pytest.mark.parametrize("path", ["batch/complete", "batch/assign", "bulk-delete"])
def test_a_batch_has_1_to_100_positive_ids(path: str, ids: object, pointer: str) -> None:
    """Otherwise nothing happens to any of them."""
    with sandbox(Dialect.CURRENT, tasks=[CALL]) as api:
        answer = api.call("POST", f"/tasks/{path}", json={"ids": ids, "userId": 1})
        assert api.server.effects == []
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_a_fault_strikes_the_batch_with_its_task() -> None:
    """And the log tells which batches were about a task."""
    with sandbox(tasks=[CALL, STEP]) as api:
        api.server.fault("503", task_id=2)
        statuses = [
            api.call("POST", "/tasks/batch/complete", json={"ids": ids}).status_code
            for ids in ([1], [7, 2], [2])
        ]
        assert statuses == [200, 503, 200]
        assert len(api.server.calls_of(Endpoint.BATCH_COMPLETE, 2)) == 2
        assert api.call("POST", "/tasks/batch/complete", json=[2]).status_code == 400
        assert len(api.server.wait_for_calls(2, task_id=2)) == 2


def test_a_batch_of_100_that_goes_wrong_in_its_middle() -> None:
    """A batch is not atomic: a lost answer may leave any number of its tasks done."""
    tasks = [Task(number) for number in range(1, 101)]
    with sandbox(tasks=tasks, keys={"sandbox-key": [User(1)]}) as api:
        api.server.fault("drop", endpoint=Endpoint.BATCH_COMPLETE, done=40)
        ids = {"ids": [task.id for task in tasks]}
        with pytest.raises(requests.ConnectionError):
            api.call("POST", "/tasks/batch/complete", json=ids)
        (call,) = api.server.calls
        done = [effect.task.id for effect in api.server.effects]
        assert (done, call.effect, call.status) == (list(range(1, 41)), True, None)
        failed = api.call("POST", "/tasks/batch/complete", json=ids).json()
        assert sorted(map(int, failed)) == done
        assert len(api.server.effects) == 100
