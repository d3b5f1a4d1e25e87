"""The console scripts as their users start them: each in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from target_runs import Stage

SCRIPTS = Path(sys.executable).parent
#: Seconds that a script may take to its end.
PATIENCE = 60


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of ours, and ``more``."""
    return {name: value for name, value in os.environ.items() if "REPLY_TASKS" not in name} | more


def run_script(
    name: str,
    *arguments: str | Path,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
    source: IO[str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a console script to its end.

    Args:
        name: Which one.
        arguments: Its command line.
        folder: Where it runs.
        env: More variables than the environment's own.
        given: Its standard input, as text.
        source: Its standard input, as a file.
    """
    return subprocess.run(
        [SCRIPTS / name, *arguments],
        env=environment(**(env or {})),
        cwd=folder,
        stdin=source,
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run_command(
    stage: "Stage", *arguments: str, env: Mapping[str, str] | None = None, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run ``reply-tasks`` in a stage's folder; the ledger is named by the environment, no key is.

    Args:
        stage: Where the ledger is.
        arguments: The command and what follows it.
        env: More variables.
        given: Its standard input.
    """
    variables = {"REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"], **(env or {})}
    return run_script("reply-tasks", *arguments, folder=stage.folder, env=variables, given=given)
