"""Deaths with slow answers, take-overs while a dead run's call is in the air, set clocks."""

import os
import random
import time
from pathlib import Path

import pytest
from crash_input import made_up
from crash_ledgers import sqlite_ledger
from crash_nursery import Nursery
from crash_world import World

from reply_tasks.sandbox import Endpoint, FaultKind, SandboxServer, When

SECONDS = float(os.environ.get("REPLY_TASKS_LATE_CRASH_SECONDS", "40"))
#: A call takes effect at most so many seconds after its connection is gone; a run waits longer.
LATEST, SETTLE = 0.5, 2
#: Where a death leaves a call in the air.
IN_THE_AIR = ("after the send", "after an execution's send")
#: By how many seconds a run's clock is ahead of Reply's.
SET_CLOCKS = (0, 0, -3600, -300, 300, 3600)


@pytest.mark.e2e
def test_slow_answers_early_takeovers_and_set_clocks_change_nothing(
    nursery: Nursery, quick_folder: Path
) -> None:
    """The next run begins while the call is in the air, and reads another time of day."""
    seed = int(os.environ.get("REPLY_TASKS_CRASH_SEED", time.time_ns() % 1_000_000))
    deadline = time.monotonic() + SECONDS
    kills = case = 0
    with SandboxServer(requests_per_minute=None, requests_per_hour=None) as server:
        while time.monotonic() < deadline or kills < 6:
            chance = random.Random(seed + case)  # noqa: S311 - cases, no secrets
            records = made_up(chance, count=chance.randint(8, 16), tasks=chance.randint(3, 9))
            with (
                sqlite_ledger(quick_folder, case) as ledger_url,
                World.open(
                    server, nursery, quick_folder, ledger_url, records, settle_seconds=SETTLE
                ) as world,
            ):
                try:
                    _torture(world, chance, kills=chance.randint(2, 4))
                except BaseException as error:
                    error.add_note(f"To repeat it: REPLY_TASKS_CRASH_SEED={seed + case}")
                    raise
                kills += world.kills
            case += 1
    print(f"{kills} deaths in {case} cases from seed {seed}")  # noqa: T201 - for pytest -rP


def _torture(world: World, chance: random.Random, kills: int) -> None:
    world.rests = False
    for _ in range(kills):
        for endpoint in (Endpoint.EXECUTE, Endpoint.UPDATE):
            world.server.fault(
                FaultKind.LATENCY,
                endpoint=endpoint,
                nth=chance.choice((1, 1, 2)),
                when=When.BEFORE,
                seconds=chance.uniform(0.05, LATEST),
            )
        world.ahead = chance.choice(SET_CLOCKS)
        world.run(step=chance.choice(IN_THE_AIR), nth=chance.choice((1, 1, 2)))
        world.state = 0
    world.ahead = chance.choice(SET_CLOCKS)
    world.to_the_end()
