"""Faults on request: what a client sees, and whether the call had its effect."""

import json
from threading import Thread, active_count
from time import monotonic
from typing import Any

import pytest
import requests
from sandbox_client import Client, client_of, sandbox

from reply_tasks.sandbox import Endpoint, FaultKind, When

STATUSES = [FaultKind(code) for code in ("401", "403", "429", "500", "502", "503", "504")]
LOST = [FaultKind.DROP, FaultKind.RESET, FaultKind.TRUNCATE]


def sent_by(api: Client, when: When, kind: FaultKind) -> tuple[requests.Response, int]:
    """Execute a task under a fault; the answer and how many messages were sent."""
    task = api.server.create_task()
    api.server.fault(kind, endpoint=Endpoint.EXECUTE, when=when)
    return api.execute(task.id), len(api.server.outbox)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("kind", STATUSES)
def test_a_status_before_or_after_the_effect(kind: FaultKind, when: When) -> None:
    """The client cannot tell which; the outbox can."""
    with sandbox() as api:
        answer, sent = sent_by(api, when, kind)
        (call,) = api.server.calls
    assert answer.status_code == int(kind)
    assert answer.json()["status"] == int(kind)
    assert sent == (when is When.AFTER)
    assert (call.status, call.effect, call.fault) == (int(kind), when is When.AFTER, kind)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_before_or_after_the_effect(kind: FaultKind, when: When) -> None:
    """The connection ends without a whole answer, and the next call works again."""
    with sandbox() as api:
        task = api.server.create_task()
        api.server.fault(kind, endpoint=Endpoint.EXECUTE, when=when)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            api.execute(task.id)
        assert len(api.server.outbox) == (when is When.AFTER)
        (call,) = api.server.calls
        assert (call.status, call.effect) == (None, when is When.AFTER)
        assert api.get(task.id).json()["status"] == (when is When.AFTER)


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.EMPTY])
def test_a_success_that_cannot_be_read(kind: FaultKind) -> None:
    """200 with a body that is no JSON."""
    with sandbox() as api:
        answer, sent = sent_by(api, When.AFTER, kind)
    assert (answer.status_code, sent) == (200, 1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_fault_says_when_to_come_back(kind: str) -> None:
    """retry_after becomes the header; a 429 has one in any case."""
    with sandbox() as api:
        api.server.fault(kind, retry_after=7)
        assert api.call("GET", "/whoami").headers["Retry-After"] == "7"
        api.server.fault("429")
        assert api.call("GET", "/whoami").headers["Retry-After"] == "1"


def test_a_fault_can_bring_its_own_document() -> None:
    """Any problem that Reply might send can be tried."""
    body = {"code": "TEAM_REQUIRED", "teams": [{"teamId": 1045, "teamName": "Acme"}]}
    with sandbox() as api:
        api.server.fault("403", body=body)
        answer = api.call("GET", "/whoami")
    assert (answer.status_code, answer.json()) == (403, body)


def test_latency_delays_and_the_effect_comes_though_the_peer_has_left() -> None:
    """A client that gives up early has not stopped Reply from sending."""
    with sandbox() as api:
        task = api.server.create_task()
        api.server.fault("latency", endpoint=Endpoint.EXECUTE, seconds=0.8)
        with pytest.raises(requests.ReadTimeout):
            api.execute(task.id, timeout=0.1)
        assert api.server.outbox == []
        deadline = monotonic() + 5
        while not api.server.outbox and monotonic() < deadline:
            assert api.get(task.id).status_code == 200
        assert len(api.server.outbox) == 1


@pytest.mark.parametrize("when", When)
def test_a_stall_ends_when_the_peer_leaves(when: When) -> None:
    """Stalled before the effect, a call that is given up never has one."""
    with sandbox() as api:
        task = api.server.create_task()
        api.server.fault("stall", endpoint=Endpoint.EXECUTE, when=when)
        threads = active_count()
        with pytest.raises(requests.ReadTimeout):
            api.execute(task.id, timeout=0.1)
        api.session.close()
        (call,) = api.server.calls
        deadline = monotonic() + 5
        while (not call.done or active_count() > threads) and monotonic() < deadline:
            pass
        assert call.done
        assert (call.status, call.effect) == (None, when is When.AFTER)
        assert len(api.server.outbox) == (when is When.AFTER)


def test_a_stall_goes_on_when_released() -> None:
    """Late, but the ordinary answer."""
    answers: list[requests.Response] = []
    with sandbox() as api:
        task = api.server.create_task()
        api.server.fault("stall", endpoint=Endpoint.EXECUTE)
        thread = Thread(target=lambda: answers.append(api.execute(task.id)))
        thread.start()
        api.server.wait_for_calls(1, Endpoint.EXECUTE, task.id)
        assert api.server.outbox == []
        assert api.server.calls[0].done is False
        while thread.is_alive():  # it may not have reached the stall yet
            api.server.faults.release()
            thread.join(0.01)
        assert len(api.server.outbox) == 1
    assert [answer.status_code for answer in answers] == [200]


def test_a_stall_lasts_no_longer_than_asked() -> None:
    """Then the ordinary answer follows."""
    with sandbox() as api:
        api.server.fault("stall", seconds=0.05)
        assert api.call("GET", "/whoami").status_code == 200


def test_stopping_ends_stalls_and_latencies() -> None:
    """Nothing keeps a shutdown waiting, no thread is left, nothing late is sent."""
    threads = active_count()
    lost: list[Exception] = []

    def execute(client: Client, task_id: int) -> None:
        try:
            client.execute(task_id)
        except requests.ConnectionError as error:
            lost.append(error)

    with sandbox() as api:
        for kind in ("stall", "latency"):
            task = api.server.create_task()
            api.server.fault(kind, task_id=task.id, seconds=60)
            with client_of(api.server) as client:
                thread = Thread(target=execute, args=(client, task.id))
                thread.start()
                api.server.wait_for_calls(1, task_id=task.id)
                if kind == "latency":
                    started = monotonic()
                    api.server.stop()
                    assert monotonic() - started < 5
                else:
                    api.server.close_connections()
                thread.join(5)
                assert not thread.is_alive()
    assert len(lost) == 2
    assert api.server.outbox == []
    assert active_count() == threads


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ({}, [500, 200, 200, 200]),
        ({"nth": 2}, [200, 500, 200, 200]),
        ({"nth": 2, "times": 2}, [200, 500, 500, 200]),
        ({"nth": 3, "times": None}, [200, 200, 500, 500]),
        ({"match": {"task_id": 99}}, [200, 200, 200, 200]),
        ({"match": {"endpoint": "update"}}, [200, 200, 200, 200]),
        ({"match": {"endpoint": "get", "task_id": 1}}, [500, 200, 200, 200]),
        ({"match": {"method": "GET", "path": "/v3/tasks/1"}, "times": 3}, [500, 500, 500, 200]),
    ],
)
def test_a_fault_strikes_the_calls_it_names(fault: dict[str, Any], statuses: list[int]) -> None:
    """Set over HTTP: nth counts the matching calls, times says how many."""
    with sandbox() as api:
        task = api.server.create_task()
        added = api.control("POST", "faults", [{"kind": "500", **fault}])
        assert added.status_code == 200
        assert added.json() == api.control("GET", "faults").json()
        api.call("GET", "/whoami") if "match" in fault else None
        assert [api.get(task.id).status_code for _ in range(4)] == statuses


def test_a_call_counts_for_every_fault_it_matches() -> None:
    """Of several faults that strike one call the first is applied."""
    with sandbox() as api:
        api.server.fault("500", nth=1)
        api.server.fault("502", nth=1)
        api.server.fault("503", nth=2)
        statuses = [api.call("GET", "/whoami").status_code for _ in range(3)]
    assert statuses == [500, 503, 200]


def test_cleared_faults_strike_no_more() -> None:
    """DELETE takes them out of force."""
    with sandbox() as api:
        api.server.fault("500", times=None)
        assert api.call("GET", "/whoami").status_code == 500
        assert api.control("DELETE", "faults").json() == []
        assert api.call("GET", "/whoami").status_code == 200


@pytest.mark.parametrize(
    "fault",
    [{"kind": "flood"}, {}, {"kind": "500", "when": "never"}, {"kind": "500", "nht": 2}, "500"],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: object) -> None:
    """A typo in a test must not make it pass."""
    with sandbox() as api:
        answer = api.control("POST", "faults", fault)
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert api.server.faults.in_force() == []
