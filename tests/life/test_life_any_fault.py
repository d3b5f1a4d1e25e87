"""Odd records and faults in any mix: the run ends in order, and nothing is done twice or lost."""

import random
from collections import Counter
from typing import Any

import pytest
from life_records import HEADS, NEW
from messages import Message, record
from target_runs import Stage

from reply_tasks.sandbox import EffectKind, FaultKind, When

STREAMS = (*(head["stream"] for head in HEADS), "task_updates", "task_executions")
#: What a certain refusal is, Reply gives before it does anything.
_REFUSALS = frozenset({"401", "403", "404", "405", "415", "429"})
_KINDS = [kind for kind in FaultKind if kind not in {FaultKind.STALL, FaultKind.LATENCY}]
_ODD: dict[str, tuple[Any, ...]] = {
    "externalId": ("", 0, "7", 7.5, 2**63, "x" * 256, "a\0b", [1], "null"),
    "id": (None, 0, "7", 7, 2**70, {"a": 1}),
    "contactEmail": ("ada@example.com", "@", "a@b@c", 7),
    "contactId": (None, 1001, "1001", -1),
    "userId": (1, 2, "2", 99, True),
    "assignedUserEmail": ("second@example.com", "nobody@example.com"),
    "callResolution": (0, "2", 7),
    "deleteSequenceTask": (True, "yes"),
    "actAsUserId": (1, 2, 77),
}


def _any_record(chance: random.Random) -> Message:
    stream = chance.choice(STREAMS)
    whole = NEW if stream in {"task_creations", "task_updates"} else {}
    members: dict[str, Any] = {**whole, "externalId": chance.choice(["a", "b", 7])}
    for name in chance.sample(sorted(_ODD), chance.randint(0, 2)):
        members[name] = chance.choice(_ODD[name])
    return record(stream, members)


def _any_fault(stage: Stage, chance: random.Random) -> None:
    kind = chance.choice(_KINDS)
    when = When.BEFORE if kind.value in _REFUSALS else chance.choice(list(When))
    wait: dict[str, Any] = {"retry_after": 0} if kind is FaultKind.TOO_MANY_REQUESTS else {}
    nth, times = chance.randint(1, 12), chance.randint(1, 3)
    stage.sandbox.fault(kind, when=when, nth=nth, times=times, **wait)


@pytest.mark.e2e
@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_nothing_is_done_twice_or_lost(seed: int, stage: Stage) -> None:
    """A run among faults, then one without: each record ends, and what was made has its key."""
    chance = random.Random(seed)  # noqa: S311 - cases, no secrets
    stage.sandbox.create_task(7)
    stage.sandbox.create_contact(1001, email="ada@example.com")
    records = [_any_record(chance) for _ in range(40)]
    for _ in range(5):
        _any_fault(stage, chance)
    settings: dict[str, Any] = {"create_missing": bool(seed % 2), "keep_repeats": True}
    first = stage.run(*HEADS, *records, max_retries=2, **settings)
    stage.sandbox.faults.clear()
    last = stage.run(*HEADS, *records, **settings)
    assert first.exit_code in {0, 1, 2}
    assert last.exit_code in {0, 2}, last.log
    assert (stage.claims(), "Traceback" in first.log + last.log) == ([], False)
    run_id = stage.runs()[-1]["run_id"]
    assert sum(row["run_id"] == run_id for row in stage.operations()) >= len(records)
    for kind in (EffectKind.COMPLETED, EffectKind.DELETED):
        done = Counter(effect.task.id for effect in stage.sandbox.effects_of(kind))
        assert set(done.values()) <= {1}
    creations = [row for row in stage.operations() if row["operation"] == "create"]
    applied = [row["task_id"] for row in creations if row["outcome"] == "applied"]
    uncertain = [row for row in creations if row["outcome"] == "uncertain" and row["claimed_at"]]
    made = {effect.task.id for effect in stage.sandbox.effects_of(EffectKind.CREATED)}
    assert len(set(applied)) == len(applied)
    assert len(made - set(applied)) <= len(uncertain)
