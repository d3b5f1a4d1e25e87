"""``reply-tasks`` as its users start it: the console script, in a process of its own."""

import subprocess
from collections.abc import Mapping

from target_runs import SCRIPTS, Stage, environment


def run_command(
    stage: Stage,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    given: str = "",
) -> "subprocess.CompletedProcess[str]":
    """Run a command in the stage's folder; the ledger is named by the environment, the key is not.

    Args:
        stage: Where the ledger is.
        arguments: The command and what follows it.
        env: More variables.
        given: Its standard input.
    """
    return subprocess.run(
        [SCRIPTS / "reply-tasks", *arguments],
        env={
            **environment(),
            "REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"],
            **(env or {}),
        },
        cwd=stage.folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
