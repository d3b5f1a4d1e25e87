"""``api_dialect: auto``: either generation works out of the box, and is found out once."""

import json
from typing import Any

import pytest
from console_script import run_script
from messages import execution, update
from scripted_server import ScriptedServer, Step, http
from target_runs import KEY, USERS, Stage

from reply_tasks.sandbox import Dialect, Endpoint, Key, SandboxServer

READS = {"preview": 2, "current": 1}


def reads(server: SandboxServer) -> int:
    """How many reads of the task list arrived."""
    return len(server.calls_of(Endpoint.LIST))


@pytest.mark.e2e
@pytest.mark.parametrize("dialect", READS)
def test_a_generation_is_found_out_once_for_all(stage: Stage, dialect: str) -> None:
    """One or two reads, by the first who calls: target, tap and commands remember it."""
    with SandboxServer(
        keys={KEY: USERS}, dialect=Dialect(dialect), requests_per_minute=None, tasks=3
    ) as strict:
        settings = {"api_url": strict.url, "api_dialect": "auto"}
        ended = stage.run(update(1), **settings)
        assert ended.exit_code == 0, ended.log
        assert reads(strict) == READS[dialect]
        (body,) = [call.body for call in strict.calls_of(Endpoint.UPDATE)]
        assert body["taskType"] == ("call" if dialect == "current" else 2)
        assert stage.run(execution(2), **settings).exit_code in {0, 2}
        assert reads(strict) == READS[dialect], "it is in the ledger"
        config = stage.folder / "tap.json"
        config.write_text(json.dumps({**stage.settings, **settings}))
        catalog = stage.folder / "catalog.json"
        catalog.write_text(_only_tasks(stage))
        done = run_script("tap-reply-tasks", "--config", config, "--catalog", catalog)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('"RECORD"') == 3
        assert reads(strict) == READS[dialect]


def _only_tasks(stage: Stage) -> str:
    done = run_script("tap-reply-tasks", "--discover", folder=stage.folder)
    assert done.returncode == 0, done.stderr
    catalog = json.loads(done.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "tasks"
    return json.dumps(catalog)


def test_what_was_found_is_found_out_again_on_a_401(stage: Stage) -> None:
    """Reply has moved on since the ledger learnt it: the record still goes through, once."""
    port = None
    for dialect in READS:
        with SandboxServer(keys={KEY: USERS}, dialect=Dialect(dialect), port=port or 0) as strict:
            port = strict.port
            strict.create_task(1)
            strict.create_task(2)
            task_id = 1 if dialect == "preview" else 2
            ended = stage.run(execution(task_id), api_url=strict.url, api_dialect="auto")
            assert ended.exit_code == 0, ended.log
            assert [sent.task_id for sent in strict.outbox] == [task_id]
    assert [row["outcome"] for row in stage.operations()] == ["applied", "applied"]


TASK = {"id": 9, "taskType": "call", "status": "new"}


@pytest.mark.parametrize(
    ("header", "items", "written"),
    [
        ("authorization", [TASK], "call"),
        ("authorization", [TASK | {"taskType": 2, "status": 0}], 2),
        ("x-api-key", [TASK], "call"),
        ("x-api-key", [TASK | {"taskType": 2, "status": 0}], 2),
        ("authorization", [], "call"),
        ("x-api-key", [], 2),
        ("authorization", [{"id": 9}, TASK | {"taskType": None}, TASK | {"taskType": 7}], 2),
        ("x-api-key", [TASK | {"taskType": "ToBeInvented"}], "call"),
    ],
)
def test_header_and_enums_are_found_out_apart(
    stage: Stage, header: str, items: list[dict[str, Any]], written: str | int
) -> None:
    """Between the generations either may come with either: the answer says how to write."""
    page = http(body=json.dumps({"items": items, "hasMore": False}).encode())
    applied = {"id": 1, "taskType": 2, "status": 0}
    with ScriptedServer() as reply:
        if header == "x-api-key":
            reply.script(Step(http(401, b"")))
        reply.script(Step(page), *[Step(http(body=json.dumps(applied).encode()))] * 2)
        for contact_id in (7, 8):
            ended = stage.run(
                update(1, contactId=contact_id), api_url=reply.url, api_dialect="auto"
            )
            assert ended.exit_code == 0, ended.log
        listed = [seen for seen in reply.seen if seen.method == "GET"]
        puts = [seen for seen in reply.seen if seen.method == "PUT"]
    assert len(listed) == (2 if header == "x-api-key" else 1), "found out once"
    assert ["authorization" in seen.headers for seen in listed] == [True, False][: len(listed)]
    assert [json.loads(seen.body)["taskType"] for seen in puts] == [written] * 2
    for seen in puts:
        assert {"authorization", "x-api-key"} & seen.headers.keys() == {header}


def test_a_key_that_reply_does_not_know_costs_two_reads(stage: Stage) -> None:
    """The run stops with what to do; nothing is remembered, and no record is sent."""
    ended = stage.run(update(1), api_key="another-key", api_dialect="auto")
    assert ended.exit_code == 1
    assert "Check api_key" in ended.log
    assert [call.endpoint for call in stage.sandbox.calls] == [Endpoint.LIST, Endpoint.LIST]
    assert stage.operations() == []
    assert stage.claims() == []


def test_a_key_that_may_not_read_follows_its_header(stage: Stage) -> None:
    """A 403 has taken the key: requests are written as the generation of that header does."""
    keys = {KEY: Key(USERS, scopes=("tasks:operate",))}
    with SandboxServer(keys=keys, dialect=Dialect.CURRENT) as strict:
        strict.create_task(1)
        ended = stage.run(execution(1), api_url=strict.url, api_dialect="auto")
        assert ended.exit_code == 0, ended.log
        assert [sent.task_id for sent in strict.outbox] == [1]


def test_nothing_is_asked_when_nothing_is_sent(stage: Stage) -> None:
    """A run that makes no call needs no dialect."""
    ended = stage.run(update(1, dueTo="soon"), api_dialect="auto")
    assert ended.exit_code == 2
    assert stage.sandbox.calls == []
