"""The demo: what it promises to show, and that it shows it over the real console scripts."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from console_script import run_script
from messages import execution, lines

from reply_tasks.cli import main
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.demo.command import unexpected
from reply_tasks.demo.examples import notes, record_count
from reply_tasks.demo.loop import STARTER_URL, Operation, play
from reply_tasks.sandbox import SandboxServer
from reply_tasks.settings import TapSettings

#: A record on which a stream map raises has no key that could be read, so it has no note.
UNNOTED = Counter({Reason.MAP_FAILED: 1})
#: What takes another user, or an execution that relies on an update: the demo has neither.
NOT_SHOWN = {Reason.USER_REFUSED, Reason.UPDATE_REJECTED}
#: What only a person brings about.
OF_A_PERSON = {Reason.NOT_APPROVED, Reason.APPROVAL_EXPIRED}


def test_the_examples_meet_every_outcome_and_every_reason() -> None:
    """The example records end in every outcome, and are rejected for every reason there is."""
    expected = notes().values()
    assert {note.outcome for note in expected} == set(Outcome)
    reasons = {note.reason for note in expected if note.reason is not None}
    assert reasons | set(UNNOTED) == set(Reason) - OF_A_PERSON - NOT_SHOWN
    assert (
        sum(
            map(
                record_count,
                ("records.singer", "merges.singer", "lives.singer", "approvals.singer"),
            )
        )
        == sum(1 + len(note.then) for note in expected) + 1
    )


def test_a_surprise_is_told() -> None:
    """A record that ends otherwise than its note says, or is sent again, is named."""
    key, note = next(iter(notes().items()))
    as_noted = Operation(0, key, "update", 101, note.outcome, note.reason, None, 1)
    only = {key: note}
    assert unexpected([as_noted], only) == []
    assert unexpected([], only) == [f"{key} was never settled"]
    wrong = replace(as_noted, outcome="rejected", reason="task_not_new")
    assert unexpected([wrong], only) == [f"{key} ended rejected: task_not_new, not applied"]
    assert unexpected([as_noted, replace(as_noted, run=1)], only) == [f"{key} was requested again"]


def test_the_demo_takes_no_folder_that_is_in_use(tmp_path: Path) -> None:
    """Files of the user are never mixed with the demo's."""
    (tmp_path / "mine.txt").touch()
    result = CliRunner().invoke(main, ["demo", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert "not empty" in result.output


@pytest.mark.e2e
def test_the_whole_loop_over_the_console_scripts(tmp_path: Path) -> None:
    """Every example ends as noted, the second run sends nothing, the second tap emits nothing."""
    steps: list[str] = []
    story = play(tmp_path, steps.append)
    assert len(steps) == 8
    assert unexpected(story.operations, notes()) == []
    unnoted = [each for each in story.operations if each.run != 1 and each.external_id is None]
    assert Counter(each.reason for each in unnoted) == UNNOTED
    assert story.sent[0] > 0
    assert story.sent[1] == story.sent[0]
    assert (story.sent[4], story.sent[5]) == (story.sent[3], story.sent[3] + 1)
    assert story.emitted["runs"] == 6
    assert story.emitted["task_operations"] == len(story.operations)
    assert story.emitted_again == 0


@pytest.mark.e2e
def test_the_demo_shows_each_record_and_where_to_look(tmp_path: Path) -> None:
    """``reply-tasks demo`` ends with a row for each record, and says where to look next."""
    folder = tmp_path / "demo"
    result = CliRunner().invoke(main, ["demo", "--folder", str(folder)])
    assert result.exit_code == 0, result.output
    for key, note in notes().items():
        assert f"│ {key}" in result.output
        assert note.outcome in result.output
    assert "\x1b" not in result.output
    assert all(len(line) <= 80 for line in result.output.splitlines() if line.startswith("│"))
    after = result.output.partition("Where to look next")[2]
    assert str(folder) in after
    named = re.findall(r"^ {4}(\S.*?) {2,}", after, re.MULTILINE)
    files = [name for names in named for name in names.split(", ")]
    assert {"records.singer", "ledger.db", "7-tap.jsonl", "config.json"} <= set(files)
    starter = TapSettings.from_config(json.loads((folder / "config.json").read_text()))
    assert starter.api_url.endswith(":8300/v3"), "where `reply-tasks sandbox` listens"
    assert all((folder / name).exists() for name in files)


@pytest.mark.e2e
def test_the_config_that_the_demo_leaves_starts_a_run(tmp_path: Path) -> None:
    """Once a sandbox is started, ``config.json`` takes records to Reply, and their fate back.

    Only the port is another one: tests run side by side.
    """
    folder = tmp_path / "demo"
    assert CliRunner().invoke(main, ["demo", "--folder", str(folder)]).exit_code == 0
    config = folder / "config.json"
    with SandboxServer() as sandbox:
        sandbox.create_task(1)
        config.write_text(config.read_text().replace(STARTER_URL, sandbox.url))
        given = lines(execution(1, externalId="crm-1"))
        done = run_script("target-reply-tasks", "--config", config, folder=folder, given=given)
        assert "1 records read: 1 applied" in done.stderr
        assert [sent.task_id for sent in sandbox.outbox] == [1]
    back = run_script("tap-reply-tasks", "--config", config, folder=folder)
    assert "crm-1" in back.stdout
