"""A dry run plans each record as a run would, tells it, calls nothing and writes nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from messages import Message, execution, merge, state, update
from target_runs import Ended, Stage, ledger_bytes

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.held import held_operations
from reply_tasks.ledger.holding import approve, decline
from reply_tasks.ledger.tables import operations

BAD = update(1, dueTo="2026-01-01")
JSON_LINES = ("--plan-format", "jsonl")


def told(ended: Ended) -> list[str]:
    """The lines of a plan in the log, without the last one."""
    lines = [line for line in ended.log.splitlines() if line.startswith("Dry run:")]
    return lines[:-1]


def planned(stage: Stage, *messages: Message, **settings: Any) -> list[dict[str, Any]]:
    """The objects of a plan, without the last one."""
    ended = stage.plan(*messages, **settings)
    *records, summary = ended.states
    assert summary["type"] == "summary"
    return records


def ends(records: Sequence[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(each["would"], each["reason"]) for each in records]


def with_tasks(stage: Stage, *task_ids: int) -> None:
    for task_id in task_ids:
        stage.sandbox.create_task(task_id)


# -- it does nothing -------------------------------------------------------------------------------


def test_it_calls_nothing_and_writes_nothing(stage: Stage) -> None:
    """No call, no ledger, no STATE; one line a record says what would be done."""
    with_tasks(stage, 1)
    ended = stage.run(update(1), execution(1), BAD, state({"at": 1}), dry_run=True)
    assert (ended.exit_code, ended.states) == (0, [])
    assert not stage.sandbox.calls
    assert not list(stage.folder.glob("ledger.db*"))
    put, post, bad = told(ended)[-3:]
    assert "update of task 1 (task_updates) would send PUT /v3/tasks/1: taskType 2" in put
    assert "would send POST /v3/tasks/1/execute to contact 1001" in post
    assert "would be rejected, invalid_record: /dueTo: dueTo must be after startAt" in bad
    assert "3 records read, 2 would be sent, 1 rejected (1 invalid_record)" in ended.last_line
    assert "2 calls, less than a minute at this quota; nothing was called" in ended.last_line


def test_it_leaves_the_ledger_alone(stage: Stage) -> None:
    """Not a byte of it changes, whatever is planned against it."""
    with_tasks(stage, 1, 2, 3, 4)
    brake: dict[str, Any] = {"executions_without_approval": 1, "retry_rejected_hours": 24}
    stage.run(update(1), update(9), execution(2), execution(3), **brake)
    before, calls = ledger_bytes(stage.settings["ledger_url"]), len(stage.sandbox.calls)
    later = (update(1), update(9), update(1, contactId=7), execution(3, externalId="b"))
    ended = stage.run(*later, execution(2), execution(4), state(1), dry_run=True, **brake)
    assert ended.states == []
    assert ledger_bytes(stage.settings["ledger_url"]) == before
    assert len(stage.sandbox.calls) == calls


def test_an_older_ledger_is_neither_migrated_nor_passed_over(stage: Stage) -> None:
    """A plan that knows nothing of what was done would mislead: one line, exit code 1."""
    with_tasks(stage, 1)
    stage.run(update(1))
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_migrations WHERE name LIKE '0008%'")
    ended = stage.run(update(1), dry_run=True)
    assert ended.exit_code == 1
    assert "is of an older version" in ended.last_line


# -- it plans as the run would ---------------------------------------------------------------------

BRAKE: dict[str, Any] = {"executions_without_approval": 1}
MERGE: dict[str, Any] = {"update_mode": "merge"}


@pytest.mark.parametrize(
    ("earlier", "messages", "settings"),
    [
        ([], [update(1), update(1), execution(2), execution(2)], {}),
        ([update(1), execution(2)], [update(1), execution(2), update(1, contactId=7)], {}),
        ([execution(2)], [execution(2, externalId="b"), execution(3)], {}),
        ([update(1)], [update(1), update(1, dueTo="2026-01-01")], {"skip_unchanged": False}),
        ([update(1, contactId=9)], [update(1), update(1, contactId=9)], MERGE),
        ([update(1)], [merge(1, contactId=1001), merge(1, contactId=7)], MERGE),
        ([], [execution(1), execution(2), execution(2), execution(3), execution(1)], BRAKE),
        ([execution(2), execution(3)], [execution(3), execution(2), execution(1)], BRAKE),
        ([update(9), execution(9)], [update(9), execution(9), update(9, contactId=7)], {}),
        ([BAD], [execution(1), execution(1, content={"body": "Own"})], {}),
        ([], [BAD, execution(1), execution(2), update(1), execution(1)], {}),
    ],
)
def test_each_record_is_foreseen_as_the_run_ends_it(
    stage: Stage, earlier: list[Message], messages: list[Message], settings: dict[str, Any]
) -> None:
    """What would be sent is called for, and what would not be has just the outcome foreseen."""
    with_tasks(stage, 1, 2, 3)
    settings = {"retry_rejected_hours": 24, "keep_repeats": True, **settings}
    stage.run(*earlier, **settings)
    foreseen = planned(stage, *messages, **settings)
    done = len(stage.operations())
    if "executions_without_approval" in settings:
        stage.run(*messages, **settings)
    else:  # all in one run, an update might supersede the one before it
        for message in messages:
            stage.run(message, **settings)
    rows = sorted(stage.operations()[done:], key=lambda row: str(row["received_at"]))
    for each, row in zip(foreseen, rows, strict=True):
        if each["would"] == "send":
            assert row["api_calls"] > 0
        else:
            assert (each["would"], each["reason"]) == (row["outcome"], row["reason"])
            assert row["api_calls"] == 0


def test_what_reply_refused_lately_is_foreseen(stage: Stage) -> None:
    """Its reason, and when it would be asked again; after a planned update it would be asked."""
    with_tasks(stage, 1)
    stage.sandbox.edit_task(1, status=TaskStatus.FINISHED)
    hours = {"retry_rejected_hours": 24}
    stage.run(update(1), **hours)
    first, other, again = planned(stage, update(1), update(1, contactId=7), update(1), **hours)
    assert ends([first, other, again]) == [
        ("rejected", "task_not_new"),
        ("send", None),
        ("send", None),
    ]
    assert "asked again after" in first["detail"]


def test_a_persons_word_is_foreseen(stage: Stage) -> None:
    """What was approved goes first, what was declined is rejected, what is too old waits anew."""
    with_tasks(stage, 1, 2, 3)
    ask: dict[str, Any] = {"executions_without_approval": 0}
    stage.run(execution(1), execution(2), execution(3), **ask)
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        one, two, three = held_operations(connection)
        now = one.held_at
        approve(connection, one, record=one.claim.entry.record, by="Ada", at=now)
        decline(connection, two, why="no", by="Ada", at=now)
        connection.execute(
            operations.update()
            .where(operations.c.operation_id == three.operation_id)
            .values(settled_at=now - timedelta(days=30))
        )
    messages = [execution(1), execution(2), execution(3)]
    ended = stage.plan(*messages, **ask)
    *records, summary = ended.states
    assert (records[0]["task_id"], records[0]["approved"]) == (1, True)
    assert ends(records) == [
        ("send", None),
        ("unchanged", None),
        ("rejected", "not_approved"),
        ("held", None),
    ]
    assert "1 held execution(s) would be rejected" in ended.log
    assert (summary["read"], summary["calls"]) == (3, {"least": 1, "most": 1})
    stage.run(*messages, keep_repeats=True, **ask)
    ended_so = {row["task_id"]: row["outcome"] for row in stage.operations()}
    assert ended_so == {1: "unchanged", 2: "rejected", 3: "held"}


def test_a_claim_of_another_run_is_waited_for(stage: Stage) -> None:
    """Whether that run lives or died: what becomes of the record is not known before."""
    stage.left_by_the_dead(1)
    (record,) = planned(stage, execution(1))
    assert (record["would"], record["calls"]) == ("wait", {"least": 0, "most": 1})


# -- it tells what would change, and who would get what --------------------------------------------


def test_an_update_tells_what_changes(stage: Stage) -> None:
    """Before and after of each member that changes, with texts cut where they differ."""
    with_tasks(stage, 1)
    text = "The same beginning of a text that is rather long, as such texts are. "
    stage.run(update(1, template={"body": f"{text}Yours, Ada. {text}"}))
    change = update(1, template={"body": f"{text}Yours, Bob. {text}"}, contactId=None)
    ended = stage.run(change, update(1, contactId=7), dry_run=True)
    first, second = told(ended)
    assert "contactId 1001 -> null" in first
    assert "…ts are. Yours, Ada. The same" in first
    assert '-> "…' in first
    assert "…ts are. Yours, Bob. The same" in first
    assert len(first) < 400
    assert "dueTo" not in first
    assert "in place of the update before it if that still waits" in second
    assert "contactId null -> 7" in second
    assert "1 to 2 calls" in ended.last_line


def test_an_execution_tells_whom_it_reaches(stage: Stage) -> None:
    """Address and subject, where the ledger knows them; an update before it counts."""
    with_tasks(stage, 1, 2)
    stage.run(update(1, taskType=7, template={"body": "Hi", "subject": "Stored"}))
    messages = [
        execution(1, content={"body": "Hello", "subject": "Brought"}),
        execution(2),
        update(3, contactId=5, template={"body": "Hi", "subject": "New"}),
        execution(3),
    ]
    ended = stage.run(*messages, dry_run=True)
    known, unknown, _, planned_before = told(ended)
    address = stage.operations()[0]["task_detail"]["deliveryInfo"]["email"]
    assert f'to {address} (contact 1001), subject "Brought"' in known
    assert "to whom the ledger does not know." in unknown
    assert 'to contact 5, subject "New"' in planned_before


def test_calls_take_their_time(stage: Stage) -> None:
    """As long as the quota takes, of each user by itself."""
    messages = [update(each) for each in range(1, 26)]
    ended = stage.run(*messages, dry_run=True, requests_per_minute=2, requests_per_hour=20)
    assert "25 calls, 1 h 2 min at this quota" in ended.last_line
    spread = [update(each, actAsUserId=each) for each in range(1, 26)]
    ended = stage.run(*spread, dry_run=True, requests_per_minute=2, requests_per_hour=20)
    assert "25 calls, less than a minute at this quota" in ended.last_line


# -- the verdict, and the form ---------------------------------------------------------------------


def test_it_gives_the_verdict(stage: Stage) -> None:
    """So a pipeline can be tried with its limits; what follows is still planned."""
    assert stage.run(BAD, dry_run=True).exit_code == 2
    assert stage.run(merge(1, contactId=7), dry_run=True, **MERGE).exit_code == 0
    ended = stage.run(BAD, update(2), dry_run=True, max_rejected=0)
    assert ended.exit_code == 1
    assert "a run would stop here" in ended.log
    assert "would send PUT /v3/tasks/2" in ended.log


def test_asking_for_a_plan_never_sends(stage: Stage) -> None:
    """``--plan-format`` alone makes a dry run, through the console script as well."""
    with_tasks(stage, 1)
    hostile = {"body": "\x1b[2J\u202e", "subject": "\x1b[31m\x7f"}
    ended = stage.script(execution(1, content=hostile, externalId="crm"), words=JSON_LINES)
    record, summary = ended.states
    assert (record["key"], record["would"], record["subject"]) == ("crm", "send", "\x1b[31m\x7f")
    assert (summary["type"], summary["counts"]["send"]) == ("summary", 1)
    assert "Dry run: 1 records read" in ended.last_line
    assert not stage.sandbox.calls
    ended = stage.script(execution(1, content=hostile), words=["--plan-format", "text"])
    assert (ended.states, stage.sandbox.calls) == ([], [])
    assert "\x1b" not in ended.log
    assert r"\u001b[31m" in ended.log
    for untrue in ("METRIC", "completed", "Skipping parse of env"):
        assert untrue not in ended.log
