"""A person's word on what waits: bound to what was shown, frozen where Reply would render it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from messages import execution
from sqlalchemy import Connection
from sqlalchemy import update as sql_update
from target_runs import Stage

from reply_tasks.contract.enums import TaskType
from reply_tasks.contract.kept import digest_of
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import note_preview
from reply_tasks.ledger.tables import operations
from reply_tasks.operator.approval import (
    ApprovalResult,
    Waits,
    approve_as_shown,
    decline_held,
    what_waits,
)

CONTENT = {"subject": "Renewal", "body": "Hi Ada."}
RENDERED = {"contactId": 7, "deliveryInfo": {"email": "ada@example.com"}, "content": CONTENT}


@contextmanager
def writing(stage: Stage) -> Iterator[Connection]:
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        yield connection


def hold(stage: Stage, *task_ids: int, **members: Any) -> None:
    for task_id in task_ids:
        stage.sandbox.create_task(task_id, task_type=TaskType.MANUAL_EMAIL)
    stage.run(
        *(execution(task_id, **members) for task_id in task_ids), executions_without_approval=0
    )


def shown(stage: Stage) -> tuple[Waits, ...]:
    with writing(stage) as connection:
        return what_waits(connection, held_operations(connection))


def approve(stage: Stage, digests: Mapping[str, str]) -> list[ApprovalResult]:
    with writing(stage) as connection:
        words = approve_as_shown(connection, digests, by="ann", at=datetime.now(UTC))
    return [words[each] for each in digests]


def preview(stage: Stage, waits: Waits, detail: Mapping[str, Any]) -> None:
    with writing(stage) as connection:
        assert note_preview(connection, waits.held, task_detail=detail, attempts=())


def test_what_is_approved_is_what_was_shown(stage: Stage) -> None:
    """A yes to the digest that was shown counts, and once: the next run sends just that text."""
    hold(stage, 1, 2, content=CONTENT)
    first, second = shown(stage)
    assert first.message is not None
    assert first.message.body == "Hi Ada."
    assert approve(
        stage, {first.operation_id: str(first.digest), second.operation_id: "other"}
    ) == [
        ApprovalResult.TAKEN,
        ApprovalResult.CHANGED,
    ]
    stage.run(executions_without_approval=0)
    assert [each.task_id for each in stage.sandbox.outbox] == [1]
    assert approve(stage, {first.operation_id: str(first.digest)}) == [ApprovalResult.GONE]


def test_a_text_that_changed_since_it_was_shown_is_not_approved(stage: Stage) -> None:
    """Between the page and the button somebody else's text may have come."""
    hold(stage, 1, content=CONTENT)
    (waits,) = shown(stage)
    with writing(stage) as connection:
        other = {"id": 1, "content": {**CONTENT, "body": "Another text"}}
        connection.execute(sql_update(operations).values(record=other))
    assert approve(stage, {waits.operation_id: str(waits.digest)}) == [ApprovalResult.CHANGED]
    stage.run(executions_without_approval=0)
    assert not stage.sandbox.outbox


def test_a_text_that_nobody_has_seen_can_not_be_approved(stage: Stage) -> None:
    """Without a content and without a preview there is no digest to say yes to."""
    hold(stage, 1)
    (waits,) = shown(stage)
    assert (waits.to_send, waits.digest, waits.message) == (None, None, None)
    assert approve(stage, {waits.operation_id: ""}) == [ApprovalResult.CHANGED]


@pytest.mark.parametrize("content", [None, {"subject": "S", "body": " "}, {"subject": "S"}, "?"])
def test_a_preview_without_a_text_shows_nothing_to_approve(stage: Stage, content: object) -> None:
    """Reply would render the text later, unseen: there is no digest to say yes to."""
    hold(stage, 1)
    (bare,) = shown(stage)
    preview(stage, bare, {**RENDERED, "content": content})
    (waits,) = shown(stage)
    assert (waits.to_send, waits.digest) == (None, None)
    assert approve(stage, {waits.operation_id: digest_of({"id": 1})}) == [ApprovalResult.CHANGED]
    stage.run(executions_without_approval=0)
    assert not stage.sandbox.outbox


def test_the_previewed_text_is_frozen_and_sent(stage: Stage) -> None:
    """What the preview showed goes out as content; another preview in between voids the yes."""
    hold(stage, 1)
    (bare,) = shown(stage)
    preview(stage, bare, RENDERED)
    (waits,) = shown(stage)
    assert waits.recipient.address == "ada@example.com"
    preview(stage, waits, {**RENDERED, "content": {**CONTENT, "body": "Hi Bob."}})
    assert approve(stage, {waits.operation_id: str(waits.digest)}) == [ApprovalResult.CHANGED]
    (again,) = shown(stage)
    assert approve(stage, {again.operation_id: str(again.digest)}) == [ApprovalResult.TAKEN]
    stage.run(executions_without_approval=0)
    assert [each.body for each in stage.sandbox.outbox] == ["Hi Bob."]


def test_a_no_takes_back_a_yes_that_no_run_has_used(stage: Stage) -> None:
    """Until a run has claimed it, what was approved can be declined."""
    hold(stage, 1, content=CONTENT)
    (waits,) = shown(stage)
    approve(stage, {waits.operation_id: str(waits.digest)})
    with writing(stage) as connection:
        ids = [waits.operation_id]
        words = decline_held(connection, ids, why="wrong", by="bob", at=datetime.now(UTC))
    assert words == {waits.operation_id: ApprovalResult.TAKEN}
    stage.run(executions_without_approval=0)
    assert not stage.sandbox.outbox
    assert "Declined by bob: wrong" in stage.fate()["detail"]


def test_what_looks_like_a_mistake_is_told(stage: Stage) -> None:
    """A placeholder in a text that would go out is named before anybody says yes."""
    body = "Hi {{first_name}}."
    hold(stage, 1)
    (bare,) = shown(stage)
    preview(stage, bare, {"content": {"subject": None, "body": body}})
    (waits,) = shown(stage)
    assert waits.to_send == {"id": 1, "content": {"body": body}}
    assert "{{first_name}}" in waits.mistakes[0]
