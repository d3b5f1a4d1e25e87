"""``meltano config test`` and the project file, with the real Meltano."""

import signal
from collections.abc import Callable

import pytest
from meltano_world import WRITE_BACK, Project
from ports import free_port

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("make_project", ["sqlite"], indirect=True),
]

INSERT = """
    INSERT INTO salesforce.task (
        id, subject, description, activity_date, status, task_subtype, owner_id, reply_task_id__c,
        system_modstamp
    ) VALUES ('00T-1', 'Hello', 'Hi', '2027-03-01', 'Send now', 'Email', '005-1', '1', now())
"""


def test_testing_the_target_calls_nothing(make_project: Callable[..., Project]) -> None:
    """Neither the made-up record nor what a dead run left is touched by ``config test``."""
    project = make_project(latency_ms=2000)
    project.crm.run(INSERT)
    run = project.start("run", *WRITE_BACK)
    project.wait_for_calls(1)
    run.signal_group(signal.SIGKILL)
    run.wait()
    (before,) = project.operations()
    assert before["outcome"] is None

    project.settings["TARGET_REPLY_TASKS_DEFAULT_OPERATION"] = "execute"
    # Meltano 4.4.1 ends the test of every loader with ProcessLookupError once the loader has ended.
    run = project.start(
        "--log-level=debug", "--environment=sandbox", "config", "test", "target-reply-tasks"
    )
    assert run.wait() in {0, 1}
    assert "The settings are accepted." in run.text
    assert "no call was made" in run.text
    assert project.operations() == [before]
    assert len(project.sandbox.calls()) == 1


def test_testing_wrong_settings_names_the_setting(make_project: Callable[..., Project]) -> None:
    """A setting that can't be used is named by ``config test``."""
    project = make_project()
    project.settings["TARGET_REPLY_TASKS_API_URL"] = "http://api.reply.io/v3"
    run = project.start(
        "--log-level=debug", "--environment=sandbox", "config", "test", "target-reply-tasks"
    )
    assert run.wait() == 1
    assert "api_url" in run.text


def test_a_misspelt_variable_of_the_env_file_is_named(make_project: Callable[..., Project]) -> None:
    """``.env`` is where Meltano's users set things: what is no setting there stops the run.

    What Meltano itself sets for the plugin is accepted, for one that inherits from it too.
    """
    project = make_project()
    project.crm.run(INSERT)
    (project.folder / ".env").write_text("TARGET_REPLY_TASKS_DRYRUN=true\n")
    said = project.meltano("run", *WRITE_BACK, code=1)
    assert "TARGET_REPLY_TASKS_DRYRUN is not a setting" in said
    assert "did you mean TARGET_REPLY_TASKS_DRY_RUN?" in said
    assert project.sandbox.calls() == []

    (project.folder / ".env").write_text("TARGET_REPLY_TASKS_DRY_RUN=true\n")
    project.meltano("run", *WRITE_BACK)
    assert project.sandbox.calls() == []
    file = project.folder / "meltano.yml"
    heir = "  - name: target-reply-tasks-mails\n    inherit_from: target-reply-tasks\n"
    file.write_text(
        file.read_text().replace("  - name: target-jsonl\n", heir + "  - name: target-jsonl\n")
    )
    (project.folder / ".env").write_text("")
    project.meltano("run", "tap-postgres", "target-reply-tasks-mails")
    assert len(project.sandbox.calls("update", "execute")) == 1


def test_a_sandbox_that_was_not_started_is_named(make_project: Callable[..., Project]) -> None:
    """``meltano run`` in the environment ``sandbox`` says how the sandbox is started."""
    project = make_project()
    project.crm.run(INSERT)
    port = free_port()
    project.settings |= {
        "TARGET_REPLY_TASKS_API_URL": f"http://127.0.0.1:{port}/v3",
        "TARGET_REPLY_TASKS_MAX_RETRIES": "0",
    }
    said = project.meltano("run", *WRITE_BACK, code=1)
    assert f"start it with `reply-tasks sandbox --port {port}`" in said
    assert project.operations() == []


def test_testing_the_tap(make_project: Callable[..., Project]) -> None:
    """The tap is valid once there is something in the ledger, and the test asks Reply nothing."""
    project = make_project()
    project.crm.run(INSERT)
    project.meltano("run", *WRITE_BACK)
    before = len(project.sandbox.calls())
    said = project.meltano("--environment=sandbox", "config", "test", "tap-reply-tasks")
    assert "Plugin configuration is valid" in said
    assert len(project.sandbox.calls()) == before


def test_jobs_and_schedules(make_project: Callable[..., Project]) -> None:
    """Every job can be planned, and each schedule runs one of them."""
    project = make_project()
    planned = project.meltano("run", "--dry-run", "write-back", "warehouse")
    assert "tap-postgres" in planned
    jobs = project.meltano("job", "list")
    schedules = project.meltano("schedule", "list")
    for name in ("write-back", "warehouse"):
        assert name in jobs
        assert name in schedules


def test_every_environment_compiles(make_project: Callable[..., Project]) -> None:
    """Meltano accepts every plugin and setting of the project in each environment."""
    project = make_project()
    project.settings |= {"REPLY_API_KEY": "key", "REPLY_TASKS_LEDGER_URL": "sqlite:///ledger.db"}
    for environment in ("sandbox", "staging", "prod"):
        printed = project.meltano(
            f"--environment={environment}", "config", "print", "target-reply-tasks"
        )
        assert f'"dry_run": {str(environment == "staging").lower()}' in printed
