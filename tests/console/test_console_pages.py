"""What the pages show: every text whole, as text, and what the commands say too."""

import csv
import json
import re
from html import unescape
from io import StringIO

import pytest
from console_world import Visitor, hold, serving, words
from messages import execution, record, update
from target_runs import Stage

from reply_tasks.console import pages
from reply_tasks.contract.enums import TaskType
from reply_tasks.sandbox import Endpoint, FaultKind

SCRIPT = "<p>Hi</p><script>alert('x')</script><img src=x onerror=alert(1)>\u202egnp.exe"


def test_a_text_is_shown_whole_and_as_text(stage: Stage) -> None:
    """Markup is escaped, what would turn letters around is written out, nothing is cut off."""
    long = "word " * 2000 + "the end"
    hold(stage, {1: SCRIPT, 2: long})
    with serving(stage) as visitor:
        page = visitor.open().get("/held")
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page.text
    assert "<img src=x" not in page.text
    assert "\u202e" not in page.text
    assert "\\u202egnp.exe" in page.text
    assert long in words(page)


def test_a_held_execution_is_shown_with_its_recipient(stage: Stage) -> None:
    """Contact and address, as far as Reply has told them; subject, key, and who read it in."""
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    stage.run(update(1, taskType="manualEmail", template={"subject": "S", "body": "B"}))
    content = {"subject": "Renewal", "body": "Hi Ada."}
    stage.run(execution(1, content=content, externalId="crm-7"), executions_without_approval=0)
    with serving(stage) as visitor:
        said = words(visitor.open().get("/held"))
    for part in (
        "contact 1001",
        "@",
        "Renewal",
        "Hi Ada.",
        "crm-7",
        stage.runs()[-1]["run_id"][:12],
    ):
        assert part in said


def test_what_nobody_has_seen_has_no_button(stage: Stage) -> None:
    """An execution that Reply would render has to be previewed before it can be approved."""
    hold(stage, {1: None})
    with serving(stage) as visitor:
        page = visitor.open().get("/held")
        assert "nobody has seen it" in words(page)
        assert not visitor.shown()
        assert 'name="approve"' not in page.text


def test_the_overview_says_what_waits_and_what_came_of_records(stage: Stage) -> None:
    """Counts with their words, and a chart that says the same to who can't see it."""
    hold(stage, {1: "Hi Ada.", 2: "Hi Bob."})
    stage.run(update(404))
    with serving(stage) as visitor:
        page = visitor.open().get("/")
        said = words(page)
        assert visitor.get("/?range=day").status_code == 200
        assert visitor.get("/?range=nonsense").status_code == 200
    assert "2 to approve or decline" in said
    assert "1 rejected" in said
    assert 'aria-label="held: 2 records, at most 2 a day"' in page.text


def test_what_was_sent_is_shown_with_its_text(stage: Stage) -> None:
    """Without SQL: to whom, when, and what."""
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    stage.run(execution(1, content={"subject": "Renewal", "body": "Hi Ada."}))
    with serving(stage) as visitor:
        said = words(visitor.open().get("/sent"))
        history = words(visitor.get("/tasks/1"))
        found = words(visitor.get("/find?key=1"))
    assert "Hi Ada." in said
    assert "contact 1001" in said
    assert "Was it sent? Yes" in history
    assert "Was it sent? Yes" in found


def test_what_is_rejected_can_be_narrowed_and_downloaded(stage: Stage) -> None:
    """By reason on the page; as CSV, JSON lines, and messages that the target reads."""
    stage.run(update(404), update(1, dueTo="nonsense"))
    with serving(stage) as visitor:
        visitor.open()
        said = words(visitor.get("/rejected"))
        narrowed = words(visitor.get("/rejected?reason=task_not_found"))
        table = visitor.get("/rejected/download?format=csv").text
        lines = visitor.get("/rejected/download?format=jsonl&reason=task_not_found").text
        singer = visitor.get("/rejected/download?format=singer")
        assert visitor.get("/rejected/download?format=exe").status_code == 404
    assert "task not found 1" in said
    assert "invalid record 1" in said
    assert "HTTP 404" in narrowed
    assert "invalid record ·" not in narrowed
    assert len(list(csv.DictReader(StringIO(table)))) == 2
    assert [json.loads(line)["task_id"] for line in lines.splitlines()] == [404]
    assert "attachment" in singer.headers["content-disposition"]
    again = stage.run(*singer.text.splitlines())
    assert again.exit_code == 2


def test_an_uncertain_execution_is_shown_with_its_calls(stage: Stage) -> None:
    """What is known of it, and two words to choose from."""
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=1)
    content = {"subject": "S", "body": "Hi Ada."}
    stage.run(execution(1, content=content), on_lost_answer="hold")
    with serving(stage) as visitor:
        said = words(visitor.open().get("/uncertain"))
    for part in ("Hi Ada.", "execute", "It was sent", "It was not sent"):
        assert part in said


@pytest.mark.parametrize(
    "path", ["/nowhere", "/tasks/12345", f"/tasks/{10**30}", "/tasks/x", "/static/../app.py"]
)
def test_what_is_not_there_is_404(console: Visitor, path: str) -> None:
    """With a page that leads back."""
    assert console.get(path).status_code == 404


def test_a_ledger_that_is_gone_is_one_line(console: Visitor) -> None:
    """A page says what is wrong, not where in the code."""
    for part in console.stage.folder.glob("ledger.db*"):
        part.unlink()
    answer = console.get("/held")
    assert answer.status_code == 503
    assert "ledger" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/held", "/sent", "/rejected", "/rejected/download"])
def test_an_address_made_by_hand_breaks_nothing(console: Visitor, path: str) -> None:
    """Numbers that are none or too large, and runs that no ledger can hold, find nothing."""
    for query in ("run=%00", "run=%ff", "after=-1&before=x", f"after={10**25}&before={10**25}"):
        assert console.get(f"{path}?format=csv&{query}").status_code == 200


def test_rejected_records_are_paged_in_the_order_settled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is on one page, none is left out, and one that was answered since is on none."""
    monkeypatch.setattr(pages, "A_LONG_PAGE", 2)
    nameless = {"taskType": "call", "externalId": "crm-3"}
    stage.run(update(401), update(402), record("task_updates", nameless), update(404), update(405))
    stage.sandbox.create_task(3)
    stage.run(update(3, externalId="crm-3"))
    seen: list[str] = []
    with serving(stage) as visitor:
        visitor.open()
        path: str | None = "/rejected"
        while path:
            page = visitor.get(path).text
            seen += re.findall(r"<h3>(.*?)</h3>", page)
            more = re.search(r'<p class="pager"><a href="([^"]+)"', page)
            path = unescape(more[1]) if more else None
            assert 'all <span class="count">4</span>' in page
    assert sorted(seen) == ["task 401", "task 402", "task 404", "task 405"]
