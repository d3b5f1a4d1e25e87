"""What the tests of ``resolve`` share: the command, and what it finds left open."""

from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner, Result
from messages import BODY, execution
from target_runs import KEY, Stage

from reply_tasks.cli import main
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.sandbox import Endpoint, FaultKind

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def resolve(stage: Stage, *arguments: str, **env: str) -> Result:
    """Run the command with the stage's ledger, sandbox and key in the environment."""
    variables = {
        "REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"],
        "REPLY_TASKS_API_URL": stage.sandbox.url,
        "REPLY_TASKS_API_KEY": KEY,
        "REPLY_TASKS_API_DIALECT": "preview",
    }
    result = CliRunner().invoke(main, ["resolve", *arguments], env={**variables, **env})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def uncertain(stage: Stage, task_id: int = 1) -> str:
    """An execution that a run settled as uncertain; its operation's id."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=task_id)
    stage.run(execution(task_id), on_lost_answer="hold")
    row = stage.fate()
    assert row["outcome"] == "uncertain"
    operation_id: str = row["operation_id"]
    return operation_id


def finished(stage: Stage, task_id: int = 1, **members: Any) -> None:
    """Let the task be finished now, as an execution does it."""
    stage.sandbox.edit_task(
        task_id, status=TaskStatus.FINISHED, finished_at=datetime.now(UTC), **members
    )


WHOLE = {**BODY, "taskType": 2}
