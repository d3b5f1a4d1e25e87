"""Look-ups: for whom, how often, and what a dead run had found."""

from datetime import UTC, datetime

import pytest
from entries import entry
from life_records import HEADS, NEW, creation, made
from messages import record, update
from target_runs import KEY, Stage

from reply_tasks.contract import body_hash
from reply_tasks.contract.enums import TaskType
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.task_keys import key_of_external_id
from reply_tasks.ledger import Ledger, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.lookups import LookUpKey, keep_lookups
from reply_tasks.quota.digests import digest
from reply_tasks.sandbox import Endpoint, FaultKind, Template

ADA = {"contactId": None, "contactEmail": "ada@example.com"}


def test_each_acting_user_looks_up_for_itself(stage: Stage) -> None:
    """Another user sees other contacts: what one has found says nothing to the other."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    for task_id in (1, 2, 3, 4):
        stage.sandbox.create_task(task_id)
    ended = stage.run(
        *(update(n, **ADA, actAsUserId=1 + n % 2) for n in (1, 2, 3, 4)), concurrency=4
    )
    assert ended.exit_code == 0, ended.log
    calls = stage.sandbox.calls_of(Endpoint.CONTACTS)
    assert sorted(call.user_id or 0 for call in calls) == [1, 2]
    stage.run(update(1, **ADA, actAsUserId=2, template={"body": "New"}))
    assert len(stage.sandbox.calls_of(Endpoint.CONTACTS)) == 2


def test_a_person_can_mend_what_was_twice_or_missing_at_once(stage: Stage) -> None:
    """Only what was found is kept."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.sandbox.create_contact(1002, email="ada@example.com")
    stage.run(*HEADS, creation("a", **ADA), creation("b", **{**ADA, "contactEmail": "b@x.io"}))
    assert sorted(row["reason"] for row in stage.operations()) == ["ambiguous", "contact_not_found"]
    stage.sandbox.create_contact(1002, email="other@example.com")
    stage.sandbox.create_contact(1003, email="b@x.io")
    stage.run(*HEADS, creation("a", **ADA), creation("b", **{**ADA, "contactEmail": "b@x.io"}))
    assert {task.contact_id for task in made(stage.sandbox)} == {1001, 1003}


@pytest.mark.parametrize("kind", [FaultKind.TOO_MANY_REQUESTS, FaultKind.SERVER_ERROR])
def test_a_look_up_is_repeated_like_any_read(kind: FaultKind, stage: Stage) -> None:
    """It changes nothing; a lost answer, a 5xx and a 429 only cost time."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.sandbox.fault(kind, endpoint=Endpoint.CONTACTS)
    assert stage.run(*HEADS, creation("a", **ADA)).exit_code == 0
    assert len(made(stage.sandbox)) == 1


def test_an_answer_without_a_list_says_nothing_of_an_address(stage: Stage) -> None:
    """It is asked for again, and where that does not help, the record stays unsettled."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.sandbox.fault(FaultKind.HOLLOW, endpoint=Endpoint.CONTACTS)
    assert stage.run(*HEADS, creation("a", **ADA)).exit_code == 0
    stage.sandbox.create_contact(1002, email="bob@example.com")
    stage.sandbox.fault(FaultKind.HOLLOW, endpoint=Endpoint.CONTACTS, times=None)
    ended = stage.run(*HEADS, creation("b", contactId=None, contactEmail="bob@example.com"))
    assert (ended.exit_code, stage.claims(), len(made(stage.sandbox))) == (1, [], 1)


def test_a_look_up_that_is_forbidden_rejects_and_a_wrong_key_stops(stage: Stage) -> None:
    """A key without contacts:read costs the records that need it; without a key nothing goes."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    stage.sandbox.fault(FaultKind.FORBIDDEN, endpoint=Endpoint.CONTACTS, times=None)
    ended = stage.run(*HEADS, creation("a", **ADA), creation("b"))
    assert ended.exit_code == 0
    assert {fate[1:] for fate in stage.fates()} == {
        ("applied", None),
        ("rejected", "contact_not_found"),
    }
    (told,) = (row["detail"] for row in stage.operations() if row["outcome"] == "rejected")
    assert "contacts:read" in told
    assert "tasks:read" not in told
    stage.sandbox.faults.clear()
    stage.sandbox.fault(FaultKind.UNAUTHORIZED, endpoint=Endpoint.CONTACTS, times=None)
    ended = stage.run(*HEADS, creation("c", **ADA))
    assert (ended.exit_code, stage.claims()) == (1, [])
    assert len(stage.operations()) == 2


def left_claimed(stage: Stage, *, kept: int | None) -> None:
    """A creation by address that a dead run has claimed, and the contact that it had found."""
    body = {"taskType": 7, **{name: NEW[name] for name in ("startAt", "dueTo", "template")}}
    body["contactEmail"] = "ada@example.com"
    now = datetime.now(UTC)
    left = entry(
        key_of_external_id("a"),
        Operation.CREATE,
        stream="task_creations",
        external_id="a",
        body_hash=body_hash(Operation.CREATE, body),
        record={"externalId": "a", **body},
        received_at=now,
    )
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        claim(connection, [left], holder=ledger.holder, run_id=new_id(), at=now)
        if kept is not None:
            key = LookUpKey("contact", "ada@example.com", digest(KEY, None))
            keep_lookups(connection, {key: (kept, 1)})


def test_a_dead_run_s_creation_is_looked_for_with_the_contact_that_it_had_found(
    stage: Stage,
) -> None:
    """The address stands for nobody, or for another, by now: what was sent is still found."""
    stage.sandbox.create_contact(1002, email="ada@example.com")
    task = stage.sandbox.create_task(
        task_type=TaskType.MANUAL_EMAIL,
        contact_id=1001,
        start_at=datetime(2027, 3, 1, 9, tzinfo=UTC),
        due_to=datetime(2027, 3, 5, 17, tzinfo=UTC),
        template=Template("Ask about the renewal."),
        created_at=datetime.now(UTC),
    )
    left_claimed(stage, kept=1001)
    assert stage.run(*HEADS).exit_code == 0
    assert stage.fates() == [(task.id, "applied", None)]
    assert stage.sandbox.calls_of(Endpoint.CREATE) == []


def test_a_dead_run_that_had_found_nobody_has_sent_nothing(stage: Stage) -> None:
    """What it would have sent can be looked up afresh, and rejected."""
    left_claimed(stage, kept=None)
    stage.run(*HEADS)
    assert stage.fates() == [(None, "rejected", "contact_not_found")]
    assert record("task_creations", {})["stream"] == stage.fate()["stream"]
