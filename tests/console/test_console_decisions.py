"""What a person decides is done, once, and only as it was shown to them."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from console_world import Visitor, hold, serving, words
from messages import execution
from sqlalchemy import update as sql_update
from target_runs import KEY, Stage

from reply_tasks.contract.enums import TaskType
from reply_tasks.ledger import Ledger
from reply_tasks.ledger.tables import operations
from reply_tasks.sandbox import Endpoint, FaultKind


def sent(visitor: Visitor) -> list[int]:
    visitor.stage.run(executions_without_approval=0)
    return sorted(each.task_id for each in visitor.stage.sandbox.outbox)


def test_one_is_approved_and_goes_out_once(console: Visitor) -> None:
    """With the next run; the console itself calls nothing."""
    first, _ = console.shown()
    answer = console.post("/held", ("approve", first))
    assert "Approved: 1 message goes out" in words(answer)
    assert "approved by ann" in words(answer)
    assert not console.stage.sandbox.calls
    assert sent(console) == [1]
    assert sent(console) == [1]


def test_several_are_approved_and_one_is_declined(stage: Stage) -> None:
    """Two of three leave as they were shown; the third is rejected, with why and by whom."""
    hold(stage, {1: "one", 2: "two", 3: "three"})
    with serving(stage) as visitor:
        one, two, three = visitor.open().shown()
        visitor.post("/held", ("chosen", one), ("chosen", two), ("do", "approve"))
        name = three.partition(":")[0]
        visitor.post("/held", ("decline", name), (f"why-{name}", "wrong\nperson"))
        assert sent(visitor) == [1, 2]
    row = next(row for row in stage.operations() if row["task_id"] == 3)
    assert (row["outcome"], row["reason"]) == ("rejected", "not_approved")
    assert row["detail"] == "Declined by ann: wrong person"


def test_all_on_a_page_and_several_noes(stage: Stage) -> None:
    """The buttons below the list speak for the ticked ones, or for all that the page showed."""
    hold(stage, {1: "one", 2: "two", 3: "three", 4: "four"})
    with serving(stage) as visitor:
        one, two, three, four = visitor.open().shown()
        visitor.post("/held", ("chosen", one), ("chosen", two), ("why", "no"), ("do", "decline"))
        visitor.post("/held", ("shown", three), ("shown", four), ("do", "approve-page"))
        assert sent(visitor) == [3, 4]


def test_a_text_that_changed_after_the_page_was_made_is_not_approved(console: Visitor) -> None:
    """The form carries the digest of what it showed; the page says to look again."""
    first, second = console.shown()
    url = console.stage.settings["ledger_url"]
    with Ledger.open(url) as ledger, ledger.write() as connection:
        other = {"id": 1, "content": {"subject": "For 1", "body": "Another text"}}
        this = operations.c.operation_id == first.partition(":")[0]
        connection.execute(sql_update(operations).where(this).values(record=other))
    answer = console.post("/held", ("chosen", first), ("chosen", second), ("do", "approve"))
    assert "Approved: 1 message" in words(answer)
    assert "Not approved: 1 message changed" in words(answer)
    assert sent(console) == [2]


def test_a_digest_of_nothing_approves_nothing(console: Visitor) -> None:
    """A form that was made by hand, with no digest or another's, lets nothing out."""
    first, second = (each.partition(":") for each in console.shown())
    for forged in (first[0], f"{first[0]}:", f"{first[0]}:{second[2]}", ":", "x:y"):
        console.post("/held", ("approve", forged))
    assert sent(console) == []


def test_a_yes_can_be_taken_back_until_a_run_has_used_it(console: Visitor) -> None:
    """Declining what was approved keeps it from going out."""
    first, _ = console.shown()
    console.post("/held", ("approve", first))
    console.post("/held", ("decline", first.partition(":")[0]))
    assert sent(console) == []


def test_who_comes_second_is_told(console: Visitor) -> None:
    """What was declined in another window can't be approved in this one."""
    first, _ = console.shown()
    console.post("/held", ("decline", first.partition(":")[0]))
    assert "no longer waited" in words(console.post("/held", ("approve", first)))
    assert sent(console) == []


def test_nothing_chosen_does_nothing_and_says_so(console: Visitor) -> None:
    """A button for the ticked ones with none ticked."""
    for do in ("approve", "decline", "approve-page", "nonsense"):
        assert "Nothing was chosen" in words(console.post("/held", ("do", do)))
    assert len(console.shown()) == 2


def test_what_came_of_it_is_told_once(console: Visitor) -> None:
    """Loading the page that follows again repeats neither the words nor the decision."""
    answer = console.post("/held", ("approve", console.shown()[0]))
    assert answer.history[0].status_code == 303
    assert "Approved: 1" in words(answer)
    path = answer.url.removeprefix(console.root)
    assert "Approved: 1" not in words(console.get(path))


def test_many_at_once_say_yes_to_the_same_and_it_goes_out_once(console: Visitor) -> None:
    """Impatient presses are one approval."""
    first, _ = console.shown()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: console.post("/held", ("approve", first)), range(4)))
    assert all(answer.status_code == 200 for answer in answers)
    assert sent(console) == [1]


def make_uncertain(stage: Stage) -> str:
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=1)
    stage.run(execution(1, content={"subject": "S", "body": "B"}), on_lost_answer="hold")
    operation_id = stage.fate()["operation_id"]
    assert isinstance(operation_id, str)
    return operation_id


def test_an_uncertain_execution_is_settled_by_a_person_who_has_looked(stage: Stage) -> None:
    """Without saying that they looked nothing is settled; with it, as they say; once."""
    operation_id = make_uncertain(stage)
    with serving(stage) as visitor:
        visitor.open()
        said = words(visitor.post("/uncertain", ("id", operation_id), ("word", "not-sent")))
        assert "Nothing was settled" in said
        assert stage.fate()["outcome"] == "uncertain"
        looked = ("looked", "yes")
        visitor.post("/uncertain", ("id", operation_id), ("word", "sent"), looked)
        assert stage.fate()["outcome"] == "applied"
        again = visitor.post("/uncertain", ("id", operation_id), ("word", "not-sent"), looked)
        assert "settled already" in words(again)
        assert stage.fate()["outcome"] == "applied"


def test_what_is_no_operation_is_told(console: Visitor) -> None:
    """A form that was made by hand settles nothing."""
    looked = ("looked", "yes")
    answer = console.post("/uncertain", ("id", "<b>x</b>"), ("word", "sent"), looked)
    assert "not an operation id" in words(answer)


def test_a_previewed_text_can_be_approved_and_is_what_goes_out(stage: Stage) -> None:
    """Where previews are allowed: one read a text, and the text that was shown is frozen."""
    hold(stage, {1: None, 2: None})
    with serving(stage, api_key=KEY) as visitor:
        page = visitor.open().get("/held").text
        unread = re.findall(r'name="unread" value="([0-9a-f]+)"', page)
        fields = [("unread", each) for each in unread]
        said = words(visitor.post("/held", *fields, ("do", "preview-page")))
        assert "2 tasks were read from Reply" in said
        assert len(stage.sandbox.calls_of(Endpoint.GET)) == 2
        first, _ = visitor.shown()
        shown = said.partition("Subject")[2][:200]
        visitor.post("/held", ("approve", first))
        assert sent(visitor) == [1]
    body = stage.sandbox.outbox[0].body
    assert body
    assert " ".join(body.split())[:20] in shown
    assert stage.bodies(Endpoint.EXECUTE)[0]["content"]["body"] == body


def test_without_permission_nothing_is_read(stage: Stage) -> None:
    """A form that was made by hand makes a console without a key call nothing."""
    hold(stage, {1: None})
    with serving(stage) as visitor:
        visitor.open().post("/held", ("preview", stage.fate()["operation_id"]))
    assert not stage.sandbox.calls


def test_whom_a_text_reaches_can_be_looked_up(stage: Stage) -> None:
    """Where previews are allowed and the ledger has never seen the task; the text stays its own."""
    hold(stage, {1: "Hi Ada."})
    with serving(stage, api_key=KEY) as visitor:
        assert "Recipient not known" in words(visitor.open().get("/held"))
        said = words(visitor.post("/held", ("preview", stage.fate()["operation_id"])))
        assert "@example.com" in said
        assert "Recipient not known" not in said
        assert "See whom it reaches" not in said
        visitor.post("/held", ("approve", visitor.shown()[0]))
        assert sent(visitor) == [1]
    assert stage.sandbox.outbox[0].body == "Hi Ada."


@pytest.mark.e2e
def test_a_ledger_on_postgresql_is_decided_on_as_any_other(stage: Stage, postgres_url: str) -> None:
    """Yes, no, a look at whom it reaches, and what comes too late is told."""
    stage.settings["ledger_url"] = postgres_url
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob.", 3: None})
    with serving(stage, api_key=KEY) as visitor:
        page = visitor.open().get("/held").text
        unread = re.findall(r'name="unread" value="([0-9a-f]+)"', page)
        fields = [("unread", each) for each in unread]
        said = words(visitor.post("/held", *fields, ("do", "preview-page")))
        assert "3 tasks were read from Reply" in said
        one, two, three = visitor.shown()
        visitor.post("/held", ("chosen", one), ("chosen", three), ("do", "approve"))
        visitor.post("/held", ("decline", two.partition(":")[0]))
        assert sent(visitor) == [1, 3]
        assert "no longer waited" in words(visitor.post("/held", ("approve", two)))
        assert "no longer waited" in words(
            visitor.post("/held", ("decline", one.partition(":")[0]))
        )
        for path in ("/", "/sent", "/uncertain", "/rejected", "/find?key=1", "/tasks/1"):
            assert visitor.get(path).status_code == 200
    assert sent(visitor) == [1, 3]
