"""Query plans: what a run, an operator, a tap or a prune asks never goes through all operations."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from entries import entry
from ledger_rows import settlement
from sqlalchemy import Connection, event

from benchmarks.filling import fill
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Ledger, RunTotals
from reply_tasks.ledger.approved import approved_operations
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.held import asked_about, held_operations
from reply_tasks.ledger.holding import expire_held
from reply_tasks.ledger.orphans import dead_runs, orphans
from reply_tasks.ledger.pruning import prune
from reply_tasks.ledger.queries import (
    finished_runs,
    known_tasks,
    operations_named,
    settled_operations,
    tasks_claimed,
    uncertain_claims,
)
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.ledger.settling import settle
from reply_tasks.ledger.verdicts import any_verdicts, forget_verdicts, known_verdicts
from reply_tasks.operator import WhoseQuota, overview, rejections

SEED, TASKS, OPERATIONS = 250, 2_500, 25_000
SOME = list(range(1, 101))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

#: What is asked while a ledger grows, and must cost as little at the end of years as at first.
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "claims of the dead": lambda db: orphans(db, seen_from="here"),
    "runs of the dead": lambda db: dead_runs(db, seen_from="here"),
    "claimed tasks": lambda db: tasks_claimed(db, but_by="me"),
    "what is known of tasks": lambda db: known_tasks(db, SOME, with_detail=True),
    "what people are asked about tasks": lambda db: asked_about(db, SOME),
    "what was approved": approved_operations,
    "what has expired": lambda db: expire_held(db, after=timedelta(hours=72)),
    "what is held": held_operations,
    "what is uncertain": uncertain_claims,
    "whether there are verdicts": any_verdicts,
    "verdicts": lambda db: known_verdicts(db, ["a" * 64]),
    "verdicts that go": lambda db: forget_verdicts(db, SOME),
    "status": lambda db: overview(db, WhoseQuota(per_minute=100, per_hour=3000)),
    "rejections": lambda db: list(rejections(db)),
    "an operation by its beginning": lambda db: operations_named(db, "0a1b2c", most=2),
    "a prune that finds nothing old": lambda db: prune(db.engine, before=LONG_AGO),
    "a tap's new rows": lambda db: list(settled_operations(db, after=OPERATIONS - 100)),
    "a tap's new tasks": lambda db: list(
        settled_operations(db, after=OPERATIONS - 100, upto=OPERATIONS, applied_only=True)
    ),
    "a tap's new runs": lambda db: list(finished_runs(db, after=OPERATIONS // SEED - 2)),
}

#: A walk along a small index of just such rows is no walk through all of them.
_OF_FEW = (
    "one_claim_a_task|one_held_a_task|held_operations|rejected_operations|uncertain_operations"
)
_WHOLE_TABLE = {
    "sqlite": re.compile(
        rf"SCAN (operations|later)(?! USING (COVERING )?INDEX ({_OF_FEW}))"
        # From the first number on: that is all of them.
        r"|SEARCH operations USING INDEX sqlite_autoindex_operations_2 \(sequence>\?\)"
    ),
    "postgresql": re.compile(
        r"Seq Scan on operations|Index Scan using operations_sequence_key on operations"
    ),
}
#: Those that begin at a bookmark: they walk the numbers from there on, and no further.
_BY_NUMBER = re.compile(r"\(sequence>\?|Index Cond: .*sequence >")
_FROM_A_BOOKMARK = {
    "a prune that finds nothing old",
    "a tap's new rows",
    "a tap's new tasks",
    "status",
}


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with a history, and little that is open."""
    run_id = ledger.holder.holder_id
    with ledger.write() as connection:
        start_run(connection, run_id)
        entries = [entry(number, Operation.UPDATE) for number in range(1, SEED + 1)]
        claim(connection, entries, holder=ledger.holder, run_id=run_id, at=LONG_AGO)
        settle(
            connection,
            [settlement(each, task_detail={"id": each.task_id}) for each in entries],
            holder=ledger.holder,
            run_id=run_id,
        )
        end_run(connection, run_id, exit_code=0, totals=RunTotals())
    fill(ledger.engine, to_tasks=TASKS, to_operations=OPERATIONS)
    return ledger


def plans(ledger: Ledger, ask: Callable[[Connection], object]) -> dict[str, str]:
    """How the database would find what is asked: a plan for each statement that reads a table."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", note)
    try:
        with ledger.engine.connect() as connection:
            ask(connection)
            connection.rollback()
    finally:
        event.remove(ledger.engine, "before_cursor_execute", note)
    assert asked
    explain = "EXPLAIN QUERY PLAN" if ledger.engine.dialect.name == "sqlite" else "EXPLAIN"
    found = {}
    with ledger.engine.connect() as connection:
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
            found[statement] = "\n".join(str(row[-1]) for row in rows)
            connection.rollback()
    return found


def test_no_question_goes_through_all_operations(filled: Ledger) -> None:
    """Every statement finds its rows by an index, or walks one that holds few rows."""
    whole_table = _WHOLE_TABLE[filled.engine.dialect.name]
    slow = [
        f"{name}:\n{statement}\n{plan}"
        for name, ask in QUESTIONS.items()
        for statement, plan in plans(filled, ask).items()
        if whole_table.search(plan) and not (name in _FROM_A_BOOKMARK and _BY_NUMBER.search(plan))
    ]
    assert not slow, "\n\n".join(slow)
