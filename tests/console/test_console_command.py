"""``reply-tasks console`` as it is started: what it prints, logs, keeps and refuses."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from console_script import SCRIPTS, environment, run_command
from console_world import hold, words
from target_runs import KEY, Stage

from reply_tasks.cli import main
from reply_tasks.console import command


@contextmanager
def started(stage: Stage, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The command with a config file, and the address that it prints."""
    config = stage.folder / "config.json"
    config.write_text(json.dumps(stage.settings))
    process = subprocess.Popen(
        [SCRIPTS / "reply-tasks", "console", "--config", config, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        yield address, process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_an_address_that_opens_it_and_ends_when_told(
    stage: Stage, number: signal.Signals
) -> None:
    """The token is in the address and nowhere in the log; the key is not in the process's hands."""
    hold(stage, {1: "Hi Ada."})
    with started(stage) as (address, process):
        with requests.Session() as session:
            page = session.get(address.replace("/?", "/held?"), timeout=30)
        assert "Hi Ada." in words(page)
        assert page.url.endswith("/held")
        assert requests.get(address.partition("?")[0], timeout=30).status_code == 401
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
    assert "GET /held 303" in log
    assert address.partition("token=")[2] not in log
    assert "Traceback" not in log
    assert KEY not in log
    assert not stage.sandbox.calls


def test_what_is_missing_is_named_with_its_cure(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, one line says what to install."""
    monkeypatch.setattr(command, "_EXTRA", ("jinja2", "no_such_module"))
    for words_typed in (["console"], ["report", "--output", str(stage.folder / "x.html")]):
        ended = CliRunner().invoke(main, words_typed)
        assert ended.exit_code == 1
        assert "pip install 'reply-tasks[console]'" in ended.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--preview",), "--preview needs a key"),
        (("--preview", "--read-only", "--api-key", "k"), "does not go with --read-only"),
        (("--port", "0"), "There is no ledger"),
    ],
)
def test_what_can_not_be_served_is_one_line(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """Before anything is served."""
    variables = {"REPLY_TASKS_LEDGER_URL": f"sqlite:///{tmp_path / 'none.db'}"}
    ended = CliRunner().invoke(main, ["console", *options], env=variables)
    assert ended.exit_code in {1, 2}
    assert says in ended.output
    assert not [*tmp_path.iterdir()]


def test_a_port_that_is_taken_is_one_line(stage: Stage) -> None:
    """It says how to take another."""
    stage.run()
    taken = str(stage.sandbox.port)
    ended = run_command(stage, "console", "--port", taken)
    assert ended.returncode == 1
    assert "--port" in ended.stderr
