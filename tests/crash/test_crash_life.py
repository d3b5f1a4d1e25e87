"""Creations, completions, assignments and deletions in runs that are killed at any moment.

The seeds and times are those of ``test_crash_kill``.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from crash_ledgers import postgres_ledger, sqlite_ledger
from crash_life import LifeWorld, lives, lose_some_answers_of_lives
from crash_nursery import Nursery
from crash_steps import NAMED, STEPS
from crash_world import torture

from reply_tasks.sandbox import SandboxServer

SECONDS = float(os.environ.get("REPLY_TASKS_LONG_CRASH_SECONDS", "40"))
#: Fewer deaths than this prove too little, however slow the machine.
FEWEST_KILLS = 20

Ledgers = Callable[[int], AbstractContextManager[str]]


@pytest.mark.e2e
@pytest.mark.parametrize("step", STEPS)
def test_a_death_at_a_step_of_a_life_is_made_good(
    step: str, nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """Killed the first and the fourth time it comes to a step, then run to the end."""
    chance = random.Random(step)  # noqa: S311 - cases, no secrets
    with (
        sqlite_ledger(quick_folder, 0) as ledger_url,
        LifeWorld.open(
            server,
            nursery,
            quick_folder,
            ledger_url,
            lives(chance, keys=7),
            concurrency=3,
            create_missing=True,
        ) as world,
    ):
        for nth in (1, 4):
            if step not in NAMED:  # what comes after a crash is met after one only
                world.run(step="after an execution's send", nth=1)
            world.run(step=step, nth=nth)
        assert world.kills >= 1
        world.to_the_end()


def _at_random_moments(
    nursery: Nursery, server: SandboxServer, folder: Path, ledgers: Ledgers, lost: str
) -> None:
    """Draw cases until the time is up."""
    seed = int(os.environ.get("REPLY_TASKS_CRASH_SEED", time.time_ns() % 1_000_000))
    deadline = time.monotonic() + SECONDS / 4
    kills = case = 0
    while time.monotonic() < deadline or kills < FEWEST_KILLS:
        chance = random.Random(seed + case)  # noqa: S311 - cases, no secrets
        try:
            kills += _one_case(chance, (server, nursery, folder), ledgers(case), lost)
        except BaseException as error:
            error.add_note(f"To repeat it: REPLY_TASKS_CRASH_SEED={seed + case}")
            raise
        case += 1
    print(f"{kills} deaths in {case} cases from seed {seed}")  # noqa: T201 - for pytest -rP


def _one_case(
    chance: random.Random,
    given: tuple[SandboxServer, Nursery, Path],
    ledger: AbstractContextManager[str],
    lost: str,
) -> int:
    with (
        ledger as ledger_url,
        LifeWorld.open(
            *given,
            ledger_url,
            lives(chance, keys=chance.randint(3, 12)),
            concurrency=chance.randint(1, 8),
            create_missing=True,
            on_lost_answer=lost,
        ) as world,
    ):
        world.ahead = chance.choice((0.0, 0.0, 300.0, -300.0))
        if chance.random() < 0.5:
            lose_some_answers_of_lives(world.server, chance)
        torture(world, chance, kills=chance.randint(3, 12))
        return world.kills


@pytest.mark.e2e
@pytest.mark.parametrize("lost", ["verify", "hold"])
def test_many_deaths_of_lives_on_a_ledger_file_are_made_good(
    lost: str, nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """Whenever and wherever: nothing is made, completed or deleted twice, nothing is missing."""
    _at_random_moments(
        nursery, server, quick_folder, lambda case: sqlite_ledger(quick_folder, case), lost
    )


@pytest.mark.e2e
@pytest.mark.parametrize("lost", ["verify", "hold"])
def test_many_deaths_of_lives_on_a_shared_ledger_are_made_good(
    lost: str, nursery: Nursery, server: SandboxServer, quick_folder: Path, postgres_url: str
) -> None:
    """The same on PostgreSQL, whose server outlives the dead."""
    _at_random_moments(nursery, server, quick_folder, lambda _: postgres_ledger(postgres_url), lost)
