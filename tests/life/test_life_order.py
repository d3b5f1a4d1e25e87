"""Records of one task keep the order read, whichever of its two keys they bring, and each ends."""

from life_records import HEADS, NEW, creation, keyed, made, renewed
from messages import record, update
from target_runs import Stage

from reply_tasks.sandbox import Endpoint, FaultKind


def outcomes(stage: Stage) -> list[tuple[str, str, str | None]]:
    """Operation, outcome and reason of every settled row."""
    return [(row["operation"], row["outcome"], row["reason"]) for row in stage.operations()]


def test_a_creation_that_is_repeated_amid_others_ends_no_run(stage: Stage) -> None:
    """A source that says the creation again after a change: it is there already."""
    ended = stage.run(
        *HEADS, creation("a"), renewed("a", "B"), creation("a"), renewed("a", "C"), creation("a")
    )
    assert ended.exit_code == 0, ended.log
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 1
    (task,) = made(stage.sandbox)
    assert task.template.body == "C"


def test_what_brings_the_id_waits_for_what_was_read_before_it(stage: Stage) -> None:
    """By the key, by both, by the id: the last one read is the one that stands."""
    stage.sandbox.create_task(7)
    ended = stage.run(
        *HEADS,
        renewed("a", "first"),
        update(7, externalId="a", template={"body": "second"}),
        renewed("a", "third"),
        update(7, template={"body": "fourth"}),
        renewed("a", "last"),
    )
    assert ended.exit_code == 0, ended.log
    assert stage.sandbox.task(7).template.body == "last"
    assert {row["outcome"] for row in stage.operations()} == {"superseded", "applied"}
    stage.run(*HEADS, renewed("a", "by the key"))
    assert stage.sandbox.task(7).template.body == "by the key"


def test_what_was_read_first_is_not_sent_last(stage: Stage) -> None:
    """Its task is only known by the record behind it: that one stands all the same."""
    stage.sandbox.create_task(7)
    stage.run(update(7, template={"body": "second"}))
    ended = stage.run(
        *HEADS, renewed("a", "first"), update(7, externalId="a", template={"body": "second"})
    )
    assert stage.sandbox.task(7).template.body == "second"
    bodies = [body["template"]["body"] for body in stage.bodies(task_id=7)]
    assert bodies in (["second", "first", "second"], ["second"])
    assert "2 records read: " in ended.last_line
    assert "2 applied" in ended.last_line or "1 rejected" in ended.last_line


def test_nothing_supersedes_across_what_can_not_be_undone(stage: Stage) -> None:
    """An update, then a completion, then an update: the first is sent, the last is refused."""
    stage.sandbox.create_task(7)
    for between in ("completions", "assignments"):
        stage.sandbox.create_task(8)
        members = {"userId": 2} if between == "assignments" else {}
        stage.run(
            *HEADS,
            update(8, template={"body": f"before {between}"}),
            record(f"task_{between}", {"id": 8, **members}),
            update(8, template={"body": f"after {between}"}),
        )
    bodies = [body["template"]["body"] for body in stage.bodies(task_id=8)]
    assert bodies == [
        "before completions",
        "after completions",
        "before assignments",
        "after assignments",
    ]
    assert [fate[1:] for fate in outcomes(stage)[:3]] == [
        ("applied", None),
        ("applied", None),
        ("rejected", "task_not_new"),
    ]


def test_a_key_is_text_and_nothing_else(stage: Stage) -> None:
    """7 and "7" are one key; another case, or a space, is another."""
    ended = stage.run(
        *HEADS, creation(7), creation("7"), creation("a"), creation("A"), creation("a ")
    )
    assert ended.exit_code == 0, ended.log
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 4
    keys = {row["external_id"] for row in stage.operations()}
    assert keys == {"7", "a", "A", "a "}


def test_without_a_key_the_same_body_is_the_same_task_of_each_user(stage: Stage) -> None:
    """In the same input and in the next; another user's is another task."""
    for _ in range(2):
        ended = stage.run(
            *HEADS, creation(None), creation(None), creation(None, actAsUserId=2), creation("k")
        )
        assert ended.exit_code == 0, ended.log
    assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == 3
    assert {task.assigned_user_id for task in made(stage.sandbox)} == {1, 2}


def test_a_record_that_contradicts_a_link_says_itself_what_it_means(stage: Stage) -> None:
    """It goes to its id; from then on the external id alone stands for nothing."""
    stage.sandbox.create_task(7)
    stage.sandbox.create_task(8)
    stage.run(*HEADS, update(7, externalId="a", template={"body": "one"}))
    stage.run(
        *HEADS,
        update(8, externalId="a", template={"body": "two"}),
        renewed("a", "three"),
        creation("a"),
    )
    assert [stage.sandbox.task(n).template.body for n in (7, 8)] == ["one", "two"]
    assert ("update", "rejected", "ambiguous") in outcomes(stage)
    assert made(stage.sandbox) == []
    stage.run(*HEADS, keyed("task_executions", "a"), update(8, template={"body": "four"}))
    assert outcomes(stage)[-2:] == [
        ("execute", "rejected", "ambiguous"),
        ("update", "applied", None),
    ]


def test_a_creation_that_was_refused_is_asked_again_in_its_time(stage: Stage) -> None:
    """Within retry_rejected_hours it costs no call; what is read behind it is rejected."""
    said = {"status": 404, "code": "contact.notFound", "detail": "There is no such contact."}
    stage.sandbox.fault(FaultKind.NOT_FOUND, endpoint=Endpoint.CREATE, times=2, body=said)
    bad = creation("a")
    for hours, calls in ((24, 1), (24, 1), (0, 2)):
        ended = stage.run(*HEADS, bad, keyed("task_executions", "a"), retry_rejected_hours=hours)
        assert ended.exit_code == 2
        assert len(stage.sandbox.calls_of(Endpoint.CREATE)) == calls
    assert set(outcomes(stage)) == {
        ("create", "rejected", "api_rejected"),
        ("execute", "rejected", "not_linked"),
    }
    assert stage.sandbox.effects == []
    stage.run(*HEADS, creation("a"), renewed("a", "B"), retry_rejected_hours=0)
    assert outcomes(stage)[-2:] == [("create", "applied", None), ("update", "applied", None)]


def test_a_creation_of_what_is_linked_is_an_update_s_business(stage: Stage) -> None:
    """Nothing is made: the rejection names the task."""
    stage.sandbox.create_task(7)
    stage.run(*HEADS, update(7, externalId="a"))
    stage.run(*HEADS, creation("a"))
    row = stage.fate()
    assert (row["outcome"], row["reason"]) == ("rejected", "already_executed")
    assert "task 7" in row["detail"]
    assert stage.sandbox.calls_of(Endpoint.CREATE) == []


def test_a_creation_of_what_a_record_in_hand_names_makes_nothing(stage: Stage) -> None:
    """The record before it says which task the key is, though it is not sent yet."""
    stage.sandbox.create_task(7)
    ended = stage.run(*HEADS, update(7, externalId="a"), creation("a"), renewed("a", "B"))
    assert made(stage.sandbox) == []
    assert ("create", "rejected", "already_executed") in outcomes(stage)
    assert stage.sandbox.task(7).template.body == "B", ended.log


def test_a_creation_that_changed_is_no_second_one(stage: Stage) -> None:
    """The same key with another body: an update is what it wants."""
    stage.run(*HEADS, creation("a"))
    stage.run(*HEADS, creation("a", template={"body": "Another"}))
    assert outcomes(stage)[-1] == ("create", "rejected", "already_executed")
    assert f"stands for task {made(stage.sandbox)[0].id}" in stage.fate()["detail"]
    assert len(stage.sandbox.effects) == 1
    assert NEW["template"] == {"body": made(stage.sandbox)[0].template.body}


def test_a_key_has_one_task_in_its_life(stage: Stage) -> None:
    """What was deleted and comes back under its key is not made again: nobody said so."""
    stage.run(*HEADS, creation("a"), keyed("task_deletions", "a"))
    ended = stage.run(*HEADS, creation("a"), renewed("a", "B"), create_missing=True)
    assert len(made(stage.sandbox)) == 1
    assert "1 unchanged, 1 rejected" in ended.last_line
    assert outcomes(stage)[-1] == ("update", "rejected", "task_not_new")
