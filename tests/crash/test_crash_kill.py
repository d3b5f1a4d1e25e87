"""A run that is killed at any moment loses nothing, sends nothing twice and claims nothing ahead.

``REPLY_TASKS_CRASH_SEED`` repeats what a failure names; ``REPLY_TASKS_CRASH_SECONDS`` is for how
long cases are drawn by chance, ``REPLY_TASKS_LONG_CRASH_SECONDS`` in the end-to-end suite.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from crash_input import lose_some_answers, made_up
from crash_ledgers import postgres_ledger, sqlite_ledger
from crash_nursery import Nursery
from crash_steps import NAMED, STEPS
from crash_world import World, torture

from reply_tasks.sandbox import SandboxServer

SECONDS = float(os.environ.get("REPLY_TASKS_CRASH_SECONDS", "4"))
LONG_SECONDS = float(os.environ.get("REPLY_TASKS_LONG_CRASH_SECONDS", "40"))
#: Fewer deaths than this prove too little, however slow the machine.
FEWEST_KILLS = 20


@pytest.mark.parametrize("step", STEPS)
def test_a_death_at_a_step_is_made_good(
    step: str, nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """Killed the first, the second and the fifth time it comes to a step, then run to the end."""
    chance = random.Random(step)  # noqa: S311 - cases, no secrets
    records = made_up(chance, count=24, tasks=9)
    with (
        sqlite_ledger(quick_folder, 0) as ledger_url,
        World.open(server, nursery, quick_folder, ledger_url, records, concurrency=3) as world,
    ):
        for nth in (1, 2, 5):
            if step not in NAMED:  # what comes after a crash is met after one only
                world.run(step="after an execution's send", nth=1)
            world.run(step=step, nth=nth)
        assert world.kills >= (2 if step in NAMED else 1)
        world.to_the_end()


Ledgers = Callable[[int], AbstractContextManager[str]]


def _at_random_moments(
    nursery: Nursery, server: SandboxServer, folder: Path, ledgers: Ledgers, seconds: float
) -> None:
    """Draw cases until the time is up."""
    seed = int(os.environ.get("REPLY_TASKS_CRASH_SEED", time.time_ns() % 1_000_000))
    deadline = time.monotonic() + seconds
    kills = case = 0
    while time.monotonic() < deadline or kills < FEWEST_KILLS:
        chance = random.Random(seed + case)  # noqa: S311 - cases, no secrets
        try:
            kills += _one_case(chance, nursery, server, folder, ledgers(case))
        except BaseException as error:
            error.add_note(f"To repeat it: REPLY_TASKS_CRASH_SEED={seed + case}")
            raise
        case += 1
    print(f"{kills} deaths in {case} cases from seed {seed}")  # noqa: T201 - for pytest -rP


def _one_case(
    chance: random.Random,
    nursery: Nursery,
    server: SandboxServer,
    folder: Path,
    ledger: AbstractContextManager[str],
) -> int:
    records = made_up(chance, count=chance.randint(10, 40), tasks=chance.randint(3, 16))
    with (
        ledger as ledger_url,
        World.open(
            server,
            nursery,
            folder,
            ledger_url,
            records,
            concurrency=chance.randint(1, 8),
            update_mode=chance.choice(("replace", "replace", "merge")),
        ) as world,
    ):
        if chance.random() < 0.5:
            lose_some_answers(server, chance)
        torture(world, chance, kills=chance.randint(3, 12))
        return world.kills


def test_deaths_at_random_moments_are_made_good(
    nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """Killed again and again, whenever and wherever, it ends as if it had never been."""
    _at_random_moments(
        nursery, server, quick_folder, lambda case: sqlite_ledger(quick_folder, case), SECONDS
    )


@pytest.mark.e2e
def test_many_deaths_on_a_ledger_file_are_made_good(
    nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """The same for minutes."""
    _at_random_moments(
        nursery, server, quick_folder, lambda case: sqlite_ledger(quick_folder, case), LONG_SECONDS
    )


@pytest.mark.e2e
def test_many_deaths_on_a_shared_ledger_are_made_good(
    nursery: Nursery, server: SandboxServer, quick_folder: Path, postgres_url: str
) -> None:
    """The same on PostgreSQL, whose server outlives the dead."""
    _at_random_moments(
        nursery, server, quick_folder, lambda _: postgres_ledger(postgres_url), LONG_SECONDS
    )
