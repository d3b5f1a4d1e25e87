"""Targets side by side on one ledger make each external id's task once, whoever is first."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crash_input import update
from crash_sides import Side, rows_of, wait_for_runs
from sqlalchemy import Engine, select

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger.tables import task_links
from reply_tasks.sandbox import EffectKind, Endpoint, SandboxServer

KEYS = 200

# Each starts two targets.
pytestmark = pytest.mark.e2e
LATENCY = 0.002


def body_of(key: int, text: str = "First") -> dict[str, Any]:
    """A whole body, whose contact says which key it is of."""
    whole = {**update(f"{text} of {key}"), "contactId": 2000 + key}
    return {name: value for name, value in whole.items() if name != "operation"}


def links_of(engine: Engine) -> dict[str, Any]:
    """Every link, by its external id."""
    with engine.connect() as connection:
        return {row.external_id: row for row in connection.execute(select(task_links))}


def each_was_made_once(server: SandboxServer, engine: Engine, keys: range) -> None:
    """One task a key, and its link."""
    made = {e.task.contact_id: e.task.id for e in server.effects_of(EffectKind.CREATED)}
    assert len(server.calls_of(Endpoint.CREATE)) == len(made) == len(keys)
    assert {key: row.task_id for key, row in links_of(engine).items()} == {
        str(key): made[2000 + key] for key in keys
    }


def test_two_targets_create_each_key_once(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Both read the same 200 creations, from either end, and change what they made."""
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        for forwards, backwards in zip(range(KEYS), reversed(range(KEYS)), strict=True):
            one.says("create", externalId=forwards, **body_of(forwards))
            two.says("create", externalId=backwards, **body_of(backwards))
        for key in range(0, KEYS, 4):
            one.says("update", externalId=key, **body_of(key, "One"))
            two.says("update", externalId=key + 1, **body_of(key + 1, "Two"))
        one.end()
        two.end()
    each_was_made_once(server, engine, range(KEYS))
    rows = rows_of(engine)
    assert Counter((row.operation, row.outcome) for row in rows) == {
        (Operation.CREATE, Outcome.APPLIED): KEYS,
        (Operation.CREATE, Outcome.UNCHANGED): KEYS,
        (Operation.UPDATE, Outcome.APPLIED): KEYS // 2,
    }
    makers = Counter(row.run_id for row in rows if row.outcome == Outcome.APPLIED)
    assert len(makers) == 2
    texts = Counter(
        server.task(row.task_id).template.body.split()[0] for row in links_of(engine).values()
    )
    assert texts == {"First": KEYS // 2, "One": KEYS // 4, "Two": KEYS // 4}


def test_two_targets_create_what_is_missing_once(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """With create_missing the second is an update: of the same body it changes nothing."""
    settings = {"create_missing": True}
    with (
        Side(tmp_path / "one", server, ledger_url, **settings) as one,
        Side(tmp_path / "two", server, ledger_url, **settings) as two,
    ):
        wait_for_runs(engine, 2)
        for forwards, backwards in zip(range(KEYS), reversed(range(KEYS)), strict=True):
            one.says("update", externalId=forwards, **body_of(forwards))
            two.says("update", externalId=backwards, **body_of(backwards))
        for key in range(KEYS):
            (one if key % 2 else two).says("update", externalId=key, **body_of(key, "Last"))
        one.end()
        two.end()
    each_was_made_once(server, engine, range(KEYS))
    rows = rows_of(engine)
    assert len(rows) == 3 * KEYS
    assert {row.outcome for row in rows} <= {
        Outcome.APPLIED,
        Outcome.UNCHANGED,
        Outcome.SUPERSEDED,
    }
    last = [row for row in rows if row.operation == Operation.CREATE]
    assert Counter(row.outcome for row in last) == {Outcome.APPLIED: KEYS}


def test_one_brings_both_keys_while_the_other_creates(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Whoever is first: no key is created twice, no record is lost, and no id is guessed."""
    keys = range(60)
    ids = {key: server.create_task().id for key in keys}
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        for forwards, backwards in zip(keys, reversed(keys), strict=True):
            one.says("update", id=ids[forwards], externalId=forwards, **body_of(forwards, "Both"))
            two.says("create", externalId=backwards, **body_of(backwards))
        one.end()
        two.end()
    made = Counter(e.task.contact_id for e in server.effects_of(EffectKind.CREATED))
    assert set(made.values()) == {1}
    assert {server.task(ids[key]).template.body for key in keys} == {
        f"Both of {key}" for key in keys
    }
    links, rows = links_of(engine), rows_of(engine)
    assert len(rows) == 2 * len(keys)
    for row in rows:
        if row.operation == Operation.UPDATE:
            assert (row.outcome, row.task_id) == (Outcome.APPLIED, ids[int(row.external_id)])
        else:
            was_made = 2000 + int(row.external_id) in made
            assert row.outcome == (Outcome.APPLIED if was_made else Outcome.REJECTED)
            assert links[row.external_id].ambiguous == was_made


def test_two_targets_complete_and_delete_each_task_once(
    tmp_path: Path, server: SandboxServer, ledger_url: str, engine: Engine
) -> None:
    """Both read the same records, from either end, and send them a hundred to a call."""
    tasks = range(1, KEYS + 1)
    for task_id in tasks:
        server.create_task(task_id)
    with (
        Side(tmp_path / "one", server, ledger_url) as one,
        Side(tmp_path / "two", server, ledger_url) as two,
    ):
        wait_for_runs(engine, 2)
        for forwards, backwards in zip(tasks, reversed(tasks), strict=True):
            one.says("complete", id=forwards)
            two.says("complete", id=backwards)
        for task_id in tasks:
            (one if task_id % 2 else two).says("delete", id=task_id)
        one.end()
        two.end()
    for kind in (EffectKind.COMPLETED, EffectKind.DELETED):
        assert Counter(each.task.id for each in server.effects_of(kind)) == dict.fromkeys(tasks, 1)
    asked = [task_id for body in _batched(server) for task_id in body["ids"]]
    assert asked
    assert Counter(asked) <= Counter(dict.fromkeys(tasks, 2))
    counts = Counter((row.operation, row.outcome) for row in rows_of(engine))
    assert counts[Operation.COMPLETE, Outcome.APPLIED] == KEYS
    assert counts[Operation.DELETE, Outcome.APPLIED] == KEYS
    assert counts[Operation.COMPLETE, Outcome.UNCHANGED] == KEYS


def _batched(server: SandboxServer) -> list[dict[str, Any]]:
    endpoints = (Endpoint.BATCH_COMPLETE, Endpoint.BULK_DELETE)
    return [call.body for each in endpoints for call in server.calls_of(each)]
