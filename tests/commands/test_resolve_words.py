"""What a person says of an open operation is its outcome, and touches no other."""

from datetime import UTC, datetime

import pytest
from entries import entry
from messages import execution, update
from resolving import WHOLE, finished, resolve, uncertain
from target_runs import Stage

from reply_tasks.contract import Operation
from reply_tasks.ledger import Ledger, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.sandbox import Endpoint


@pytest.mark.parametrize("left", ["claimed", "uncertain"])
def test_a_person_says_that_it_was_sent(stage: Stage, left: str) -> None:
    """Applied, saying whose word it is, with the task as it can be read; it is never sent again."""
    stage.sandbox.create_task(1)
    operation_id = stage.left_by_the_dead(1) if left == "claimed" else uncertain(stage)
    result = resolve(stage, "--as", "sent", operation_id[:12])
    assert result.exit_code == 0
    row = stage.fate()
    assert (row["outcome"], row["operation_id"]) == ("applied", operation_id)
    assert row["detail"].startswith("A person said that it was sent")
    assert row["task_detail"]["id"] == 1
    stage.run(execution(1), keep_repeats=True)
    assert stage.fate()["outcome"] == "unchanged"
    assert not stage.sandbox.outbox


@pytest.mark.parametrize("left", ["claimed", "uncertain"])
def test_a_person_says_that_it_was_not_sent(stage: Stage, left: str) -> None:
    """Rejected, with its record; a replay sends it, once."""
    stage.sandbox.create_task(1)
    operation_id = stage.left_by_the_dead(1) if left == "claimed" else uncertain(stage)
    reads = len(stage.sandbox.calls_of(Endpoint.GET))
    assert resolve(stage, "--as", "not-sent", operation_id).exit_code == 0
    row = stage.fate()
    assert (row["outcome"], row["reason"]) == ("rejected", "execution_failed")
    assert row["detail"].startswith("A person said that it was not sent")
    assert row["record"] == {"id": 1}
    assert len(stage.sandbox.calls_of(Endpoint.GET)) == reads
    for _ in range(2):
        stage.run(execution(1), keep_repeats=True)
    assert [outcome for _, outcome, _ in stage.fates()] == ["rejected", "applied", "unchanged"]
    assert len(stage.sandbox.outbox) == 1


def test_a_word_needs_no_key(stage: Stage) -> None:
    """The task is good to have, but the word is enough."""
    stage.sandbox.create_task(1)
    operation_id = uncertain(stage)
    result = resolve(stage, "--as", "sent", operation_id, REPLY_TASKS_API_KEY="")
    assert result.exit_code == 0
    assert stage.fate()["outcome"] == "applied"
    assert stage.fate()["task_detail"] is None


def test_a_word_touches_no_other_operation(stage: Stage) -> None:
    """Others are settled by reading back, or by a word of their own."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    first, second = uncertain(stage, 1), uncertain(stage, 2)
    finished(stage, 2)
    resolve(stage, "--as", "not-sent", first)
    assert {row["operation_id"]: row["outcome"] for row in stage.operations()} == {
        first: "rejected",
        second: "uncertain",
    }


def test_ids_choose_what_is_read_back(stage: Stage) -> None:
    """Without a word, ids only narrow."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    uncertain(stage, 1)
    second = uncertain(stage, 2)
    for task_id in (1, 2):
        finished(stage, task_id)
    assert resolve(stage, second[:12]).exit_code == 0
    assert [outcome for _, outcome, _ in stage.fates()] == ["uncertain", "applied"]


def test_a_word_on_something_else_is_refused(stage: Stage) -> None:
    """Unknown, ambiguous, settled, an update: each says why, exit code 1, and nothing changes."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(update(2))
    settled = stage.fate()["operation_id"]
    left = stage.left_by_the_dead(1, Operation.UPDATE, WHOLE)
    before = stage.operations()
    for named, told in (
        ("ffff" if not settled.startswith("ffff") else "eeee", "No operation's id"),
        ("xyz", "not an operation id"),
        ("", "not an operation id"),
        ("%", "not an operation id"),
        (settled, "settled already: applied"),
        (left, "is an update"),
    ):
        result = resolve(stage, "--as", "sent", named)
        assert (result.exit_code, told in result.output) == (1, True), result.output
    assert stage.operations() == before
    assert resolve(stage, "--as", "sent").exit_code == 2, "a word without an id is a usage error"


def test_an_ambiguous_beginning_of_an_id_is_refused(stage: Stage) -> None:
    """Both are named."""
    ids = [f"abcd{number:028x}" for number in (1, 2)]
    now = datetime.now(UTC)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        entries = [entry(place, operation_id=each) for place, each in enumerate(ids, 1)]
        claim(connection, entries, holder=ledger.holder, run_id=new_id(), at=now)
    result = resolve(stage, "--as", "not-sent", "abcd")
    assert result.exit_code == 1
    assert "Several operations" in result.output
    assert len(stage.claims()) == 2
