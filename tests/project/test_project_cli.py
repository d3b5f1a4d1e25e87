"""The operator's command line: what every command promises."""

from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from reply_tasks.cli import COMMANDS, main
from reply_tasks.commands.options import json_option, ledger_url_option


@click.command()
@ledger_url_option
@json_option
def probe(*, ledger_url: str, as_json: bool) -> None:
    """Print what a command gets."""
    click.echo(f"{ledger_url} {as_json}")


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


def test_the_ledger_is_named_by_option_environment_or_default() -> None:
    """``--ledger-url`` wins over the environment, which wins over the default file."""
    variable = {"REPLY_TASKS_LEDGER_URL": "sqlite:///from-env.db"}
    run = CliRunner().invoke
    assert run(probe, []).output == "sqlite:///reply_tasks.db False\n"
    assert run(probe, ["--json"], env=variable).output == "sqlite:///from-env.db True\n"
    given = ["--ledger-url", "postgresql://u:pw@h/d"]
    assert run(probe, given, env=variable).output == "postgresql+psycopg://u:pw@h/d False\n"


def test_a_wrong_ledger_url_is_refused_without_quoting_it() -> None:
    """A ledger URL may hold a password, so the error says what is needed and repeats nothing."""
    result = CliRunner().invoke(probe, ["--ledger-url", "mysql://ada:s3cr3t@host/d"])
    assert result.exit_code == 2
    assert "SQLite or PostgreSQL" in result.output
    assert "s3cr3t" not in result.output
