"""The operator's command line: what every command promises."""

from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reply_tasks.cli import COMMANDS, main
from reply_tasks.commands.options import json_option, settings_options
from reply_tasks.settings import CommonSettings


@click.command()
@json_option
@settings_options()
def probe(*, as_json: bool, settings: CommonSettings) -> None:
    """Print what a command gets."""
    click.echo(f"{settings.ledger_url} {as_json}")


def test_help_lists_every_command_with_an_example() -> None:
    """``reply-tasks --help`` names each command, says what it does, and shows an example."""
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    listed = result.output.split("Commands:")[1].split("Example:")[0]
    assert [line.split()[0] for line in listed.strip().splitlines()] == list(COMMANDS)
    assert all(len(line.split()) > 3 for line in listed.strip().splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_helps_with_an_example(name: str) -> None:
    """Every command has ``--help`` that ends in an example of its use."""
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"reply-tasks {name}" in result.output.split("Example:")[1]


def test_an_unknown_command_is_a_usage_error() -> None:
    """A command that does not exist is refused with exit code 2, and named."""
    result = CliRunner().invoke(main, ["sandbax"])
    assert result.exit_code == 2
    assert "sandbax" in result.output


def test_version_is_the_distribution_s() -> None:
    """``--version`` prints the version of the installed distribution."""
    result = CliRunner().invoke(main, ["--version"])
    assert result.output.strip() == f"reply-tasks, version {version('reply-tasks')}"


def test_the_ledger_is_named_by_option_file_environment_or_default(tmp_path: Path) -> None:
    """``--ledger-url`` wins over the config file, that over the environment, that over the default.

    The file may be the one of a plugin, with settings that mean nothing to a command.
    """
    variable = {"REPLY_TASKS_LEDGER_URL": "sqlite:///from-env.db"}
    run = CliRunner().invoke
    assert run(probe, []).output == "sqlite:///reply_tasks.db False\n"
    assert run(probe, ["--json"], env=variable).output == "sqlite:///from-env.db True\n"
    file = tmp_path / "config.json"
    file.write_text(
        '{"ledger_url": "sqlite:///from-file.db", "update_mode": "merge", "page_size": 10,'
        ' "stream_maps": {}}'
    )
    config = ["--config", str(file)]
    assert run(probe, config, env=variable).output == "sqlite:///from-file.db False\n"
    given = [*config, "--ledger-url", "postgresql://u:pw@h/d"]
    assert run(probe, given, env=variable).output == "postgresql+psycopg://u:pw@h/d False\n"


def test_a_wrong_ledger_url_is_refused_without_quoting_it() -> None:
    """A ledger URL may hold a password, so the error says what is needed and repeats nothing."""
    result = CliRunner().invoke(probe, ["--ledger-url", "mysql://ada:s3cr3t@host/d"])
    assert result.exit_code == 1
    assert "SQLite or PostgreSQL" in result.output
    assert "s3cr3t" not in result.output


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (None, "can't be read: No such file or directory"),
        ('{"ledger_url": "s3cr3t"', "is not JSON: Expecting ',' delimiter, line 1, column 24"),
        ('["s3cr3t"]', "must hold one JSON object"),
        ('{"ledgr_url": "s3cr3t"}', "'ledgr_url' is not a setting; did you mean ledger_url?"),
    ],
)
def test_a_config_file_that_can_not_be_used_is_one_line(
    tmp_path: Path, text: str | None, place: str
) -> None:
    """It ends a command with exit code 1, names file and place, and quotes nothing."""
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    result = CliRunner().invoke(probe, ["--config", str(file)])
    assert result.exit_code == 1
    assert place in result.output
    assert len(result.output.splitlines()) == 1
    assert "s3cr3t" not in result.output
