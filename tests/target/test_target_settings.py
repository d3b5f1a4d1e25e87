"""Where the target's settings come from: files, the environment, a flag; and what is refused."""

from typing import Any

import pytest
from messages import execution
from target_runs import Stage

from reply_tasks.sandbox import Endpoint
from reply_tasks.settings import merged

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

PREFIX = "TARGET_REPLY_TASKS_"


@pytest.mark.parametrize(
    ("variables", "settings"),
    [
        ({"DRY_RUN": "yes"}, {"dry_run": False}),
        ({"DRY_RUN": "false"}, {"dry_run": True}),
    ],
)
def test_a_dry_run_that_anybody_asked_for_sends_nothing(
    stage: Stage, variables: dict[str, str], settings: dict[str, Any]
) -> None:
    """Whether the environment or the file asks for it, the other can't take it back."""
    stage.sandbox.create_task(1)
    env = {f"{PREFIX}{name}": text for name, text in variables.items()}
    ended = stage.script(execution(1), env=env, **settings)
    assert ended.exit_code == 0
    assert "Dry run" in ended.last_line
    assert stage.sandbox.outbox == []


def test_the_flag_makes_a_dry_run(stage: Stage) -> None:
    """``--dry-run`` beside a config file calls nothing and writes nothing."""
    stage.sandbox.create_task(1)
    ended = stage.script(execution(1), words=["--dry-run"])
    assert "Dry run" in ended.last_line
    assert stage.sandbox.calls_of(Endpoint.EXECUTE) == []


def test_variables_count_beside_a_file_which_wins(stage: Stage) -> None:
    """A setting that only the environment gives is used; one that both give is the file's."""
    env = {f"{PREFIX}DEFAULT_OPERATION": "execute", f"{PREFIX}API_KEY": "of-the-environment"}
    stage.sandbox.create_task(1)
    messages = [
        {"type": "SCHEMA", "stream": "mails", "schema": {"properties": {"id": {}}}},
        {"type": "RECORD", "stream": "mails", "record": {"id": 1}},
    ]
    messages[0]["key_properties"] = []
    assert stage.script(*messages, env=env).exit_code == 0
    assert stage.fates() == [(1, "applied", None)]


def test_variables_that_can_not_be_meant_stop_the_run(stage: Stage) -> None:
    """Each is named, with what it may mean, before any call."""
    wrong = {"DRYRUN": "true", "ZZZ": "1", "STREAM_MAPS": "[1]"}
    ended = stage.script(execution(1), env={f"{PREFIX}{name}": wrong[name] for name in wrong})
    assert ended.exit_code == 1
    assert f"{PREFIX}DRYRUN is not a setting; did you mean {PREFIX}DRY_RUN?" in ended.log
    assert f"{PREFIX}ZZZ is not a setting; --about lists those that are." in ended.log
    assert f"{PREFIX}STREAM_MAPS must be a JSON object." in ended.log
    assert "Traceback" not in ended.log
    assert stage.sandbox.calls == []


def test_a_dry_run_that_can_not_be_read_stops_the_run(stage: Stage) -> None:
    """The file's ``false`` does not hide a variable that may have meant yes."""
    ended = stage.script(execution(1), env={f"{PREFIX}DRY_RUN": "perhaps"}, dry_run=False)
    assert ended.exit_code == 1
    assert "dry_run must be true or false." in ended.log


def test_variables_of_the_sdk_and_of_meltano_are_known(stage: Stage) -> None:
    """The log level, Meltano's extras and what it makes of a nested setting stop nobody."""
    names = (
        "LOGLEVEL",
        "_SELECT",
        "STREAM_MAPS_TASKS___ALIAS__",
        "EMAILS_API_KEY",
        "EMAILS__DIALECT",
        "EMAILS_STREAM_MAPS_A_B",
    )
    env = {"MELTANO_PROJECT_ROOT": "/", **{f"{PREFIX}{name}": "info" for name in names}}
    ended = stage.script(env=env)
    assert ended.exit_code == 0, ended.log


def test_one_file_serves_target_tap_and_commands(stage: Stage) -> None:
    """A setting of the tap is accepted by the target, and checked."""
    assert stage.run(page_size=10, include_content=False).exit_code == 0
    ended = stage.run(page_size=0)
    assert ended.exit_code == 1
    assert "page_size must be between 1 and 1000, not 0." in ended.log


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "The config file {path} can't be read: No such file or directory."),
        (
            '{"api_key": s3cr3t}',
            "{path} is not JSON: Expecting value, line 1, column 13.",
        ),
        ('["s3cr3t"]', "The config file {path} must hold one JSON object of settings."),
    ],
)
def test_a_broken_config_file_is_one_line(stage: Stage, text: str | None, line: str) -> None:
    """It names the file and the place, and shows nothing of what is in it."""
    path = stage.folder / "broken.json"
    if text is not None:
        path.write_text(text)
    ended = stage.script(config=str(path))
    assert ended.exit_code == 1
    assert ended.log.count("\n") == 1
    assert ended.last_line.endswith(line.format(path=path))


def test_a_later_source_wins_save_for_a_dry_run() -> None:
    """Configs are laid over each other; null wins only where it means something."""
    config = merged(
        {"dry_run": True, "timezone": "UTC", "requests_per_hour": 100, "concurrency": 2},
        {"dry_run": False, "timezone": "", "requests_per_hour": None, "concurrency": 3},
    )
    assert config == {
        "dry_run": True,
        "timezone": "UTC",
        "requests_per_hour": None,
        "concurrency": 3,
    }
