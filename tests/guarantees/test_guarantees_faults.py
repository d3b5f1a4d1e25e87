"""The fault matrix: whatever goes wrong with a call, nothing is sent twice and nothing is lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fault_rows import (
    FAULTS,
    FOREVER,
    FOUND,
    GROUPS,
    HALF_ANSWERS,
    LOST,
    LOST_AFTER,
    MORE_FAULTS,
    POST,
    ROWS,
    VERIFY,
    Forever,
    Found,
    Row,
)
from messages import execution, state
from pipeline import (
    Fate,
    Seen,
    arm,
    expected_fate,
    fates,
    new_stage,
    observe,
    record_of,
    sandbox,
    side_by_side,
)
from target_runs import Stage

from reply_tasks.sandbox import FaultKind, TaskMembers, When

ALL_FAULTS = [*FAULTS, *MORE_FAULTS]
GOOD = Seen(0, [{"records": 1}], [], None)


def _rows(group: str) -> list[Row]:
    return [row for row in ROWS if row.group == group]


@pytest.mark.parametrize("group", GROUPS)
def test_each_fault_alone_has_its_row_s_consequences(group: str, quick_folder: Path) -> None:
    """One record, one fault: calls, effects, outcome, STATE, exit code and no claim left."""
    cases = [(row, kind) for row in _rows(group) for kind in FAULTS]

    def run(number: int) -> tuple[Fate, Seen, int]:
        row, kind = cases[number]
        with sandbox() as server:
            server.create_task(7)
            stage = new_stage(server, quick_folder / str(number))
            arm(server, row.strikes, 7, kind, row.when)
            messages = record_of(group, 7, 1), state({"records": 1})
            seen = observe(stage, *messages, concurrency=1, **GROUPS[group])
            return fates(stage, executes=row.executes)[7], seen, len(stage.claims())

    results = side_by_side(run, range(len(cases)))
    found = {(row.place, row.when, kind): r for (row, kind), r in zip(cases, results, strict=True)}
    assert found == {
        (row.place, row.when, kind): (expected_fate(row), GOOD, 0) for row, kind in cases
    }


@pytest.mark.parametrize(
    "row", HALF_ANSWERS, ids=lambda row: f"{row.place}, {row.group} {row.when}"
)
def test_an_answer_that_says_too_little_has_its_row_s_consequences(
    row: Row, quick_folder: Path
) -> None:
    """A 2xx is no proof of an execution whose task is not finished; a 408 refuses nothing."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        arm(server, row.strikes, 7, FaultKind.HOLLOW, row.when)
        seen = observe(
            stage, record_of(row.group, 7, 1), state({"records": 1}), **GROUPS[row.group]
        )
        assert fates(stage, executes=row.executes)[7] == expected_fate(row)
        assert (seen, stage.claims()) == (GOOD, [])


@pytest.mark.parametrize("when", When)
def test_a_redirect_stops_the_run_and_keeps_an_execution_s_claim(
    when: When, quick_folder: Path
) -> None:
    """A redirect may come after the effect: the next run reads back before it sends again."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.REDIRECT, endpoint=POST, when=when)
        messages = execution(7, externalId=1), state({"records": 1})
        seen = observe(stage, *messages)
        assert (seen.exit_code, seen.states, len(stage.claims())) == (1, [], 1)
        assert "api_url answers with a redirect" in (seen.stopped or "")
        assert observe(stage, *messages).exit_code == 0
        assert len(server.outbox) == 1
        calls = [call.method for call in server.calls]
        assert calls == (["POST", "GET"] if when is When.AFTER else ["POST", "GET", "POST"])


@pytest.mark.e2e
@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("group", GROUPS)
def test_faults_side_by_side_have_the_same_consequences(
    group: str, concurrency: int, quick_folder: Path
) -> None:
    """All faults in one run: every record has its row's fate, and no STATE overtakes one."""
    kinds = [kind for kind in ALL_FAULTS if concurrency > 1 or kind is not FaultKind.STALL]
    cases = [(row, kind) for row in _rows(group) for kind in kinds]
    messages = []
    with sandbox() as server:
        for number, (row, kind) in enumerate(cases, 1):
            server.create_task(number)
            arm(server, row.strikes, number, kind, row.when)
            messages += [record_of(group, number, number), state({"records": number})]
        stage = new_stage(server, quick_folder / "run")
        seen = observe(stage, *messages, concurrency=concurrency, **GROUPS[group])
        executes = group.startswith("execute")
        assert fates(stage, executes=executes) == {
            number: expected_fate(row) for number, (row, _) in enumerate(cases, 1)
        }
        assert seen == Seen(0, [{"records": n} for n in range(1, len(cases) + 1)], [], None)
        assert stage.claims() == []


@pytest.mark.e2e
@pytest.mark.parametrize("concurrency", [1, 8])
def test_what_fails_forever_stops_the_run_or_is_uncertain(
    concurrency: int, quick_folder: Path
) -> None:
    """An unsettled record keeps its claim and its STATE; after the cause is gone, a rerun ends."""
    kinds = [kind for kind in FAULTS if kind is not FaultKind.STALL]
    cases = [(case, kind) for case in FOREVER for kind in kinds]

    def run(number: int) -> None:
        case, kind = cases[number]
        with sandbox() as server:
            server.create_task(7)
            stage = new_stage(server, quick_folder / str(number))
            arm(server, case.strikes, 7, kind, case.when)
            server.fault(kind, endpoint=case.endpoint, task_id=7, times=None, when=case.when)
            _check_forever(stage, case, concurrency)

    side_by_side(run, range(len(cases)))


def _check_forever(stage: Stage, case: Forever, concurrency: int) -> None:
    settings: dict[str, Any] = {"concurrency": concurrency, **GROUPS[case.group]}
    executes = case.group.startswith("execute")
    messages = record_of(case.group, 7, 1), state({"records": 1})
    seen = observe(stage, *messages, **settings)
    calls = len(case.calls.split())
    if case.settled is not None:
        assert seen == GOOD
        assert fates(stage, executes=executes)[7] == Fate(
            case.calls, case.effects, case.settled, attempts=calls
        )
        assert stage.claims() == []
        return
    assert (seen.exit_code, seen.states) == (1, [])
    assert seen.stopped is not None
    assert "task 7" in seen.stopped
    assert (len(stage.claims()), stage.operations()) == (int(case.claim), [])
    assert stage.runs()[0]["api_calls"] == calls
    stage.sandbox.faults.clear()
    assert observe(stage, *messages, **settings).exit_code == 0
    assert stage.claims() == []
    if executes:
        held = case.group == "execute, hold"
        assert len(stage.sandbox.outbox) == (0 if held else 1)


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.what)
def test_a_read_back_decides_by_what_it_finds(case: Found, quick_folder: Path) -> None:
    """After a lost answer the task as Reply has it says whether it was this call."""
    with sandbox() as server:
        members: TaskMembers = {**case.members}
        if case.seconds_ago is not None:
            members["finished_at"] = datetime.now(UTC) - timedelta(seconds=case.seconds_ago)
        server.create_task(7, **members)
        stage = new_stage(server, quick_folder / "run")
        arm(server, [LOST_AFTER if case.when is When.AFTER else LOST], 7, FaultKind.DROP, case.when)
        observe(stage, execution(7), **VERIFY)
        (row,) = stage.operations()
        assert [call.method for call in server.calls] == ["POST", "GET"]
        assert (row["outcome"], row["reason"]) == (case.outcome, case.reason)
        assert len(server.outbox) == case.effects


def test_an_execution_that_takes_effect_late_is_not_sent_again(quick_folder: Path) -> None:
    """Reply goes on after the caller gave up: within settle_seconds the read-back sees it."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.LATENCY, endpoint=POST, seconds=1.8)
        observe(stage, execution(7), settle_seconds=20)
        (row,) = stage.operations()
        calls = [call.method for call in server.calls]
        assert calls[:2] == ["POST", "GET"]
        assert calls.count("POST") == len(server.outbox) == 1
        assert (row["outcome"], row["api_calls"]) == ("applied", len(calls))
        assert row["detail"].startswith("Read back after a lost answer")


def test_a_refusal_after_a_lost_answer_is_read_back_first(quick_folder: Path) -> None:
    """The second send is refused because the first took effect after all: that is applied."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.LATENCY, endpoint=POST, seconds=1.5)
        server.fault(FaultKind.LATENCY, endpoint=POST, nth=2, seconds=0.9)
        observe(stage, execution(7))
        assert fates(stage, executes=True)[7] == Fate(
            "POST GET POST GET", 1, "applied", None, read_back=True, attempts=4
        )


def test_nothing_is_executed_while_reads_fail(quick_folder: Path) -> None:
    """Between two sends of an execution there is always an answer to a read-back."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        arm(server, [LOST], 7, FaultKind.DROP, When.BEFORE)
        server.fault(FaultKind.GARBAGE, method="GET", times=4)
        observe(stage, execution(7), max_retries=5)
        assert fates(stage, executes=True)[7] == Fate(
            "POST GET GET GET GET GET POST", 1, "applied", attempts=7
        )
