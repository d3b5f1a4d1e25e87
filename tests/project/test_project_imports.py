"""Starting: a command imports what it uses: a scheduler or a scraper starts it all day."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from console_script import SCRIPTS, environment

from reply_tasks.ledger import open_engine

#: What validates, calls Reply, or reads Singer; each costs as much as a command's own work.
VALIDATES = {"jsonschema", "msgspec", "referencing"}
CALLS = {"charset_normalizer", "httptools", "requests", "urllib3"}
SINGER = {"fsspec", "joblib", "jsonpath_ng", "psutil", "singer_sdk"}
NEVER = {"pendulum", "psycopg", "pytest", "starlette", "target_reply_tasks", "tap_reply_tasks"}
READS_THE_LEDGER = VALIDATES | CALLS | SINGER | NEVER

_IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)


def imported(script: str, *arguments: str, folder: Path, given: str = "") -> set[str]:
    """The top-level packages that a console script imports from its start to its end."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", SCRIPTS / script, *arguments],
        cwd=folder,
        env={**environment(), "REPLY_TASKS_LEDGER_URL": "sqlite:///ledger.db"},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {name.partition(".")[0] for name in _IMPORTED.findall(done.stderr)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an empty ledger."""
    open_engine(f"sqlite:///{tmp_path / 'ledger.db'}").dispose()
    return tmp_path


def test_status_imports_no_client_no_validator_and_no_sdk(folder: Path) -> None:
    """What a scraper starts every minute imports the ledger, and nothing that it does not use."""
    found = imported("reply-tasks", "status", folder=folder)
    assert "sqlalchemy" in found
    assert not found & READS_THE_LEDGER


@pytest.mark.e2e
@pytest.mark.parametrize(
    "words",
    [
        ("status", "--format", "prometheus"),
        ("rejected",),
        ("held",),
        ("approve", "--all", "--yes"),
        ("prune", "--older-than", "90d", "--dry-run"),
        ("links",),
    ],
    ids=" ".join,
)
def test_a_command_on_the_ledger_imports_no_client(words: tuple[str, ...], folder: Path) -> None:
    """Nothing is called and nothing is validated: neither is imported."""
    assert not imported("reply-tasks", *words, folder=folder) & READS_THE_LEDGER


@pytest.mark.e2e
@pytest.mark.parametrize("words", [("sandbox", "--help"), ("init",)], ids=" ".join)
def test_a_command_without_a_ledger_imports_no_database(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """Writing a first config opens nothing: not even SQLAlchemy is imported."""
    found = imported("reply-tasks", *words, folder=tmp_path)
    assert not found & (READS_THE_LEDGER | {"sqlalchemy"})


@pytest.mark.e2e
@pytest.mark.parametrize("script", ["target-reply-tasks", "tap-reply-tasks"])
def test_a_plugin_imports_nothing_that_only_some_runs_need(script: str, tmp_path: Path) -> None:
    """``--about`` imports the SDK, but no database, no BATCH files, and not the other plugin."""
    other = {"target-reply-tasks": "tap_reply_tasks", "tap-reply-tasks": "target_reply_tasks"}
    found = imported(script, "--about", folder=tmp_path)
    assert "singer_sdk" in found
    assert not found & {"pendulum", "psycopg", "rich", "sqlalchemy", "starlette", other[script]}
    assert not found & {"fsspec", "joblib", "psutil", "upath"}
