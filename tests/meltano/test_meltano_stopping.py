"""Meltano killed or stopped in the middle: nothing doubled, nothing missing, no state too far."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from meltano_world import WAREHOUSE, WRITE_BACK, Project, fates, moment, wait_until

pytestmark = pytest.mark.e2e

UPDATES, EXECUTIONS = 60, 60
BODY = "Hi {{firstName}}, shall we talk?"
#: Rows for the tasks 1 to 120 of the sandbox: the first half is updated, the second sent.
ROWS = f"""
    INSERT INTO salesforce.contact (id, reply_contact_id__c, system_modstamp)
    VALUES ('003-1', '1001', '2027-01-10 08:00:00+00');
    INSERT INTO salesforce.task (
        id, subject, description, activity_date, status, task_subtype, who_id, owner_id,
        reply_task_id__c, system_modstamp
    )
    SELECT
        format('00T-%s', n), 'About the renewal',
        CASE WHEN n > {UPDATES} THEN 'Hi Ada, shall we talk?' ELSE '{BODY}' END, '2027-03-01',
        CASE WHEN n > {UPDATES} THEN 'Send now' ELSE 'Open' END, 'Email', '003-1', '005-1', n::text,
        timestamptz '2027-01-15 08:00:00+00' + n * interval '1 minute'
    FROM generate_series(1, {UPDATES + EXECUTIONS}) AS n
"""
SENT = list(range(UPDATES + 1, UPDATES + EXECUTIONS + 1))
EVERY_KEY = {f"00T-{n}" for n in range(1, UPDATES + 1)} | {f"00T-{n}:send" for n in SENT}
NUMBERED = 80
NUMBERED_ID = "sandbox:tap-numbered-to-target-reply-tasks"
#: What Meltano says when it has saved a STATE.
SAVED = "Incremental state has been updated"
#: Long enough for a signal to meet calls in flight.
LATENCY = {"latency_ms": 60}


@pytest.mark.parametrize(
    ("make_project", "calls"),
    [
        pytest.param("sqlite", 20, id="sqlite-in-the-executions"),
        pytest.param("postgresql", 80, id="postgresql-in-the-updates"),
    ],
    indirect=["make_project"],
)
def test_killed_in_the_middle(make_project: Callable[..., Project], calls: int) -> None:
    """After SIGKILL of Meltano and its plugins, the next run sends what is missing, only that."""
    project = make_project(**LATENCY)
    project.crm.run(ROWS)
    run = project.start("run", *WRITE_BACK)
    project.wait_for_calls(calls)
    run.signal_group(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert len(fates(project.operations())) < len(EVERY_KEY)

    # Meltano takes a run that was killed for alive for five minutes, unless it is told otherwise.
    project.meltano("run", "--force", *WRITE_BACK, *WAREHOUSE)

    assert sorted(project.sandbox.sent()) == SENT
    for task_id in range(1, UPDATES + 1):
        assert project.sandbox.task(task_id)["template"]["body"] == BODY
    settled = fates(project.operations())
    assert settled.keys() == EVERY_KEY
    assert all(outcomes[0] == ("applied", None) for outcomes in settled.values())
    assert all(row["outcome"] for row in project.operations())
    updates = Counter(call["task_id"] for call in project.sandbox.calls("update"))
    assert updates.keys() == set(range(1, UPDATES + 1))
    assert updates.total() <= UPDATES + 8  # an update that was in flight is sent again, harmlessly
    loaded = project.warehouse.rows(
        'SELECT "externalId" AS key, count(*) FROM reply.task_operations'
        " WHERE outcome = 'applied' GROUP BY 1"
    )
    assert {row["key"]: row["count"] for row in loaded} == dict.fromkeys(EVERY_KEY, 1)
    crashed = project.warehouse.rows("SELECT crashed FROM reply.runs ORDER BY sequence")
    assert [row["crashed"] for row in crashed] == [True, False]


@pytest.mark.parametrize("make_project", ["sqlite"], indirect=True)
def test_stopped_with_sigterm(make_project: Callable[..., Project]) -> None:
    """SIGTERM ends Meltano with 143, and no bookmark that it saved is ahead of the ledger."""
    project = make_project(**LATENCY)
    project.crm.run(ROWS)
    run = project.start("run", *WRITE_BACK)
    project.wait_for_calls(EXECUTIONS + 4)
    wait_until(lambda: SAVED in run.text)
    run.process.send_signal(signal.SIGTERM)
    assert run.wait() == 128 + signal.SIGTERM, run.text

    settled = fates(project.operations())
    assert {f"00T-{n}:send" for n in SENT} < settled.keys() < EVERY_KEY
    assert all(row["outcome"] for row in project.operations())
    bookmarks = project.state()
    assert bookmarks, run.text
    assert _read_up_to(bookmarks, "to_reply-task_executions") == _last_change(
        project, "task_executions"
    )
    assert _read_up_to(bookmarks, "to_reply-task_updates") is None

    project.meltano("run", *WRITE_BACK)
    assert sorted(project.sandbox.sent()) == SENT
    assert fates(project.operations()).keys() == EVERY_KEY
    assert len(project.sandbox.calls("update")) == UPDATES
    assert _read_up_to(project.state(), "to_reply-task_updates") == _last_change(
        project, "task_updates"
    )


def _read_up_to(bookmarks: dict[str, dict[str, str]], stream: str) -> object:
    value = bookmarks.get(stream, {}).get("replication_key_value")
    return None if value is None else moment(value).astimezone()


def _last_change(project: Project, view: str) -> object:
    (row,) = project.crm.rows(f"SELECT max(modified_at) AS last FROM to_reply.{view}")
    return row["last"].astimezone()


@pytest.mark.parametrize(
    "make_project", [pytest.param("postgresql", id="postgresql")], indirect=True
)
@pytest.mark.parametrize("stopped", ["meltano", "target"])
def test_the_saved_state_is_what_is_settled(
    make_project: Callable[..., Project], stopped: str
) -> None:
    """With a tap that tells its progress after each record, the saved state is exact.

    Meltano 4.4.1 itself, once signalled, reads on but saves no more: it misses what the target
    settles after that, and the next run finds it settled.
    """
    project = make_project(latency_ms=200)
    _add_tap_numbered(project)
    blocks = ("tap-numbered", "target-reply-tasks")
    run = project.start("run", *blocks)
    project.wait_for_calls(20)
    if stopped == "target":
        os.kill(run.plugin("target-reply-tasks"), signal.SIGTERM)
    else:
        run.process.send_signal(signal.SIGTERM)
    assert run.wait() == (1 if stopped == "target" else 128 + signal.SIGTERM), run.text

    rows = project.operations()
    assert all(row["outcome"] == "applied" for row in rows)
    settled = sorted(int(row["external_id"]) for row in rows)
    assert settled == list(range(1, len(settled) + 1))
    assert 20 <= len(settled) < NUMBERED
    saved = project.state(NUMBERED_ID)["task_updates"]["replication_key_value"]
    if stopped == "target":
        assert saved == len(settled)
    else:
        assert run.text.count(SAVED) == saved <= len(settled)

    project.meltano("run", *blocks)
    assert len(project.sandbox.calls("update")) == NUMBERED
    assert project.state(NUMBERED_ID)["task_updates"]["replication_key_value"] == NUMBERED


def _add_tap_numbered(project: Project) -> None:
    shutil.copy(Path(__file__).with_name("tap_numbered.py"), project.folder)
    definition = project.folder / "meltano.yml"
    tap = "{name: tap-numbered, namespace: tap_numbered, executable: ./tap_numbered.py}"
    definition.write_text(
        definition.read_text().replace("  extractors:\n", f"  extractors:\n  - {tap}\n", 1)
    )
    project.settings["NUMBERED_TASKS"] = str(NUMBERED)
