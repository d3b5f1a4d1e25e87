"""The fault matrix of a task's whole life: nothing is made, completed or deleted twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fault_rows import FAULTS, MORE_FAULTS, Certain, Forever, Found, Row, Strike
from life_rows import (
    COMPLETE,
    COMPLETION_FOUND,
    CREATE,
    DELETE,
    EFFECTS,
    LIFE_CERTAIN,
    LIFE_FOREVER,
    LIFE_GROUPS,
    LIFE_HALF_ANSWERS,
    LIFE_ROWS,
    WORDS,
)
from messages import BODY, Message, record, schema, state
from pipeline import Seen, new_stage, observe, sandbox, side_by_side
from target_runs import Stage

from reply_tasks.sandbox import FaultKind, SandboxServer, TaskMembers, When
from reply_tasks.sandbox.assumptions import Assumptions, DeletedTasks

GOOD = Seen(0, [{"records": 1}], [], None)
#: The one record of each operation.
RECORDS: dict[str, Message] = {
    "create": record("task_creations", {**BODY, "externalId": 1}),
    "complete": record("task_completions", {"id": 7, "externalId": 1, "callResolution": 0}),
    "assign": record("task_assignments", {"id": 7, "externalId": 1, "userId": 2}),
    "delete": record("task_deletions", {"id": 7, "externalId": 1}),
}


@dataclass(frozen=True)
class Became:
    """What became of the one record: the calls, and what they did to the world."""

    calls: str
    effects: int
    outcome: str
    reason: str | None = None
    read_back: bool = False
    attempts: int = 0


def operation_of(group: str) -> str:
    """``create`` of ``create, verify``."""
    return group.partition(",")[0]


def messages_of(group: str) -> list[Message]:
    """The record of a group and a STATE behind it."""
    message = RECORDS[operation_of(group)]
    return [schema(message["stream"]), message, state({"records": 1})]


def arm(server: SandboxServer, strikes: Iterable[Strike], kind: FaultKind, when: When) -> None:
    """Put a row's faults in force."""
    for strike in strikes:
        server.fault(
            strike.kind or kind,
            endpoint=strike.endpoint,
            nth=strike.nth,
            when=strike.when or when,
        )


def effects_on(server: SandboxServer, group: str) -> int:
    """How often the world was changed as the record asks."""
    return len(server.effects_of(EFFECTS[operation_of(group)]))


def words_of(server: SandboxServer) -> str:
    """Every call that reached the sandbox, in order."""
    return " ".join(WORDS[call.endpoint] for call in server.calls if call.endpoint is not None)


def became(stage: Stage, group: str) -> Became:
    """What became of the record."""
    (row,) = stage.operations()
    return Became(
        words_of(stage.sandbox),
        effects_on(stage.sandbox, group),
        row["outcome"],
        row["reason"],
        "Read back after a lost answer" in (row["detail"] or ""),
        row["api_calls"],
    )


def expected(row: Row) -> Became:
    """What a row of the matrix says."""
    calls = len(row.calls.split())
    return Became(row.calls, row.effects, row.outcome, None, row.read_back, calls)


def _check(rows: Iterable[Row], kinds: Iterable[FaultKind], folder: Path) -> None:
    cases = [(row, kind) for row in rows for kind in kinds]

    def run(number: int) -> tuple[Became, Seen, int]:
        row, kind = cases[number]
        with sandbox() as server:
            server.create_task(7)
            stage = new_stage(server, folder / str(number))
            arm(server, row.strikes, kind, row.when)
            seen = observe(stage, *messages_of(row.group), **LIFE_GROUPS[row.group])
            return became(stage, row.group), seen, len(stage.claims())

    results = side_by_side(run, range(len(cases)))
    found = {
        (row.group, row.place, row.when, kind): r
        for (row, kind), r in zip(cases, results, strict=True)
    }
    assert found == {
        (row.group, row.place, row.when, kind): (expected(row), GOOD, 0) for row, kind in cases
    }


def test_a_dropped_answer_has_its_row_s_consequences(quick_folder: Path) -> None:
    """One record, one fault: calls, effects in the world, outcome, STATE and no claim left."""
    _check(LIFE_ROWS, [FaultKind.DROP], quick_folder)


@pytest.mark.e2e
def test_every_other_fault_has_the_same_consequences(quick_folder: Path) -> None:
    """Stalled past request_timeout, 5xx, unreadable, truncated, empty, reset: all one."""
    kinds = {*FAULTS, *MORE_FAULTS} - {FaultKind.DROP}
    _check(LIFE_ROWS, sorted(kinds), quick_folder)


@pytest.mark.e2e
def test_an_answer_that_says_too_little_confirms_nothing(quick_folder: Path) -> None:
    """A 2xx that shows no effect, or an answer that refuses nothing, is a lost answer."""
    _check(LIFE_HALF_ANSWERS, [FaultKind.HOLLOW], quick_folder)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("group", ["create, verify", "complete, verify", "delete, verify"])
def test_a_redirect_stops_the_run_and_keeps_the_claim(
    group: str, when: When, quick_folder: Path
) -> None:
    """It may come after the effect: the next run looks before it sends again."""
    endpoint = {"create": CREATE, "complete": COMPLETE, "delete": DELETE}[operation_of(group)]
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.REDIRECT, endpoint=endpoint, when=when)
        seen = observe(stage, *messages_of(group))
        assert (seen.exit_code, seen.states, len(stage.claims())) == (1, [], 1)
        assert observe(stage, *messages_of(group)).exit_code == 0
        assert effects_on(server, group) == 1
        assert len(server.calls_of(endpoint)) == (1 if when is When.AFTER else 2)


@pytest.mark.e2e
def test_what_fails_forever_stops_the_run_or_is_uncertain(quick_folder: Path) -> None:
    """After the cause is gone, a rerun ends what was begun, and nothing is done twice."""

    def run(number: int) -> None:
        case = LIFE_FOREVER[number]
        with sandbox() as server:
            server.create_task(7)
            stage = new_stage(server, quick_folder / str(number))
            arm(server, case.strikes, FaultKind.DROP, case.when)
            server.fault(FaultKind.DROP, endpoint=case.endpoint, times=None, when=case.when)
            _check_forever(stage, case)

    side_by_side(run, range(len(LIFE_FOREVER)))


def _check_forever(stage: Stage, case: Forever) -> None:
    settings, messages = LIFE_GROUPS[case.group], messages_of(case.group)
    seen = observe(stage, *messages, **settings)
    calls = len(case.calls.split())
    if case.settled is not None:
        assert seen == GOOD
        assert became(stage, case.group) == Became(
            case.calls, case.effects, case.settled, attempts=calls
        )
        return
    assert (seen.exit_code, seen.states, stage.operations()) == (1, [], [])
    assert (words_of(stage.sandbox), len(stage.claims())) == (case.calls, int(case.claim))
    stage.sandbox.faults.clear()
    assert observe(stage, *messages, **settings).exit_code == 0
    assert stage.claims() == []
    if case.group != "assign":
        assert effects_on(stage.sandbox, case.group) == 1


@pytest.mark.parametrize("case", COMPLETION_FOUND, ids=lambda case: case.what)
def test_a_completion_s_read_back_decides_by_what_it_finds(case: Found, quick_folder: Path) -> None:
    """As an execution's: finished since the claim was this call, anything else was not."""
    with sandbox() as server:
        members: TaskMembers = {**case.members}
        if case.seconds_ago is not None:
            members["finished_at"] = datetime.now(UTC) - timedelta(seconds=case.seconds_ago)
        server.create_task(7, **members)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.DROP, endpoint=COMPLETE, when=case.when)
        observe(stage, *messages_of("complete, verify"))
        found = became(stage, "complete, verify")
        assert (found.calls, found.effects) == ("COMPLETE READ", case.effects)
        assert (found.outcome, found.reason) == (case.outcome, case.reason)


@pytest.mark.e2e
def test_a_creation_that_takes_effect_late_is_not_sent_again(quick_folder: Path) -> None:
    """Reply goes on after the caller gave up: within settle_seconds the task is found."""
    with sandbox() as server:
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.LATENCY, endpoint=CREATE, seconds=1.8)
        observe(stage, *messages_of("create, verify"), settle_seconds=20)
        found = became(stage, "create, verify")
        assert (found.outcome, found.effects, found.read_back) == ("applied", 1, True)
        assert found.calls.count("CREATE") == 1


def test_a_deleted_task_that_is_gone_was_there_before(quick_folder: Path) -> None:
    """Read, deleted, and then 404: it was this call; what was never there is a rejection."""
    with sandbox(assumed=Assumptions(deleted_tasks=DeletedTasks.GONE)) as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.DROP, endpoint=DELETE, when=When.AFTER)
        observe(stage, *messages_of("delete, verify"))
        assert became(stage, "delete, verify").outcome == "applied"
        observe(stage, schema("task_deletions"), record("task_deletions", {"id": 999_999}))
        assert stage.fate()["reason"] == "task_not_found"


@pytest.mark.parametrize("case", LIFE_CERTAIN, ids=lambda case: case.name)
def test_a_certain_answer_to_a_creation_needs_no_search(case: Certain, quick_folder: Path) -> None:
    """What surely did nothing is sent again, or rejected at once."""
    options: dict[str, Any] = {}
    kind = FaultKind.NOT_FOUND
    if case.name == "429":
        kind, options = FaultKind.TOO_MANY_REQUESTS, {"retry_after": 1}
    elif case.name == "404":
        options = {"body": {"status": 404, "code": "contact.notFound", "detail": "No contact."}}
    with sandbox() as server:
        stage = new_stage(server, quick_folder / "run")
        server.fault(kind, endpoint=CREATE, **options)
        observe(stage, *messages_of("create, verify"))
        found = became(stage, "create, verify")
        assert (found.calls, found.effects) == (case.calls, case.effects)
        assert (found.outcome, found.reason) == (case.outcome, case.reason)
