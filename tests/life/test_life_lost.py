"""A creation whose answer was lost: never made twice, and told apart from what is like it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from life_records import HEADS, NEW, creation, keyed, made, renewed
from messages import update
from scripted_server import ScriptedServer, Step, http
from target_runs import KEY, USERS, Stage

from reply_tasks.contract.enums import TaskType
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.pruning import prune
from reply_tasks.sandbox import (
    Endpoint,
    FaultKind,
    SandboxServer,
    Task,
    Template,
    When,
)
from reply_tasks.sandbox.assumptions import Assumptions, CreatedTasks

START, DUE = datetime(2027, 3, 1, 9, tzinfo=UTC), datetime(2027, 3, 5, 17, tzinfo=UTC)


def lose(stage: Stage, when: When, nth: int = 1) -> None:
    """Let the answer to a creation be lost."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.CREATE, when=when, nth=nth)


def made_by_hand(stage: Stage, seconds_ago: float) -> Task:
    """A task like the one that is asked for, which a person of the same account has made."""
    return stage.sandbox.create_task(
        task_type=TaskType.MANUAL_EMAIL,
        start_at=START,
        due_to=DUE,
        template=Template("Ask about the renewal."),
        contact_id=1001,
        created_at=datetime.now(UTC) - timedelta(seconds=seconds_ago),
    )


@pytest.mark.e2e
@pytest.mark.parametrize("second", When)
@pytest.mark.parametrize("first", When)
def test_two_equal_rows_are_two_tasks_and_never_three(
    first: When, second: When, stage: Stage
) -> None:
    """Both answers lost: each has a task of its own, or nobody says which it is."""
    lose(stage, first)
    lose(stage, second, nth=2)
    both = (*HEADS, creation("a"), creation("b"))
    stage.run(*both, settle_seconds=1)
    applied = [row["task_id"] for row in stage.operations() if row["outcome"] == "applied"]
    uncertain = [row for row in stage.operations() if row["outcome"] == "uncertain"]
    assert len(applied) + len(uncertain) == 2
    assert len(set(applied)) == len(applied)
    assert len(made(stage.sandbox)) <= 2
    if first is second is When.AFTER:
        assert len(uncertain) == 2
    before = len(made(stage.sandbox))
    stage.run(*both, renewed("a", "Another"), renewed("b", "Another"))
    assert len(made(stage.sandbox)) == before, "what is uncertain is never asked again"


def test_what_a_person_made_before_is_not_taken_for_ours(stage: Stage) -> None:
    """It is older than the claim by more than clocks may differ: the creation goes again."""
    by_hand = made_by_hand(stage, seconds_ago=90)
    lose(stage, When.BEFORE)
    stage.run(*HEADS, creation("a"))
    (task,) = made(stage.sandbox)
    assert stage.fates() == [(task.id, "applied", None)]
    assert task.id != by_hand.id


def test_what_a_person_made_a_moment_ago_can_not_be_told_from_ours(stage: Stage) -> None:
    """Its twin is there: the two are one if ours never arrived, and uncertain if it did."""
    by_hand = made_by_hand(stage, seconds_ago=5)
    lose(stage, When.BEFORE)
    stage.run(*HEADS, creation("a"))
    assert (stage.fates(), made(stage.sandbox)) == ([(by_hand.id, "applied", None)], [])
    by_hand = made_by_hand(stage, seconds_ago=5)
    lose(stage, When.AFTER)
    stage.run(*HEADS, creation("b"))
    row = stage.fate()
    assert (row["outcome"], row["task_id"]) == ("uncertain", None)
    assert str(by_hand.id) in row["detail"]


@pytest.mark.parametrize("key", ["a", None])
def test_what_others_have_made_is_theirs_also_when_it_was_pruned(
    key: str | None, stage: Stage
) -> None:
    """An equal task of another key, or of none, is no candidate."""
    stage.run(*HEADS, creation(key))
    (first,) = made(stage.sandbox)
    stage.run(*HEADS, update(first.id, **{**NEW, "template": {"body": "Another"}}))
    engine = open_engine(stage.settings["ledger_url"])
    prune(engine, before=datetime.now(UTC))
    engine.dispose()
    stage.sandbox.edit_task(first.id, template=Template("Ask about the renewal."))
    lose(stage, When.BEFORE)
    stage.run(*HEADS, creation("b"))
    tasks = made(stage.sandbox)
    assert len(tasks) == 2
    assert stage.fate()["task_id"] == tasks[-1].id != first.id


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize(
    "members",
    [
        {"taskType": "linkedIn", "linkedInTaskType": "connect"},
        {"taskType": "toDo", "contactId": None},
        {"template": {"body": "Hi", "subject": None, "attachmentIdList": []}},
        {"startAt": "2027-03-01T10:00:00.123456+01:00"},
        {"contactId": None, "contactEmail": "ada@example.com"},
    ],
    ids=" ".join,
)
def test_it_is_found_in_every_shape(members: dict[str, object], when: When, stage: Stage) -> None:
    """Enums as names, no contact, nulls, fractions of a second, an address."""
    stage.sandbox.create_contact(1001, email="ada@example.com")
    lose(stage, when)
    ended = stage.run(*HEADS, creation("a", **members), api_dialect="current")
    assert ended.exit_code == 0, ended.log
    (task,) = made(stage.sandbox)
    assert stage.fates() == [(task.id, "applied", None)]


def test_what_was_read_behind_an_uncertain_creation_goes_nowhere(stage: Stage) -> None:
    """No other task is touched, none is made, and each record says what it waits for."""
    lose(stage, When.BEFORE)
    records = (*HEADS, creation("a"), renewed("a", "Another"), keyed("task_executions", "a"))
    for missing in (False, True):
        stage.run(*records, on_lost_answer="hold", create_missing=missing)
        stage.run(*records, create_missing=missing)
    assert made(stage.sandbox) == []
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 1
    fates = {(row["operation"], row["outcome"], row["reason"]) for row in stage.operations()}
    assert fates == {
        ("create", "uncertain", None),
        ("update", "rejected", "not_linked"),
        ("execute", "rejected", "not_linked"),
    }
    assert all("resolve" in row["detail"] for row in stage.operations())


@pytest.mark.parametrize(
    ("endpoint", "kind", "body"),
    [
        (Endpoint.FILTER, FaultKind.NOT_FOUND, {"status": 404, "code": "task.notFound"}),
        (Endpoint.GET, FaultKind.NOT_FOUND, {"status": 404, "code": "task.notFound"}),
        (Endpoint.FILTER, FaultKind.FORBIDDEN, {"status": 403, "code": "USER_REQUIRED"}),
    ],
    ids=["search", "read", "user"],
)
def test_what_can_not_be_looked_at_is_not_sent_again(
    endpoint: Endpoint, kind: FaultKind, body: dict[str, object], stage: Stage
) -> None:
    """A refusal of the search, or of a task that it names, does not say that none is there."""
    lose(stage, When.AFTER)
    stage.sandbox.fault(kind, endpoint=endpoint, body=body, times=None)
    stage.run(*HEADS, creation("a", actAsUserId=2))
    assert stage.fates() == [(None, "uncertain", None)]
    assert len(made(stage.sandbox)) == 1


@pytest.mark.parametrize(
    "members", [{"contactId": 5}, {"createdAt": "2026-01-01T00:00:00Z"}], ids=["contact", "old"]
)
def test_an_answer_with_another_task_is_no_licence_to_send_again(
    members: dict[str, object], stage: Stage
) -> None:
    """It may be what Reply made of the record, or not: a person looks."""
    task = {**NEW, "id": 9, "status": 0, "createdAt": datetime.now(UTC).isoformat(), **members}
    nothing = http(body=b'{"items": [], "hasMore": false}')
    with ScriptedServer() as scripted:
        scripted.script(Step(http(201, json.dumps(task).encode())), Step(nothing))
        stage.run(*HEADS, creation("a"), api_url=scripted.url)
        assert [seen.target.partition("?")[0] for seen in scripted.seen] == [
            "/v3/tasks",
            "/v3/tasks/filter",
        ]
    row = stage.fate()
    assert (row["outcome"], row["task_id"]) == ("uncertain", None)
    assert "task 9" in row["detail"]


def test_too_many_like_it_are_not_looked_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be searched is not sent again."""
    monkeypatch.setattr("target_reply_tasks.sending.create.MOST_LISTED", 1)
    made_by_hand(stage, seconds_ago=9000)
    made_by_hand(stage, seconds_ago=9000)
    lose(stage, When.BEFORE)
    stage.run(*HEADS, creation("a"))
    assert stage.fates() == [(None, "uncertain", None)]
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 1


@pytest.mark.e2e
def test_a_list_that_lags_is_asked_until_the_window_ends(stage: Stage) -> None:
    """The filter shows the task after five seconds: settle_seconds must be longer than that."""
    with SandboxServer(
        keys={KEY: USERS},
        requests_per_minute=None,
        requests_per_hour=None,
        assumed=Assumptions(created_tasks=CreatedTasks.LATER),
    ) as lagging:
        stage.sandbox = lagging
        lose(stage, When.AFTER)
        stage.run(*HEADS, creation("a"), api_url=lagging.url, settle_seconds=20)
        (task,) = made(lagging)
        assert stage.fates() == [(task.id, "applied", None)]
        assert NEW["contactId"] == task.contact_id
