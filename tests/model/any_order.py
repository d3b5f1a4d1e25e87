"""Any order of events: a model's rules are played against one sandbox, and must hold throughout."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from crash_nursery import Nursery
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from target_runs import KEY, USERS

from reply_tasks.sandbox import SandboxServer, Task


def holds_in_any_order(
    model: type[RuleBasedStateMachine],
    home: Path,
    *,
    examples: int,
    steps: int,
    phases: Sequence[Phase],
    tasks: Iterable[Task] = (),
) -> None:
    """Play a model; the same orders each time, unless REPLY_TASKS_MODEL_ANEW is set."""
    with (
        Nursery() as nursery,
        SandboxServer(
            tasks=list(tasks),
            keys={KEY: USERS},
            requests_per_minute=None,
            requests_per_hour=None,
        ) as server,
    ):
        world: Any = type(
            "AnyOrder", (model,), {"nursery": nursery, "server": server, "home": home}
        )
        run_state_machine_as_test(
            world,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                phases=phases,
                deadline=None,
                database=None,
                derandomize="REPLY_TASKS_MODEL_ANEW" not in os.environ,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
