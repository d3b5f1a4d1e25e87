"""What a person approved is sent once, whenever a run dies, and whoever else sends beside it."""

import os
import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from crash_approval import ApprovalWorld
from crash_input import Records, lose_some_answers, made_up, name_of
from crash_ledgers import postgres_ledger, sqlite_ledger
from crash_nursery import Nursery
from crash_sides import Side, rows_of, wait_for_runs, wait_until
from crash_steps import STEPS
from crash_world import REPLAY, RESUME

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.database import writing
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.approval import ApprovalResult, approve_as_shown, decline_held, what_waits
from reply_tasks.sandbox import Endpoint, SandboxServer
from target_reply_tasks.steps import Step

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

SECONDS = float(os.environ.get("REPLY_TASKS_LONG_CRASH_SECONDS", "60"))
#: The steps that an approved execution passes.
ON_ITS_WAY = (
    str(Step.CLAIMING),
    str(Step.CLAIMED),
    str(Step.HANDING_OUT),
    "before the send",
    "after an execution's send",
    "after the answer",
    str(Step.SETTLING),
    str(Step.SETTLED),
)


def executions(count: int) -> Records:
    """One of each task."""
    return [
        {
            "externalId": name_of(index),
            "id": index + 1,
            "operation": "execute",
            "content": {"subject": "S", "body": f"Sent by {index}"},
        }
        for index in range(count)
    ]


@pytest.mark.parametrize("step", ON_ITS_WAY)
def test_a_death_while_an_approved_execution_is_sent_is_made_good(
    step: str, nursery: Nursery, server: SandboxServer, quick_folder: Path
) -> None:
    """The next run sends it if it has not left, and knows it if it has."""
    with (
        sqlite_ledger(quick_folder, 0) as ledger_url,
        ApprovalWorld.open(
            server, nursery, quick_folder, ledger_url, executions(4), concurrency=2
        ) as world,
    ):
        world.run()
        assert server.calls == []
        world.say_yes(random.Random(step), share=0.7)  # noqa: S311 - cases, no secrets
        assert world.approved
        world.run(step=step)
        world.nothing_went_out_unasked()
        assert world.kills == 1
        world.to_the_end()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_deaths_at_random_moments_use_each_yes_once(
    database: str,
    nursery: Nursery,
    server: SandboxServer,
    quick_folder: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Killed again and again, with a person who says yes and no in between."""
    seed = int(os.environ.get("REPLY_TASKS_CRASH_SEED", time.time_ns() % 1_000_000))
    deadline = time.monotonic() + SECONDS / 2
    kills = case = 0
    while time.monotonic() < deadline or kills < 20:
        chance = random.Random(seed + case)  # noqa: S311 - cases, no secrets
        records = made_up(chance, count=chance.randint(8, 24), tasks=chance.randint(3, 12))
        ledger = (
            sqlite_ledger(quick_folder, case)
            if database == "sqlite"
            else postgres_ledger(request.getfixturevalue("postgres_url"))
        )
        with (
            ledger as ledger_url,
            ApprovalWorld.open(
                server, nursery, quick_folder, ledger_url, records, concurrency=4
            ) as world,
        ):
            try:
                _torture(world, chance, kills=chance.randint(3, 8))
            except BaseException as error:
                error.add_note(f"To repeat it: REPLY_TASKS_CRASH_SEED={seed + case}")
                raise
            kills += world.kills
        case += 1


def _torture(world: ApprovalWorld, chance: random.Random, kills: int) -> None:
    if chance.random() < 0.5:
        lose_some_answers(world.server, chance)
    for _ in range(kills):
        start = chance.choice((RESUME, RESUME, REPLAY))
        step = chance.choice(ON_ITS_WAY if chance.random() < 0.7 else STEPS)
        seen = world.run(start, step=step, nth=chance.choice((1, 1, 2, 3)))
        if not seen.ending.killed:
            world.state = 0
        world.nothing_went_out_unasked()
        world.say_yes(chance, share=0.6)
        world.say_no(chance, share=0.15)
    world.to_the_end()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_runs_side_by_side_use_each_yes_once(
    database: str, tmp_path: Path, server: SandboxServer, request: pytest.FixtureRequest
) -> None:
    """Both find the same 60 approved; a no that comes meanwhile either stops one or is too late."""
    url: str = (
        f"sqlite:///{tmp_path}/ledger.db"
        if database == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    ids = [server.create_task().id for _ in range(60)]
    engine = open_engine(url)
    with Side(tmp_path / "reads", server, url, executions_without_approval=0) as reads:
        for task_id in ids:
            reads.sends(task_id, f"Text {task_id}")
        reads.end()
    assert server.calls == []
    with writing(engine) as connection:
        shown = what_waits(connection, held_operations(connection))
        digests = {each.operation_id: str(each.digest) for each in shown}
        approve_as_shown(connection, digests, by="ann", at=datetime.now(UTC))
    with (
        Side(tmp_path / "one", server, url, executions_without_approval=0) as one,
        Side(tmp_path / "two", server, url, executions_without_approval=0) as two,
    ):
        wait_for_runs(engine, 2)
        declined = set()
        for each in reversed(shown):
            with writing(engine) as connection:
                words = decline_held(
                    connection, [each.operation_id], why="", by="bob", at=datetime.now(UTC)
                )
            if words[each.operation_id] is ApprovalResult.TAKEN:
                declined.add(each.held.claim.entry.task_id)
            if len(declined) == 20:
                break
        wait_until(lambda: rows_of(engine, operations.c.outcome == Outcome.HELD) == [])
        one.end()
        two.end()
    assert Counter(each.task_id for each in server.outbox) == Counter(set(ids) - declined)
    assert len(server.calls_of(Endpoint.EXECUTE)) == len(ids) - len(declined)
    outcomes = Counter(row.outcome for row in rows_of(engine))
    assert outcomes[Outcome.APPLIED] == len(ids) - len(declined)
    assert outcomes[Outcome.REJECTED] == len(declined)
    engine.dispose()
