"""``reply-tasks init`` writes a first config that works, and never over a file."""

import json
import stat
from pathlib import Path

import pytest
import yaml
from console_script import run_command
from messages import update
from target_runs import KEY, Stage

from reply_tasks.settings import tap_settings, target_settings


@pytest.mark.e2e
def test_the_first_config_works_with_a_key(stage: Stage) -> None:
    """Target, tap and commands take it as it is, comments included; the key may come beside it."""
    stage.sandbox.create_task(1)
    done = run_command(stage, "init")
    assert (done.returncode, done.stdout) == (0, "")
    file = stage.folder / "config.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert all(f'"// {each.name} is"' in text for each in (*target_settings(), *tap_settings()))
    env = {"TARGET_REPLY_TASKS_API_KEY": KEY, "TARGET_REPLY_TASKS_API_URL": stage.sandbox.url}
    kept = file.rename(stage.folder / "first.json")
    ended = stage.script(update(1), config=str(kept), env=env)
    assert ended.exit_code == 0, ended.log
    assert json.loads(kept.read_text())["ledger_url"].endswith(f"{stage.folder}/reply_tasks.db")
    env = {"REPLY_TASKS_LEDGER_URL": ""}
    done = run_command(stage, "status", "--json", "--config", str(kept), env=env)
    assert json.loads(done.stdout)["last_ended"]["applied"] == 1


def test_no_file_is_overwritten(stage: Stage) -> None:
    """A file that is there stays as it is, and the command says what to do."""
    for arguments in (["config.json"], ["--meltano", "meltano.yml"]):
        file = stage.folder / arguments[-1]
        file.write_text("mine")
        done = run_command(stage, "init", *arguments)
        assert (done.returncode, file.read_text()) == (1, "mine")
        assert "stays as it is" in done.stderr
    assert run_command(stage, "init", "no/such/folder.json").returncode == 1


def test_the_part_for_meltano_defines_both_plugins(stage: Stage) -> None:
    """It is YAML, with every setting of the project's own meltano.yml, and no key in it."""
    done = run_command(stage, "init", "--meltano", "-")
    part = yaml.safe_load(done.stdout)["plugins"]
    whole = yaml.safe_load((Path(__file__).parents[2] / "meltano.yml").read_text())["plugins"]
    for kind, name in (("extractors", "tap-reply-tasks"), ("loaders", "target-reply-tasks")):
        (ours,) = part[kind]
        theirs = next(each for each in whole[kind] if each["name"] == name)
        assert (ours["name"], ours["settings"]) == (name, theirs["settings"])
        assert (ours["namespace"], ours["executable"]) == (theirs["namespace"], name)
        assert ours["config"]["api_key"] == "$REPLY_API_KEY"
